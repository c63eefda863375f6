import * as tf from '@tensorflow/tfjs';
import { beforeEach, describe, expect, it } from 'vitest';
import { prepareWasmBackend } from '../../src/backends/prepare_wasm_backend';
import { asymmetricLoss } from '../../src/losses/asymmetric_loss';
import { f2Metric } from '../../src/metrics/f2_metric';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import type { PosterVariant } from '../../src/models/options';
import { POSTER_VARIANTS } from '../../src/models/poster_variants';
import '../support/backends';
import { expectClose, expectNoLeakAsync, relativeError } from '../support/matchers';

beforeEach(async () => {
  await tf.setBackend('wasm');
  await prepareWasmBackend();
});

const IMAGE = [16, 16, 1] as [number, number, number];

/** A backbone small enough to train in a test. */
function tinyBackbone(seed = 1): tf.LayersModel {
  const input = tf.input({ shape: IMAGE });
  const kernelInitializer = tf.initializers.heNormal({ seed });
  const conv = tf.layers.conv2d({
    filters: 6,
    kernelSize: 3,
    activation: 'relu',
    name: 'features.0',
    kernelInitializer,
  });
  const pooled = tf.layers.globalAveragePooling2d({}).apply(conv.apply(input) as tf.SymbolicTensor);
  return tf.model({ inputs: input, outputs: pooled as tf.SymbolicTensor });
}

/** Saves to memory and loads again. */
async function roundTrip(model: tf.LayersModel): Promise<tf.LayersModel> {
  let artifacts: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (saved) => {
      artifacts = { ...saved, modelTopology: JSON.parse(JSON.stringify(saved.modelTopology)) as object };
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    }),
  );
  return tf.loadLayersModel(tf.io.fromMemory(artifacts!));
}

const batch = (slices: number) => ({
  x: tf.randomUniform([1, slices, ...IMAGE], 0, 1, 'float32', 5),
  y: tf.cast(tf.greater(tf.randomUniform([1, slices, 5], 0, 1, 'float32', 6), 0.7), 'float32'),
});

it('knows the published arrangements by what stands above the backbone too', () => {
  const layersOf = (variant: NonNullable<Parameters<typeof buildCtBrainModel>[0]>['variant']) =>
    buildCtBrainModel({ variant, backbone: tinyBackbone(), seed: 3 }).layers.map((layer) =>
      layer.getClassName(),
    );
  const seen = (Object.keys(POSTER_VARIANTS) as PosterVariant[]).map((name) => {
    const above = (name === 'VGG16' ? 'linear' : name.slice('VGG16 + '.length)) as 'linear';
    expect(layersOf(above)).toEqual(layersOf(name));
    return above;
  });
  expect(seen).toContain('SDL(GRU) + LRNN');
  expect(() => layersOf('SDL(GRU) + LRN' as never)).toThrow("did you mean 'SDL(GRU) + LRNN'?");
});

describe.each(Object.keys(POSTER_VARIANTS) as PosterVariant[])('variant %s', (variant) => {
  it('trains a step, saves and loads at difference 0', async () => {
    const model = buildCtBrainModel({ variant, backbone: tinyBackbone(), seed: 3 });
    const { x, y } = batch(4);
    model.compile({ optimizer: tf.train.adam(1e-2), loss: asymmetricLoss(), metrics: [f2Metric()] });
    const before = (model.predict(x) as tf.Tensor).dataSync();
    const history = await model.fit(x, y, { epochs: 3, verbose: 0 });
    expect(history.history['loss']!.every((l) => Number.isFinite(l as number))).toBe(true);
    expect(history.history['loss']![2]).toBeLessThan(history.history['loss']![0] as number);
    const after = model.predict(x) as tf.Tensor;
    expect(after.shape).toEqual([1, 4, 5]);
    expect(relativeError(after, before)).toBeGreaterThan(0);

    const loaded = await roundTrip(model);
    expect(relativeError(loaded.predict(x) as tf.Tensor, after)).toBe(0);
    const single = tf.slice(x, [0, 0], [1, 1]); // a patient of one slice
    expect((loaded.predict(single) as tf.Tensor).shape).toEqual([1, 1, 5]);
  });

  it('is invariant to whom else is in the batch', () => {
    const model = buildCtBrainModel({ variant, backbone: tinyBackbone(), seed: 3 });
    const x = tf.randomUniform([3, 4, ...IMAGE], 0, 1, 'float32', 8);
    const all = model.predict(x) as tf.Tensor;
    const alone = model.predict(tf.slice(x, [1], [1])) as tf.Tensor;
    expectClose(tf.slice(all, [1], [1]), alone, 1e-5);
  });
});

