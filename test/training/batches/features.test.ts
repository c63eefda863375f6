import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { disposeStack, subset, type PatientStack } from '../../../src/data/sources/patient_source';
import { buildCtBrainModel } from '../../../src/models/ct_brain_model';
import { deriveSeed } from '../../../src/base/random';
import { evaluatePatients } from '../../../src/prediction/evaluate';
import { extractFeatures, featureBackbone, featureSource } from '../../../src/training/batches/features';
import { trainPatients } from '../../../src/training/stages/train_patients';
import { applyAugmentation, drawAugmentation } from '../../../src/transforms/random_augment';
import { expectClose, expectNoLeakAsync } from '../../support/matchers';
import { memorySource, tinyBackbone } from '../../support/memory_source';

const source = memorySource({ patients: ['p', 'q', 'r'], slices: (patient) => (patient === 'q' ? 5 : 3) });
const backbone = tinyBackbone();
const read = async (loading: Promise<PatientStack>) => {
  const stack = await loading;
  const values = {
    images: tf.squeeze(stack.images, [1, 2]).arraySync() as number[][],
    labels: stack.labels?.arraySync(),
  };
  disposeStack(stack);
  return values;
};

describe('extractFeatures and featureSource', () => {
  it('are what the backbone makes of the images, and of augmented ones', async () => {
    const features = await extractFeatures(backbone, source, { versions: 2, seed: 4, memoryBudget: 1 });
    expect([...features.keys()]).toEqual(['p', 'q', 'r']);
    const stack = await source.load('q');
    expectClose(backbone.predict(stack.images) as tf.Tensor, features.get('q')![0]!, 1e-5);
    for (const version of [0, 1]) {
      const draw = drawAugmentation({}, deriveSeed(4, 'features', 'q', version));
      const augmented = backbone.predict(applyAugmentation(stack.images, draw)) as tf.Tensor;
      expectClose(augmented, features.get('q')![1 + version]!, 1e-5);
    }
    disposeStack(stack);
  });

  it('are refused for images of another size, of which the backbone would make others', async () => {
    await expect(extractFeatures(tinyBackbone({ size: 32 }), source)).rejects.toThrow(
      /extractFeatures: images of p: expected \[slices, 32, 32, 1\], as the backbone expects, received float32 tensor of shape \[3, 16, 16, 1\]/,
    );
  });

  it('hold each slice with its labels, all or some', async () => {
    const features = await extractFeatures(backbone, source);
    const ofFeatures = featureSource(source, features);
    const all = await read(ofFeatures.load('q'));
    expectClose(tf.tensor(all.images), features.get('q')![0]!);
    expect(all.labels).toEqual(source.sliceLabels('q'));
    const some = await read(ofFeatures.loadSlices!('q', [4, 0]));
    expect(some).toEqual({
      images: [all.images[4], all.images[0]],
      labels: [all.labels![4], all.labels![0]],
    });
    expect(await read(subset(ofFeatures, ['q']).load('q'))).toEqual(all);
  });

  it('augment by the versions there are, the same for the same draw', async () => {
    const plain = featureSource(source, await extractFeatures(backbone, source));
    expect(await read(plain.loadAugmented!('p', drawAugmentation({}, 1)))).toEqual(
      await read(plain.load('p')),
    );
    const features = await extractFeatures(backbone, source, { versions: 3 });
    const several = featureSource(source, features);
    const seen = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const draw = drawAugmentation({}, seed);
      const { images } = await read(several.loadAugmented!('p', draw));
      expect(await read(several.loadAugmented!('p', draw))).toMatchObject({ images });
      seen.add(
        features
          .get('p')!
          .findIndex((version) => version[0] === images[0]![0] && version[3] === images[0]![3]),
      );
    }
    expect([...seen].sort()).toEqual([1, 2, 3]);
  });

  it('train a head as the backbone frozen under it would', async () => {
    const train = { seed: 2, epochs: 3, augment: false, learningRate: 1e-2 } as const;
    const sides = (all: typeof source) => ({
      train: subset(all, ['p', 'q']),
      validation: subset(all, ['r']),
    });
    const options = {
      labels: source.labels,
      sliceDependency: { units: 4 },
      labelDecoder: 'linear',
      seed: 1,
    } as const;
    const whole = buildCtBrainModel({ ...options, backbone });
    backbone.trainable = false;
    const expected = await trainPatients(whole, { ...train, ...sides(source) });
    const features = featureSource(source, await extractFeatures(backbone, source)) as typeof source;
    const { shape } = backbone.outputs[0]!;
    const head = buildCtBrainModel({ ...options, backbone: featureBackbone(shape[1]!) });
    const actual = await trainPatients(head, { ...train, ...sides(features) });
    expectClose(
      tf.tensor(actual.map(({ loss }) => loss)),
      expected.map(({ loss }) => loss),
      1e-5,
    );
    expect((await evaluatePatients(head, features)).f2).toBeCloseTo(
      (await evaluatePatients(whole, source)).f2,
      6,
    );
  });

  it('leave no tensor behind', async () => {
    await expectNoLeakAsync(async () => {
      await extractFeatures(backbone, source, { versions: 1 });
    });
  });

  it('refuse bad arguments', async () => {
    await expect(extractFeatures(backbone, source, { versions: -1 })).rejects.toThrow(
      'extractFeatures: versions',
    );
    await expect(extractFeatures(backbone, source, { seed: 0.5 })).rejects.toThrow('extractFeatures: seed');
    const image = tf.input({ shape: [4, 4, 1] });
    await expect(extractFeatures(tf.model({ inputs: image, outputs: image }), source)).rejects.toThrow(
      'a model to [n, features]',
    );
    expect(() => featureSource(source, new Map())).toThrow('values for each of the 3 slices of p');
    const features = new Map([
      ['p', [new Float32Array(6)]],
      ['q', [new Float32Array(5)]],
      ['r', [new Float32Array(6)]],
    ]);
    expect(() => featureSource(source, features)).toThrow('the same number for every patient');
    expect(() => featureBackbone(0)).toThrow('featureBackbone: features');
  });
});
