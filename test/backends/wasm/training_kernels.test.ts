import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { registerWasmTrainingKernels } from '../../../src/backends/wasm/training_kernels';
import { expectClose, relativeError } from '../../support/matchers';
import { noise, valuesOn } from './support';

const OURS = ['Conv2DBackpropFilter', 'Conv2DBackpropInput', 'UnsortedSegmentSum', 'MaxPoolGrad', 'Identity'];

let beforeImport: boolean;

beforeAll(async () => {
  beforeImport = registerWasmTrainingKernels();
  await import('@tensorflow/tfjs-backend-wasm');
});

describe('registerWasmTrainingKernels', () => {
  it('does nothing until the wasm backend was imported, then once is enough', () => {
    expect(beforeImport).toBe(false);
    const stock = tf.getKernel('Conv2DBackpropInput', 'wasm');
    expect(tf.getKernel('Conv2DBackpropFilter', 'wasm')).toBeUndefined();
    expect(registerWasmTrainingKernels()).toBe(true);
    const ours = OURS.map((name) => tf.getKernel(name, 'wasm'));
    expect(ours.every((kernel) => kernel !== undefined)).toBe(true);
    expect(ours[1]).not.toBe(stock);
    expect(registerWasmTrainingKernels()).toBe(true);
    expect(OURS.map((name) => tf.getKernel(name, 'wasm'))).toEqual(ours);
  });

  it('leaves other backends alone', () => {
    const cpu = OURS.map((name) => tf.getKernel(name, 'cpu'));
    registerWasmTrainingKernels();
    expect(OURS.map((name) => tf.getKernel(name, 'cpu'))).toEqual(cpu);
  });
});

const image = () => noise([2, 6, 6, 3], 11) as tf.Tensor4D;
const sequence = () => noise([2, 5, 4], 12) as tf.Tensor3D;

/** Gradient of a sum of squares, which makes every entry count differently. */
const gradient = (f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor) =>
  tf.grad((v: tf.Tensor) => tf.sum(tf.square(f(v))))(x);

/** What the library's models, losses and transforms differentiate through. */
const differentiated: Record<string, () => tf.Tensor> = {
  maxPool: () => gradient((x) => tf.maxPool(x as tf.Tensor4D, 3, 2, 'valid'), image()),
  maxPoolSame: () => gradient((x) => tf.maxPool(x as tf.Tensor4D, 3, 2, 'same'), image()),
  avgPool: () => gradient((x) => tf.avgPool(x as tf.Tensor4D, 2, 2, 'valid'), image()),
  globalMean: () => gradient((x) => tf.mean(x, [1, 2]), image()),
  max: () => gradient((x) => tf.max(x, [1, 2]), image()),
  sumKeepDims: () => gradient((x) => tf.sum(x, 1, true), image()),
  relu: () => gradient(tf.relu, image()),
  sigmoid: () => gradient(tf.sigmoid, image()),
  tanh: () => gradient(tf.tanh, image()),
  softplus: () => gradient(tf.softplus, image()),
  softmax: () => gradient((x) => tf.softmax(x), sequence()),
  logSigmoid: () => gradient(tf.logSigmoid, image()),
  maximum: () => gradient((x) => tf.maximum(x, 0.1), image()),
  clip: () => gradient((x) => tf.clipByValue(x, -0.5, 0.5), image()),
  pow: () => gradient((x) => tf.pow(tf.abs(x), tf.scalar(1.7)), image()),
  powExponent: () => gradient((x) => tf.pow(tf.abs(image()), x), image()),
  exp: () => gradient(tf.exp, image()),
  log: () => gradient((x) => tf.log(tf.add(tf.abs(x), 0.1)), image()),
  sqrt: () => gradient((x) => tf.sqrt(tf.add(tf.abs(x), 0.1)), image()),
  rsqrt: () => gradient((x) => tf.rsqrt(tf.add(tf.abs(x), 0.1)), image()),
  divide: () => gradient((x) => tf.div(tf.sub(x, 0.2), tf.add(tf.abs(x), 0.5)), image()),
  concat: () => gradient((x) => tf.concat([x, tf.mul(x, 2)], -1), image()),
  stack: () => gradient((x) => tf.stack([x, tf.neg(x)], 1), image()),
  unstack: () => gradient((x) => tf.add(tf.unstack(x, 1)[1]!, tf.unstack(x, 1)[3]!), sequence()),
  split: () => gradient((x) => tf.mul(tf.split(x, 2, -1)[0]!, 3), sequence()),
  slice: () => gradient((x) => tf.slice(x, [0, 1, 0], [2, 3, 4]), sequence()),
  pad: () =>
    gradient(
      (x) =>
        tf.pad(x, [
          [0, 0],
          [1, 2],
          [0, 0],
        ]),
      sequence(),
    ),
  reverse: () => gradient((x) => tf.mul(tf.reverse(x, 1), sequence()), sequence()),
  transpose: () => gradient((x) => tf.mul(tf.transpose(x, [0, 2, 1]), noise([2, 4, 5], 3)), sequence()),
  tile: () => gradient((x) => tf.tile(x, [1, 2, 1]), sequence()),
  where: () => {
    const positive = tf.greater(sequence(), 0);
    return gradient((x) => tf.where(positive, x, tf.mul(x, 0.3)), sequence());
  },
  gather: () => gradient((x) => tf.gather(x, tf.tensor1d([3, 0, 3], 'int32'), 1), sequence()),
  broadcastAdd: () => gradient((x) => tf.add(image(), x), noise([3], 4)),
  broadcastMultiply: () => gradient((x) => tf.mul(image(), x), noise([2, 1, 1, 3], 4)),
  matMul: () => gradient((x) => tf.matMul(x, noise([4, 3], 5)), noise([5, 4], 6)),
  matMulTransposed: () => gradient((x) => tf.matMul(x, noise([5, 3], 5), true), noise([5, 4], 6)),
  matMulBatched: () => gradient((x) => tf.matMul(x, noise([2, 4, 3], 5)), sequence()),
  conv1d: () => gradient((w) => tf.conv1d(sequence(), w as tf.Tensor3D, 1, 'same'), noise([5, 4, 3], 7)),
  resizeBilinear: () => gradient((x) => tf.image.resizeBilinear(x as tf.Tensor4D, [9, 4]), image()),
  batchNorm: () => {
    const normalized = (x: tf.Tensor) => {
      const { mean, variance } = tf.moments(x, [0, 1, 2]);
      return tf.mul(
        tf.batchNorm(
          x as tf.Tensor4D,
          mean as tf.Tensor1D,
          variance as tf.Tensor1D,
          noise([3], 8) as tf.Tensor1D,
          noise([3], 9) as tf.Tensor1D,
        ),
        image(),
      );
    };
    return gradient(normalized, image());
  },
};