describe('POSTER_VARIANTS', () => {
  it('holds the published figures', () => {
    expect(Object.keys(POSTER_VARIANTS)).toHaveLength(7);
    expect(POSTER_VARIANTS['VGG16'].published).toEqual({ validationF2: 0.712, kaggleF2: 0.721 });
    expect(POSTER_VARIANTS['VGG16 + LRNN + SDL(GRU)'].published.kaggleF2).toBe(0.783);
  });

  it('build on a real VGG16 by name', () => {
    const model = buildCtBrainModel({ variant: 'VGG16 + SDL(GRU)', inputShape: [32, 32, 1] });
    expect(model.layers.map((layer) => layer.name)).toEqual([
      'images',
      'backbone',
      'slice_dependency',
      'neck',
      'classifier',
    ]);
    expect(model.inputs[0]!.shape).toEqual([null, null, 32, 32, 1]);
    expect(model.outputs[0]!.shape).toEqual([null, null, 5]);
    const lines: string[] = [];
    model.summary(undefined, undefined, (line) => lines.push(String(line)));
    expect(lines.join('\n')).toMatch(/Total params: 15899\d{3}|Total params: 15,?9/);
    model.dispose();
  });
});

describe('buildCtBrainModel', () => {
  const build = (options: object) => buildCtBrainModel({ backbone: tinyBackbone(), seed: 1, ...options });

  it('defaults to GRU over slices, then LSTM over labels', () => {
    const names = build({}).layers.map((layer) => layer.getClassName());
    expect(names).toEqual([
      'InputLayer',
      'PerSlice',
      'SliceDependencyGRU',
      'ResidualNeck',
      'LabelRNNDecoder',
    ]);
  });

  it.each([
    [{ sliceDependency: 'none', labelDecoder: 'linear' }],
    [{ sliceDependency: { type: 'gru', units: 5, numLayers: 2, mergeMode: 'sum' } }],
    [{ sliceDependency: { kernelSize: 3 }, neck: 'concat' }],
    [{ labelDecoder: { cell: 'gru', units: 8, bidirectional: true } }],
    [{ neck: 'none' }],
    [{ order: 'label-then-slice', neck: 'concat' }],
    [{ order: 'label-then-slice', labelFeatures: 'joint' }],
    [{ order: 'label-then-slice', labelFeatures: 'joint', sliceDependency: 'conv1d', neck: 'none' }],
    [{ labels: ['a', 'b'] }],
    [{ sliceDifferences: true, sliceDependency: { numLayers: 2, residual: true }, sliceClassifier: true }],
    [{ variant: 'recommended' }],
    [{ variant: 'recommended', sliceDependency: 'conv1d' }],
    [{ sliceDifferences: true, order: 'label-then-slice', sliceClassifier: true }],
    [{ sliceDifferences: true, order: 'label-then-slice', labelFeatures: 'joint' }],
  ])('builds %o, which survives saving', async (options) => {
    const model = build(options);
    const { x } = batch(3);
    const y = model.predict(x) as tf.Tensor;
    expect(y.shape).toEqual([1, 3, (options as { labels?: string[] }).labels?.length ?? 5]);
    expect(relativeError((await roundTrip(model)).predict(x) as tf.Tensor, y)).toBe(0);
  });

  it('shares one slice layer between the labels, or joins them', () => {
    const shared = build({ order: 'label-then-slice', labelDecoder: { units: 4 } });
    const joint = build({ order: 'label-then-slice', labelDecoder: { units: 4 }, labelFeatures: 'joint' });
    expect(shared.getLayer('slice_dependency').countParams()).toBe(2 * (4 * 6 + 2 * 6 + 12));
    expect(joint.getLayer('slice_dependency').countParams()).toBe(2 * (20 * 30 + 10 * 30 + 60));
  });

  it("adds a slice's own logits to those of the decoder", () => {
    const options = { sliceDifferences: true, sliceDependency: { numLayers: 2, residual: true } };
    const { x } = batch(3);
    const alone = build({ sliceDependency: 'none', labelDecoder: 'linear' });
    const both = build({ ...options, sliceClassifier: true });
    const without = build(options);
    both.getLayer('slice_classifier').setWeights(alone.getLayer('classifier').getWeights());
    const sum = tf.add(alone.predict(x) as tf.Tensor, without.predict(x) as tf.Tensor);
    expectClose(both.predict(x) as tf.Tensor, sum, 1e-6);
    expect(both.getLayer('slice_differences').outputShape).toEqual([null, null, 3 * 6]);
  });

  it('refuses what has no slices to work on', () => {
    expect(() => build({ sliceDependency: 'none', sliceDifferences: true })).toThrow(/sliceDifferences/);
    expect(() => build({ output: 'patient', pooling: 'attention', sliceClassifier: true })).toThrow(
      /sliceClassifier/,
    );
    expect(() => build({ sliceClassifier: 'yes' })).toThrow(/sliceClassifier: expected a boolean/);
    const pooled = build({ output: 'patient', sliceClassifier: true });
    expect(pooled.outputs[0]!.shape).toEqual([null, 5]);
  });

  it('gives padded patients what they get alone, with maskValue', () => {
    const beyond = {
      sliceDifferences: true,
      sliceDependency: { numLayers: 2, residual: true },
      sliceClassifier: true,
    };
    const all = [...Object.keys(POSTER_VARIANTS).map((name) => ({ variant: name })), beyond];
    for (const variant of all) {
      const model = build({ ...variant, maskValue: -1 });
      const x = tf.randomUniform([1, 3, ...IMAGE], 0, 1, 'float32', 5);
      const padded = tf.concat([x, tf.fill([1, 2, ...IMAGE], -1)], 1);
      const y = model.predict(padded) as tf.Tensor;
      expectClose(
        tf.slice(y, [0, 0, 0], [1, 3, 5]),
        model.predict(x) as tf.Tensor,
        1e-5,
        JSON.stringify(variant),
      );
    }
  });

  it('draws equal weights from equal seeds', () => {
    const { x } = batch(2);
    const run = (seed: number) =>
      buildCtBrainModel({ backbone: tinyBackbone(), seed }).predict(x) as tf.Tensor;
    expect(relativeError(run(4), run(4))).toBe(0);
    expect(relativeError(run(4), run(5))).toBeGreaterThan(0);
  });

  it('trains from a dataset of patients of unequal length', async () => {
    const model = build({});
    model.compile({ optimizer: tf.train.adam(1e-3), loss: asymmetricLoss() });
    const patients = tf.data.generator(function* () {
      for (const slices of [1, 3, 2]) {
        const { x, y } = batch(slices);
        yield { xs: x, ys: y };
      }
    });
    const history = await model.fitDataset(patients as unknown as tf.data.Dataset<tf.TensorContainer>, {
      epochs: 2,
      verbose: 0,
    });
    expect(history.history['loss']).toHaveLength(2);
  });

  it('leaks nothing when built, used and disposed', async () => {
    await expectNoLeakAsync(async () => {
      const model = buildCtBrainModel({ backbone: tinyBackbone() });
      const x = tf.zeros([1, 2, ...IMAGE]);
      tf.dispose([model.predict(x), x]);
      model.dispose(); // its backbone with it
    });
  });

  describe.each(['max', 'attention'] as const)('of patients, pooled by %s', (pooling) => {
    const variants = Object.keys(POSTER_VARIANTS) as PosterVariant[];
    const labelled = () => tf.tensor2d([[1, 0, 0, 1, 0]]);

    it.each(variants)('%s trains a step, saves and loads at difference 0', async (variant) => {
      const model = build({ variant, output: 'patient', pooling });
      expect(model.outputs[0]!.shape).toEqual([null, 5]);
      const { x } = batch(4);
      model.compile({ optimizer: tf.train.adam(1e-2), loss: asymmetricLoss(), metrics: [f2Metric()] });
      const { history } = await model.fit(x, labelled(), { epochs: 3, verbose: 0 });
      expect(history['loss']![2]).toBeLessThan(history['loss']![0] as number);
      const y = model.predict(x) as tf.Tensor;
      expect(y.shape).toEqual([1, 5]);
      const loaded = await roundTrip(model);
      expect(relativeError(loaded.predict(x) as tf.Tensor, y)).toBe(0);
      expect((loaded.predict(tf.slice(x, [0, 0], [1, 1])) as tf.Tensor).shape).toEqual([1, 5]);
    });

    it.each(variants)('%s gives a padded patient what it gets alone, with maskValue', (variant) => {
      const model = build({ variant, output: 'patient', pooling, maskValue: -1 });
      const x = tf.randomUniform([1, 3, ...IMAGE], 0, 1, 'float32', 5);
      const padded = tf.concat([x, tf.fill([1, 2, ...IMAGE], -1)], 1);
      expectClose(model.predict(padded) as tf.Tensor, model.predict(x) as tf.Tensor, 1e-5);
      const other = tf.randomUniform([1, 5, ...IMAGE], 0, 1, 'float32', 6);
      const both = model.predict(tf.concat([padded, other])) as tf.Tensor;
      expectClose(tf.slice(both, [0], [1]), model.predict(x) as tf.Tensor, 1e-5);
    });

    it('does not depend on the order of the slices where no slice layer does', () => {
      for (const variant of ['VGG16', 'VGG16 + LRNN'] as const) {
        const model = build({ variant, output: 'patient', pooling });
        const { x } = batch(4);
        const turned = model.predict(tf.gather(x, [2, 0, 3, 1], 1)) as tf.Tensor;
        expectClose(turned, model.predict(x) as tf.Tensor, 1e-5);
      }
    });
  });

  it('takes the largest logit of the slices, with the weights of the model of slices', () => {
    for (const variant of Object.keys(POSTER_VARIANTS) as PosterVariant[]) {
      const slices = build({ variant });
      const patient = build({ variant, output: 'patient', pooling: 'max' });
      patient.setWeights(slices.getWeights());
      const { x } = batch(4);
      expectClose(patient.predict(x) as tf.Tensor, tf.max(slices.predict(x) as tf.Tensor, 1), 1e-6);
    }
  });

  it.each([
    [{}, ['SlicePooling'], [null, 5]],
    [{ variant: 'VGG16', pooling: { units: 3, gated: true } }, ['SlicePooling', 'Dense'], [null, 6]],
    [{ pooling: 'attention' }, ['SlicePooling', 'LabelRNNDecoder'], [null, 6]],
    [
      { order: 'label-then-slice', labelDecoder: { units: 4 }, pooling: 'attention' },
      ['SlicePooling', 'LabelLinear'],
      [null, 5, 4],
    ],
    [
      { order: 'label-then-slice', labelDecoder: { units: 4 }, labelFeatures: 'joint', pooling: 'attention' },
      ['SlicePooling', 'Dense'],
      [null, 20],
    ],
  ])('pools where it should: %o', (options, last, pooled) => {
    const model = build({ ...options, output: 'patient' });
    expect(model.layers.slice(-last.length).map((layer) => layer.getClassName())).toEqual(last);
    expect(model.getLayer('slice_pooling').outputShape).toEqual(pooled);
    expect(model.outputs[0]!.shape).toEqual([null, 5]);
  });

  it.each([
    [
      { output: 'patients' },
      /output: expected 'slices' or 'patient', received "patients"; did you mean 'patient'\?/,
    ],
    [{ pooling: 'max' }, /pooling: expected none, unless output is 'patient', received "max"/],
    [{ output: 'patient', pooling: 'mean' }, /pooling: expected 'max' or 'attention'/],
    [{ output: 'patient', pooling: { type: 'max', units: 3 } }, /option 'units'/],
    [{ output: 'patient', pooling: { units: 0 } }, /units: expected a positive integer/],
    [{ variant: 'VGG19' }, /variant: expected one of 'VGG16'.*received "VGG19"; did you mean 'VGG16'\?/],
    [
      { backbone: 'alexnet' },
      /backbone: expected one of 'densenet121', 'mobilenet_v2', 'resnet18', 'smallCnn', 'squeezenet1_1', 'vgg16', received "alexnet"/,
    ],
    [{ sliceDependancy: 'gru' }, /unknown option 'sliceDependancy'; did you mean 'sliceDependency'\?/],
    [{ sliceDependency: 'lstm' }, /sliceDependency: expected one of 'gru', 'conv1d', 'none'/],
    [{ sliceDependency: { type: 'gru', filters: 3 } }, /unknown option 'filters'; known: type, units/],
    [{ labelDecoder: { depth: 3 } }, /labelDecoder/],
    [{ labels: ['a', 'a'] }, /labels: expected one or more different names/],
    [{ order: 'label-then-slice', labelDecoder: 'linear' }, /order 'label-then-slice'.*labelDecoder 'lrnn'/],
    [{ neck: 'mul' }, /neck/],
    [{ normalize: true }, /normalize: expected false with a backbone that is a model.*, received true/],
    [{ seed: 0.5 }, /seed: expected an integer/],
  ])('refuses %o', (options, message) => {
    expect(() => build(options)).toThrow(message as RegExp);
  });
});
