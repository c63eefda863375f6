// The library's operations, on `window.matrix`: each returns numbers that must be equal on every backend.
import * as tf from '@tensorflow/tfjs';
import {
  adam,
  affine,
  applyAugmentation,
  asymmetricLoss,
  buildCtBrainModel,
  clahe,
  colorJitter,
  DecisionCounter,
  densenet121,
  drawAugmentation,
  fBetaScore,
  flip,
  FusedBatchNorm,
  FusedConv2D,
  GrayToRgb,
  huWindow,
  ImageNetNormalization,
  LabelLinear,
  LabelRNNDecoder,
  mobilenet_v2,
  PerLabel,
  PerSlice,
  ResidualNeck,
  resize,
  resnet18,
  seededRandom,
  SliceConv1D,
  SliceDependencyGRU,
  SliceDifferences,
  SlicePooling,
  squeezenet1_1,
  trainPatients,
  trainStep,
  vgg16,
  type PatientSource,
} from 'ct-multilabel';
import { startBackend, type Backend } from '../../examples/browser/backend';

type Case = () => tf.Tensor[] | Promise<tf.Tensor[]>;

/** Values in 0..1, the same each time. */
function values(shape: number[], seed = 1): tf.Tensor {
  const random = seededRandom(seed);
  return tf.tensor(Float32Array.from({ length: tf.util.sizeFromShape(shape) }, random), shape);
}

/** Images in 0..1. */
const images = (...shape: number[]) => values(shape) as tf.Tensor4D;

/** The value of a function, and the gradient of the sum of its squares. */
function withGradient(x: tf.Tensor, run: (x: tf.Tensor) => tf.Tensor): tf.Tensor[] {
  const { value, grad } = tf.valueAndGrad((input: tf.Tensor) => tf.sum(tf.square(run(input))))(x);
  return [run(x), value, grad];
}

/** A layer's output, and the gradients of its input and of its weights. */
function ofLayer(layer: tf.layers.Layer, ...inputs: tf.Tensor[]): tf.Tensor[] {
  const run = (list: tf.Tensor[]) =>
    layer.apply(list.length === 1 ? list[0]! : list, { training: true }) as tf.Tensor;
  const output = run(inputs);
  const [dx] = tf.grads((...list: tf.Tensor[]) => tf.sum(tf.square(run(list))))(inputs);
  const variables = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
  if (variables.length === 0) return [output, dx!];
  const { grads } = tf.variableGrads(() => tf.sum(tf.square(run(inputs))) as tf.Scalar, variables);
  return [output, dx!, ...Object.values(grads)];
}

/** A model's predictions, before and after two training steps. */
async function twoSteps(model: tf.LayersModel, x: tf.Tensor, y: tf.Tensor): Promise<tf.Tensor[]> {
  const optimizer = adam(1e-3);
  const before = model.predict(x) as tf.Tensor;
  for (let step = 0; step < 2; step++)
    tf.dispose(trainStep(model, x, y, optimizer, { loss: asymmetricLoss() }));
  return [before, model.predict(x) as tf.Tensor];
}

const labels = ['ich', 'sdh', 'edh'];
const truth = (...shape: number[]) => tf.cast(tf.greater(values(shape, 2), 0.6), 'float32');
const stack = () => values([2, 4, 6]);
const seed = 1;

