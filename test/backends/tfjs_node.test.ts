import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as lib from '../../src/index';
import { warpByGather } from '../../src/kernels/warp/composed';
import { confusionCounts } from '../../src/metrics/confusion_counts';
import { memorySource, tinyBackbone } from '../support/memory_source';

const known = new Set(
  JSON.parse(readFileSync(new URL('../golden/tfjs_node_kernels.json', import.meta.url), 'utf8')) as string[],
);
const removed: tf.KernelConfig[] = [];

beforeAll(() => {
  for (const kernel of tf.getKernelsForBackend('cpu')) {
    if (known.has(kernel.kernelName)) continue;
    removed.push(kernel);
    tf.unregisterKernel(kernel.kernelName, 'cpu');
  }
});
afterAll(() => removed.forEach((kernel) => tf.registerKernel(kernel)));

const images = () => tf.randomUniform([2, 16, 12, 1], 0, 1, 'float32', 3) as tf.Tensor4D;
const logits = () => tf.randomNormal([1, 4, 2], 0, 1, 'float32', 5);
const yTrue = () => tf.tensor3d([[[1, 0], [0, 1], [0, -1], [0, 0]]]); // prettier-ignore
const features = () => tf.randomNormal([2, 5, 6], 0, 1, 'float32', 7);
const train = memorySource({ patients: ['p1', 'p2'], slices: 3 });
const validation = memorySource({ patients: ['v1'], slices: 2 });
const model = (options: lib.CtBrainModelOptions = {}) =>
  lib.buildCtBrainModel({
    variant: 'VGG16 + LRNN + SDL(GRU)',
    backbone: tinyBackbone({ batchNorm: true }),
    labels: ['a', 'b'],
    seed: 1,
    ...options,
  });

/** Output and gradient of a layer, in training and out of it. */
function layer(make: lib.SliceConv1D | tf.layers.Layer, x: tf.Tensor = features()): tf.Tensor {
  make.apply(x);
  const variables = make.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const run = (training: boolean) => tf.sum(tf.square(make.apply(x, { training }) as tf.Tensor)) as tf.Scalar;
  const value = variables.length > 0 ? tf.variableGrads(() => run(true), variables).value : run(true);
  return tf.stack([value, run(false)]);
}

const TRANSFORMS: Record<string, () => tf.Tensor> = {
  clahe: () => lib.clahe(images(), { tileGridSize: [2, 2] }),
  resize: () => lib.resize(images(), [9, 20]),
  'resize, nearest': () => lib.resize(images(), [9, 20], { method: 'nearest' }),
  affine: () => lib.affine(images(), { angle: 30, scale: 1.2, translate: [1, -1], fill: 0.5 }),
  flip: () => lib.flip(images(), 'horizontal'),
  colorJitter: () => lib.colorJitter(images(), { brightness: 1.1, contrast: 0.8 }),
  huWindow: () => lib.huWindow(tf.mul(images(), 80), lib.CT_WINDOWS.brain),
  windowChannels: () => lib.windowChannels(tf.mul(images(), 80) as tf.Tensor4D, ['brain', 'bone']),
  neighborSlices: () => lib.neighborSlices(images(), { radius: 1 }),
  randomAugment: () => lib.randomAugment({ seed: 4 })(images()),
  preprocess: () => lib.preprocess(images(), lib.createPreprocessing({ imageSize: [8, 8], neighbors: 1 })),
};

const LAYERS: Record<string, () => tf.Tensor> = {
  SliceDependencyGRU: () => layer(new lib.SliceDependencyGRU({ units: 3, numLayers: 2 })),
  SliceConv1D: () => layer(new lib.SliceConv1D({ filters: 3, activation: 'elu' })),
  LabelRNNDecoder: () => layer(new lib.LabelRNNDecoder({ labels: 2, units: 3 })),
  'LabelRNNDecoder, GRU': () =>
    layer(new lib.LabelRNNDecoder({ labels: 2, units: 3, cell: 'gru', bidirectional: true })),
  LabelLinear: () => layer(new lib.LabelLinear({}), tf.randomNormal([2, 5, 3, 4])),
  SliceDifferences: () => layer(new lib.SliceDifferences({})),
  'SlicePooling, max': () => layer(new lib.SlicePooling({ mode: 'max' })),
  'SlicePooling, attention': () => layer(new lib.SlicePooling({ mode: 'attention' })),
  FusedConv2D: () => layer(new lib.FusedConv2D({ filters: 2, kernelSize: 3, activation: 'relu' }), images()),
  FusedBatchNorm: () => layer(new lib.FusedBatchNorm({}), images()),
};