const affine = [0.9, 0.2, 0.5, -0.2, 0.9, 1, 0, 0];
const forwardOnly: Record<string, () => tf.Tensor> = {
  transform: () =>
    tf.image.transform(
      noise([1, 5, 7, 2], 1) as tf.Tensor4D,
      tf.tensor2d([affine]),
      'bilinear',
      'constant',
      0.25,
    ),
  stridedSlice: () => tf.stridedSlice(sequence(), [0, 0, 0], [2, 5, 4], [1, 2, 3]),
  oneHot: () => tf.oneHot(tf.tensor1d([1, 0, 2], 'int32'), 3),
  cumsum: () => tf.cumsum(sequence(), 1),
  argMax: () => tf.argMax(sequence(), 1),
  topk: () => tf.topk(sequence(), 2).values,
  cropAndResize: () =>
    tf.image.cropAndResize(image(), tf.tensor2d([[0.1, 0, 0.8, 0.9]]), tf.tensor1d([1], 'int32'), [4, 4]),
};

describe('what training differentiates through has its kernels on wasm', () => {
  beforeAll(() => {
    registerWasmTrainingKernels();
  });

  it.each(Object.keys(differentiated))('%s', async (name) => {
    const compute = () => [differentiated[name]!()];
    const [actual] = await valuesOn('wasm', compute);
    const [expected] = await valuesOn('cpu', compute);
    expect(expected!.some((value) => value !== 0)).toBe(true);
    expectClose(actual!, expected!, 1e-4, name);
  });

  it.each(Object.keys(forwardOnly))('%s, forward', async (name) => {
    const compute = () => [forwardOnly[name]!()];
    const [actual] = await valuesOn('wasm', compute);
    const [expected] = await valuesOn('cpu', compute);
    expectClose(actual!, expected!, 1e-4, name);
  });

  it('transforms every image of a batch', async () => {
    await tf.setBackend('wasm');
    const error = tf.tidy(() => {
      const matrices = tf.tensor2d([affine, [1, 0, 2, 0, 1, 0, 0, 0]]);
      const together = tf.image.transform(image(), matrices, 'bilinear', 'constant', 0.25);
      const apart = [0, 1].map((n) =>
        tf.image.transform(
          tf.slice(image(), [n, 0, 0, 0], [1, 6, 6, 3]),
          tf.slice(matrices, [n, 0], [1, 8]),
          'bilinear',
          'constant',
          0.25,
        ),
      );
      return relativeError(together, tf.concat(apart));
    });
    expect(error).toBe(0);
  });

  it('saves tensors for the backward pass without a copy of their data', async () => {
    await tf.setBackend('wasm');
    const before = tf.backend().numDataIds();
    const x = tf.tensor1d([1, 2, 3]);
    const copy = tf.clone(x);
    expect(tf.backend().numDataIds() - before).toBe(1);
    x.dispose();
    expect([...copy.dataSync()]).toEqual([1, 2, 3]);
    copy.dispose();
    expect(tf.backend().numDataIds()).toBe(before);
  });
});