const CASES: Record<string, Case> = {
  'resize, antialiased': () => withGradient(images(2, 20, 24, 1), (x) => resize(x, [9, 12])),
  'resize, bilinear': () =>
    withGradient(images(2, 8, 9, 3), (x) => resize(x, [15, 20], { antialias: false })),
  'resize, nearest': () => [resize(images(2, 20, 24, 1), [9, 12], { method: 'nearest' })],
  'flip, horizontal': () => withGradient(images(2, 8, 9, 3), (x) => flip(x, 'horizontal')),
  'flip, vertical': () => withGradient(images(2, 8, 9, 1), (x) => flip(x, 'vertical')),
  affine: () => [affine(images(2, 16, 16, 1), { angle: 20, scale: 1.1, translate: [1, -2], fill: 0.2 })],
  colorJitter: () =>
    withGradient(images(2, 8, 9, 3), (x) => colorJitter(x, { brightness: 1.1, contrast: 0.8 })),
  huWindow: () => [huWindow(tf.sub(tf.mul(images(2, 8, 9, 1), 2000), 1000), { center: 40, width: 80 })],
  clahe: () => [clahe(images(2, 32, 40, 1), { tileGridSize: [4, 4] })],
  augmentation: () => [applyAugmentation(images(3, 16, 16, 1), drawAugmentation({}, 7))],
  'asymmetric loss': () =>
    withGradient(tf.sub(tf.mul(values([4, 3]), 8), 4), (x) => asymmetricLoss()(truth(4, 3), x)),
  'asymmetric loss, per entry': () =>
    withGradient(tf.sub(tf.mul(values([4, 3]), 8), 4), (x) =>
      asymmetricLoss({ reduction: 'none', gammaNeg: 2, clip: 0 })(truth(4, 3), x),
    ),
  'F2, micro': () => [fBetaScore(truth(9, 3), values([9, 3]))],
  'F2, per label': () => [fBetaScore(truth(9, 3), values([9, 3]), { average: 'none', threshold: 0.4 })],
  'confusion counts': async () => {
    const counter = new DecisionCounter();
    counter.update(truth(9, 3), values([9, 3]));
    const counts = await counter.result();
    counter.dispose();
    return [tf.tensor2d(counts.map(({ tp, fp, fn, tn }) => [tp, fp, fn, tn]))];
  },
  SliceDependencyGRU: () => ofLayer(new SliceDependencyGRU({ units: 5, numLayers: 2, seed }), stack()),
  SliceConv1D: () => ofLayer(new SliceConv1D({ filters: 5, activation: 'relu', seed }), stack()),
  'ResidualNeck, add': () => ofLayer(new ResidualNeck({ seed }), stack(), values([2, 4, 5], 3)),
  'ResidualNeck, concat': () => ofLayer(new ResidualNeck({ mode: 'concat' }), stack(), values([2, 4, 5], 3)),
  'LabelRNNDecoder, lstm': () => ofLayer(new LabelRNNDecoder({ labels: 3, units: 5, seed }), stack()),
  'LabelRNNDecoder, gru': () =>
    ofLayer(new LabelRNNDecoder({ labels: 3, units: 5, cell: 'gru', bidirectional: true, seed }), stack()),
  LabelLinear: () => ofLayer(new LabelLinear({ seed }), values([2, 4, 3, 6])),
  PerLabel: () =>
    ofLayer(new PerLabel({ layer: new SliceConv1D({ filters: 4, seed }) }), values([2, 4, 3, 6])),
  PerSlice: () =>
    ofLayer(
      new PerSlice({ layer: new FusedConv2D({ filters: 3, kernelSize: 3, ...weights() }) }),
      values([2, 2, 8, 8, 1]),
    ),
  'SlicePooling, max': () => ofLayer(new SlicePooling({ mode: 'max' }), stack()),
  'SlicePooling, attention': () => ofLayer(new SlicePooling({ mode: 'attention', units: 4, seed }), stack()),
  SliceDifferences: () => ofLayer(new SliceDifferences({}), stack()),
  GrayToRgb: () => ofLayer(new GrayToRgb({}), images(2, 8, 8, 1)),
  ImageNetNormalization: () => ofLayer(new ImageNetNormalization({}), images(2, 8, 8, 3)),
  FusedConv2D: () =>
    ofLayer(
      new FusedConv2D({ filters: 4, kernelSize: 3, padding: 'same', activation: 'relu', ...weights() }),
      images(2, 9, 9, 2),
    ),
  FusedBatchNorm: () => ofLayer(new FusedBatchNorm({}), images(2, 9, 9, 4)),
  squeezenet1_1: () => [
    filled(squeezenet1_1({ inputShape: [64, 64, 1] })).predict(images(2, 64, 64, 1)) as tf.Tensor,
  ],
  mobilenet_v2: () => [
    filled(mobilenet_v2({ inputShape: [32, 32, 1] })).predict(images(1, 32, 32, 1)) as tf.Tensor,
  ],
  densenet121: () => [
    filled(densenet121({ inputShape: [32, 32, 1] })).predict(images(1, 32, 32, 1)) as tf.Tensor,
  ],
  resnet18: () => [filled(resnet18({ inputShape: [32, 32, 1] })).predict(images(1, 32, 32, 1)) as tf.Tensor],
  vgg16: () => [filled(vgg16({ inputShape: [32, 32, 1] })).predict(images(1, 32, 32, 1)) as tf.Tensor],
  'two training steps': () =>
    twoSteps(
      buildCtBrainModel({ backbone: smallBackbone(), labels, seed }),
      values([1, 4, 16, 16, 1]),
      truth(1, 4, 3),
    ),
  'two training steps, label-then-slice, patient': () =>
    twoSteps(
      buildCtBrainModel({
        ...{ backbone: smallBackbone(), labels, seed, output: 'patient', pooling: 'attention' },
        variant: 'VGG16 + LRNN + SDL(GRU)',
      }),
      values([2, 3, 16, 16, 1]),
      truth(2, 3),
    ),
  'training with clipped gradients and weight decay': async () => {
    const model = buildCtBrainModel({ backbone: smallBackbone(), labels, seed });
    const sides = { train: patients('a', 'b'), validation: patients('c') };
    const rules = { clipNorm: 0.01, weightDecay: 0.5, learningRate: 1e-2 };
    const [log] = await trainPatients(model, { ...sides, ...rules, seed, epochs: 1, augment: false });
    return [
      tf.tensor([log!.loss, log!.validationLoss!]),
      model.predict(values([1, 4, 16, 16, 1])) as tf.Tensor,
    ];
  },
};