const SCORES: Record<string, () => tf.Tensor> = {
  asymmetricLoss: () => tf.grad((x: tf.Tensor) => lib.asymmetricLoss()(yTrue(), x))(logits()),
  weightedLogLossMetric: () => lib.weightedLogLossMetric()(yTrue(), logits()),
  fBetaScore: () => lib.fBetaScore(yTrue(), tf.sigmoid(logits()), { average: 'macro' }),
  f2Metric: () => lib.f2Metric()(yTrue(), logits()),
  confusionCounts: () => confusionCounts(yTrue(), tf.sigmoid(logits()), 0.5).tp,
};

describe('with the kernels of tfjs-node alone', () => {
  it('is what the rest of this file runs with', () => {
    expect(tf.getKernel(tf.Transform, 'cpu')).toBeUndefined();
    expect(tf.getKernel('CtWarp', 'cpu')).toBeUndefined();
    expect(removed.length).toBeGreaterThan(10);
  });

  it.each(Object.entries({ ...TRANSFORMS, ...LAYERS, ...SCORES }))('%s', (_, run) => {
    const values = tf.tidy(() => run()).dataSync();
    expect([...values].every(Number.isFinite)).toBe(true);
  });

  it.each(lib.BACKBONES)('backbone %s', (name) => {
    const backbone = lib[name]({ inputShape: [32, 32, 1], normalize: true, seed: 1 });
    const values = (backbone.predict(tf.randomUniform([1, 32, 32, 1])) as tf.Tensor).dataSync();
    expect([...values].every(Number.isFinite)).toBe(true);
  });

  it('trainStep of a backbone of the library', () => {
    const built = model({
      backbone: lib.squeezenet1_1({ inputShape: [32, 32, 1], normalize: true, seed: 1 }),
    });
    const labels = tf.tensor3d([[[0, 1]]]);
    const options = { loss: lib.asymmetricLoss(), updateBatchNorm: true };
    const { loss } = lib.trainStep(
      built,
      tf.randomUniform([1, 1, 32, 32, 1]),
      labels,
      lib.adam(1e-4),
      options,
    );
    expect(Number.isFinite(loss.dataSync()[0])).toBe(true);
  });

  it('pretrainBackbone and trainPatients, augmented, then prediction, evaluation and explanation', async () => {
    const options = { train, validation, seed: 1, epochs: 1 };
    const backbone = tinyBackbone({ batchNorm: true });
    const [pretrained] = await lib.pretrainBackbone(model({ variant: 'VGG16', backbone }), options);
    const trained = model({ backbone });
    const [log] = await lib.trainPatients(trained, {
      ...options,
      augmentSequence: { reverse: 0.5, keep: [0.5, 1] },
    });
    expect([pretrained!.loss, log!.loss, log!.validationF2].every(Number.isFinite)).toBe(true);
    const { probabilities } = await lib.collectPredictions(trained, validation, { flips: ['horizontal'] });
    expect(probabilities.flat().every(Number.isFinite)).toBe(true);
    const { images: stack } = await validation.load('v1');
    expect(lib.gradCam(trained, stack, { label: 0 }).shape).toEqual([2, 16, 16]);
    expect(lib.sliceContributions(trained, stack, { label: 0 })).toBeDefined();
    const found = await lib.extractFeatures(lib.backboneOf(trained), validation, { versions: 1 });
    expect(found.get('v1')![1]!.every(Number.isFinite)).toBe(true);
  });

  it.each(['max', 'attention'] as const)('a model of patients, pooled by %s', (pooling) => {
    const built = model({ output: 'patient', pooling, variant: 'VGG16 + SDL(GRU)' });
    const step = lib.trainStep(
      built,
      tf.randomUniform([1, 3, 16, 16, 1]),
      tf.tensor2d([[1, 0]]),
      lib.adam(1e-4),
      {
        loss: lib.asymmetricLoss(),
      },
    );
    expect(Number.isFinite(step.loss.dataSync()[0])).toBe(true);
  });
});

describe('warping by gather', () => {
  it('is what the kernel gives', () => {
    const x = tf.randomUniform([2, 7, 5, 3], 0, 1, 'float32', 2) as tf.Tensor4D;
    const compiled = removed.find(
      ({ kernelName, backendName }) => kernelName === 'CtWarp' && backendName === 'cpu',
    )!;
    for (const size of [
      [7, 5],
      [4, 9],
    ] as const)
      for (const nearest of [false, true]) {
        // prettier-ignore
        const attrs = { size, matrix: [0.8, -0.6, 2.1, 0.6, 0.8, -1.3], fill: 0.25, nearest } as never;
        const expected = compiled.kernelFunc({
          inputs: { x },
          attrs,
          backend: tf.backend(),
        }) as tf.TensorInfo;
        const difference = tf.sub(warpByGather(x, attrs), tf.engine().makeTensorFromTensorInfo(expected));
        expect(tf.max(tf.abs(difference)).dataSync()[0]).toBeLessThan(1e-6);
      }
  });
});