/** A small net with the parts of VGG, ResNet and SqueezeNet, then a recurrent layer over slices. */
function smallModel(): tf.LayersModel {
  const { layers } = tf;
  let seed = 1;
  const init = () => ({ kernelInitializer: tf.initializers.glorotUniform({ seed: seed++ }) });
  const input = tf.input({ shape: [4, 12, 12, 1] });
  const image = tf.input({ shape: [12, 12, 1] });
  const apply = (layer: tf.layers.Layer, x: tf.SymbolicTensor | tf.SymbolicTensor[]) =>
    layer.apply(x) as tf.SymbolicTensor;
  const stem = apply(
    layers.conv2d({ filters: 4, kernelSize: 7, strides: 2, padding: 'same', useBias: false, ...init() }),
    image,
  );
  const normal = apply(layers.reLU(), apply(layers.batchNormalization(), stem));
  const pooled = apply(layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }), normal);
  const squeeze = apply(layers.conv2d({ filters: 2, kernelSize: 1, activation: 'relu', ...init() }), pooled);
  const fire = apply(layers.concatenate(), [
    apply(layers.conv2d({ filters: 2, kernelSize: 1, ...init() }), squeeze),
    apply(layers.conv2d({ filters: 2, kernelSize: 3, padding: 'same', ...init() }), squeeze),
  ]);
  const residual = apply(layers.reLU(), apply(layers.add(), [fire, pooled]));
  const features = tf.model({ inputs: image, outputs: apply(layers.globalAveragePooling2d({}), residual) });
  const perSlice = apply(layers.timeDistributed({ layer: features as unknown as tf.layers.Layer }), input);
  const gru = layers.gru({
    units: 3,
    returnSequences: true,
    ...init(),
    recurrentInitializer: tf.initializers.glorotUniform({ seed: 77 }),
  });
  const logits = apply(layers.dense({ units: 2, ...init() }), apply(gru, perSlice));
  return tf.model({ inputs: input, outputs: logits });
}

/** Losses and the trained weights of three Adam steps. */
async function train(backend: 'cpu' | 'wasm'): Promise<{ losses: number[]; weights: Float32Array[] }> {
  await tf.setBackend(backend);
  const model = smallModel();
  const optimizer = tf.train.adam(0.01);
  const x = noise([2, 4, 12, 12, 1], 31);
  const y = tf.tidy(() => tf.cast(tf.greater(noise([2, 4, 2], 32), 0), 'float32'));
  const losses: number[] = [];
  let data = 0;
  for (let step = 0; step < 3; step++) {
    const loss = optimizer.minimize(
      () =>
        tf.losses.sigmoidCrossEntropy(
          y,
          model.apply(x, { training: true }) as tf.Tensor,
        ) as unknown as tf.Scalar,
      true,
    )!;
    losses.push(loss.dataSync()[0]!);
    loss.dispose();
    if (step === 1) data = tf.backend().numDataIds();
  }
  expect(tf.backend().numDataIds(), 'buffers a training step leaves behind').toBe(data);
  const weights = model.getWeights().map((w) => Float32Array.from(w.dataSync()));
  model.dispose();
  optimizer.dispose();
  tf.dispose([x, y]);
  return { losses, weights };
}

describe('training on wasm', () => {
  it('takes the same Adam steps as the cpu backend', async () => {
    registerWasmTrainingKernels();
    const actual = await train('wasm');
    const expected = await train('cpu');
    expect(expected.losses[2]).toBeLessThan(expected.losses[0]!);
    expectClose(actual.losses, expected.losses, 1e-4, 'losses');
    expected.weights.forEach((w, i) => expectClose(actual.weights[i]!, w, 1e-2, `weight ${i}`));
  });
});