/** A study in memory. */
function patients(...names: string[]): PatientSource {
  const sliceNames = (patient: string) => [0, 1, 2, 3].map((slice) => `${patient}_${slice}`);
  const truthOf = (patient: string) => tf.cast(tf.greater(values([4, 3], patient.charCodeAt(0)), 0.6), 'float32') as tf.Tensor2D;
  return {
    ...{ labels, patients: names, sliceNames },
    sliceLabels: (patient) => tf.tidy(() => truthOf(patient).arraySync()),
    load: async (patient) => ({
      ...{ patient, slices: sliceNames(patient) },
      ...{ images: images(4, 16, 16, 1), labels: tf.tidy(() => truthOf(patient)) },
    }),
  };
} // prettier-ignore

function weights() {
  return { kernelInitializer: tf.initializers.heNormal({ seed }) };
}

/** The model with reproducible weights. */
function filled(model: tf.LayersModel): tf.LayersModel {
  model.setWeights(
    model.getWeights().map((weight, i) => {
      const fanIn = weight.size / weight.shape.at(-1)!;
      const centred = tf.sub(values(weight.shape, i + 1), 0.5);
      // variances and factors of batch normalisation stay near 1
      return weight.rank === 1 ? tf.add(tf.mul(centred, 0.1), 1) : tf.mul(centred, Math.sqrt(24 / fanIn));
    }),
  );
  return model;
}

function smallBackbone(): tf.LayersModel {
  const convolution = { filters: 6, kernelSize: 3, strides: 2, inputShape: [16, 16, 1], ...weights() };
  return tf.sequential({
    layers: [
      new FusedConv2D(convolution),
      new FusedBatchNorm({}),
      tf.layers.reLU(),
      tf.layers.maxPooling2d({ poolSize: 3, strides: 2 }),
      tf.layers.globalAveragePooling2d({}),
    ],
  });
}

const matrix = {
  names: Object.keys(CASES),
  use: (name: Backend) => startBackend(name).then(() => undefined),
  /** All numbers of a case. */
  async run(name: string): Promise<number[]> {
    const results = await CASES[name]!();
    const numbers = await Promise.all(results.map(async (tensor) => [...(await tensor.data())]));
    tf.dispose(results);
    return numbers.flat();
  },
};
export type Matrix = typeof matrix;
Object.assign(window, { matrix });
