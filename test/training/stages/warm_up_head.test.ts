import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { buildCtBrainModel } from '../../../src/models/ct_brain_model';
import { backboneOf } from '../../../src/models/model_parts';
import { extractFeatures, featureSource } from '../../../src/training/batches/features';
import { computeGradients } from '../../../src/training/steps/train_step';
import { asymmetricLoss } from '../../../src/losses/asymmetric_loss';
import { predictStack } from '../../../src/prediction/predict';
import { warmUpHead } from '../../../src/training/stages/warm_up_head';
import { expectClose, expectNoLeakAsync } from '../../support/matchers';
import { memorySource, tinyBackbone } from '../../support/memory_source';

const labels = ['a', 'b'];
const train = memorySource({ patients: ['p1', 'p2', 'p3', 'p4'], slices: 3 });
const validation = memorySource({ patients: ['v1', 'v2'], slices: 4 });
const build = () =>
  buildCtBrainModel({
    variant: 'VGG16 + LRNN + SDL(GRU)',
    backbone: tinyBackbone({ batchNorm: true }),
    labelDecoder: { units: 4 },
    ...{ labels, seed: 1 },
  });
const weightsOf = (model: tf.LayersModel) => model.getWeights().map((weight) => [...weight.dataSync()]);
const options = { train, validation, seed: 1, epochs: 4, learningRate: 1e-2, versions: 2, patience: 9 };

describe('warmUpHead', () => {
  it('leaves the backbone as it is, and the head better', async () => {
    const model = build();
    const before = weightsOf(backboneOf(model));
    const extracted: number[] = [];
    const history = await warmUpHead(model, {
      ...{ ...options, epochs: 20 },
      onExtract: ({ done, total }) => extracted.push(done / total),
    });
    expect(weightsOf(backboneOf(model))).toEqual(before);
    expect(extracted).toHaveLength(6);
    expect(extracted.at(-1)).toBe(1);
    expect(history.map(({ stage }) => stage)).toEqual(history.map(() => 'warm-up'));
    expect(history.at(-1)!.loss).toBeLessThan(history[0]!.loss);
    model.dispose();
  });

  it('says the same of features as of the images they are of, in value and in the gradient of the head', async () => {
    const model = build();
    const features = featureSource(train, await extractFeatures(backboneOf(model), train));
    const [image, feature] = await Promise.all([train.load('p1'), features.load('p1')]);
    const [x, f] = [image, feature].map(({ images }) => tf.expandDims(images));
    expectClose(predictStack(model, f!, { fromFeatures: true }), predictStack(model, x!), 1e-5);
    const y = tf.expandDims(image.labels!);
    const whole = computeGradients(model, x!, y, { loss: asymmetricLoss() });
    const head = computeGradients(model, f!, y, { loss: asymmetricLoss(), fromFeatures: true });
    const names = Object.keys(head.gradients);
    expect(names.length).toBeGreaterThan(0);
    expect(names.length).toBeLessThan(Object.keys(whole.gradients).length);
    for (const name of names) expectClose(head.gradients[name]!, whole.gradients[name]!, 1e-5);
    expect(() => predictStack(model, x!, { fromFeatures: true })).toThrow(
      /features \[batch, slices, 1, 1, \d+\]/,
    );
    model.dispose();
  });

  it('keeps the mean of the last epochs, and gives the same each time', async () => {
    const run = async (averageEpochs: number) => {
      const model = build();
      const history = await warmUpHead(model, { ...options, averageEpochs });
      return { weights: weightsOf(model), losses: history.map(({ loss }) => loss) };
    };
    const [last, mean, again] = [await run(1), await run(3), await run(3)];
    expect(mean).toEqual(again);
    expect(mean.weights).not.toEqual(last.weights);
    expect(mean.losses).toEqual(last.losses); // training goes on from the weights themselves
  });

  it('leaks nothing', async () => {
    const model = build();
    await expectNoLeakAsync(() => warmUpHead(model, { ...options, epochs: 1, averageEpochs: 2 }));
    model.dispose();
  });
});
