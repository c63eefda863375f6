import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import '../../../src/kernels/max_pool/plain';
import { registerWasmTrainingKernels } from '../../../src/backends/wasm/training_kernels';
import { expectClose } from '../../support/matchers';
import { noise, valuesOn, withoutHeap } from './support';

/** NaN with and without its sign bit; which of the two an operation makes depends on the processor. */
const NANS = [0x7fc00000, 0xffc00000];

/** `[1, 4, 4, 4]` of 0.5, but for one value of these bits. */
function withBits(bits: number): tf.Tensor4D {
  const values = new Float32Array(64).fill(0.5);
  new Uint32Array(values.buffer)[21] = bits;
  return tf.tensor4d(values, [1, 4, 4, 4]);
}

const taps = (size: number, channels = 4) => tf.ones([size, size, channels, 8]) as tf.Tensor4D;
const rows = (x: tf.Tensor) => tf.reshape(x, [16, 4]) as tf.Tensor2D;
const gradientOf = (fn: (x: tf.Tensor4D) => tf.Tensor) => (x: tf.Tensor4D) =>
  tf.grad((value: tf.Tensor) => tf.sum(tf.square(fn(value as tf.Tensor4D))))(x);

/** Every operation that our models, losses, transforms and metrics send values through. */
const OPERATIONS: Record<string, (x: tf.Tensor4D) => tf.Tensor> = {
  relu: tf.relu,
  relu6: tf.relu6,
  clip: (x) => tf.clipByValue(x, 0, 1),
  maxPool: (x) => tf.maxPool(x, 2, 2, 'valid'),
  'maxPool, padded': (x) => tf.maxPool(x, 3, 2, 'same'),
  avgPool: (x) => tf.avgPool(x, 2, 2, 'valid'),
  'avgPool, padded': (x) => tf.avgPool(x, 3, 2, 'same'),
  'maximum, number last': (x) => tf.maximum(x, 0),
  'maximum, number first': (x) => tf.maximum(0, x),
  'maximum, broadcast': (x) => tf.maximum(tf.zeros([1, 1, 1, 4]), x),
  'minimum, number last': (x) => tf.minimum(x, 1),
  'minimum, number first': (x) => tf.minimum(1, x),
  max: (x) => tf.max(x, -1),
  mean: (x) => tf.mean(x, [1, 2]),
  sum: (x) => tf.sum(x),
  'sum of leading axes': (x) => tf.sum(x, [0, 1, 2]),
  moments: (x) => tf.moments(x, [0, 1, 2]).variance,
  conv2d: (x) => tf.conv2d(x, taps(3), 1, 'same'),
  'conv2d, 1x1': (x) => tf.conv2d(x, taps(1), 1, 'same'),
  'conv2d, strided': (x) => tf.conv2d(x, taps(3), 2, 'same'),
  'conv2d, Winograd': (x) => tf.conv2d(tf.tile(x, [1, 1, 1, 4]), taps(3, 16), 1, 'same'),
  'conv2d with ReLU': (x) =>
    tf.fused.conv2d({
      x,
      filter: taps(3),
      strides: 1,
      pad: 'same',
      activation: 'relu',
      bias: tf.zeros([8]) as tf.Tensor1D,
    }),
  conv1d: (x) =>
    tf.conv1d(rows(x).expandDims(0) as tf.Tensor3D, tf.ones([5, 4, 8]) as tf.Tensor3D, 1, 'same'),
  ...fusedOperations(),
  depthwise: (x) => tf.depthwiseConv2d(x, tf.ones([3, 3, 4, 2]), 1, 'same'),
  leakyRelu: (x) => tf.leakyRelu(x, 0.1),
  prelu: (x) => tf.prelu(x, tf.fill([1, 1, 1, 4], 0.1) as tf.Tensor4D),
  matMul: (x) => tf.matMul(rows(x), tf.ones([4, 4])),
  'matMul, transposed': (x) => tf.matMul(rows(x), tf.ones([4, 4]), false, true),
  'matMul with ReLU': (x) => tf.fused.matMul({ a: rows(x), b: tf.ones([4, 4]), activation: 'relu' }),
  ...{ sigmoid: tf.sigmoid, tanh: tf.tanh, elu: tf.elu, softplus: tf.softplus, step: tf.step },
  ...{ square: tf.square, log: tf.log, log1p: tf.log1p, rsqrt: tf.rsqrt, neg: tf.neg, exp: tf.exp },
  softmax: (x) => tf.softmax(x),
  ...{
    add: (x) => tf.add(x, 1),
    sub: (x) => tf.sub(x, 1),
    mul: (x) => tf.mul(x, 0),
    div: (x) => tf.div(x, 2),
  },
  divNoNan: (x) => tf.divNoNan(x, 2),
  addN: (x) => tf.addN([x, x]),
  pow: (x) => tf.pow(x, 2),
  pad: (x) => tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), // prettier-ignore
  ...{
    concat: (x) => tf.concat([x, x], -1),
    slice: (x) => tf.slice(x, 0),
    tile: (x) => tf.tile(x, [1, 1, 1, 2]),
  },
  ...{ gather: (x) => tf.gather(x, [0]), stack: (x) => tf.stack([x, x]), reverse: (x) => tf.reverse(x, 1) },
  transpose: (x) => tf.transpose(x, [0, 3, 1, 2]),
  split: (x) => tf.concat(tf.split(x, 2, -1)),
  'gradient of ReLU': gradientOf(tf.relu),
  'gradient of maxPool': gradientOf((x) => tf.maxPool(x, 3, 2, 'same')),
  'gradient of conv2d': gradientOf((x) => tf.conv2d(x, taps(3), 1, 'same')),
};

/** What is fused with an activation, which our kernels take none of but ReLU. */
function fusedOperations(): Record<string, (x: tf.Tensor4D) => tf.Tensor> {
  const activations = ['linear', 'relu', 'relu6', 'elu', 'leakyrelu', 'sigmoid', 'prelu'];
  const named = activations.flatMap((activation): [string, (x: tf.Tensor4D) => tf.Tensor][] => {
    const options = () => ({
      activation: activation as 'relu', // the others are missing in the host's type
      leakyreluAlpha: 0.1,
      ...(activation === 'prelu' && { preluActivationWeights: tf.fill([8], 0.1) }),
    });
    const convolution = { strides: 1, pad: 'same' } as const;
    return [
      [
        `fused conv2d, ${activation}`,
        (x) => tf.fused.conv2d({ x, filter: taps(3), ...convolution, ...options() }),
      ],
      [
        `fused depthwise conv2d, ${activation}`,
        (x) => {
          const filter = tf.ones([3, 3, 4, 2]) as tf.Tensor4D;
          return tf.fused.depthwiseConv2d({ x, filter, ...convolution, ...options() });
        },
      ],
      [
        `fused matMul, ${activation}`,
        (x) => tf.fused.matMul({ a: rows(x), b: tf.ones([4, 8]), ...options() }),
      ],
    ];
  });
  return Object.fromEntries(named);
}

describe.each([
  ['cpu', 'cpu', (work: () => Promise<void>) => work()],
  ['wasm', 'wasm', (work: () => Promise<void>) => work()],
  ['wasm without compiled kernels', 'wasm', withoutHeap],
] as const)('not a number, on %s', (_, backend, around) => {
  beforeAll(async () => {
    await tf.setBackend('wasm');
    registerWasmTrainingKernels();
  });

  it.each(Object.entries(OPERATIONS))('stays what it is through %s (case 20)', async (_, operation) => {
    await around(async () => {
      for (const bits of NANS) {
        const [values] = await valuesOn(backend, () => [operation(withBits(bits))]);
        expect([...values!].some(Number.isNaN)).toBe(true);
      }
    });
  });
});

describe('max pooling on cpu', () => {
  it('is NaN in the windows that have a NaN pixel, and in no other', async () => {
    const image = (nan: number) =>
      tf.tensor4d(
        Array.from({ length: 2 * 5 * 5 * 2 }, (_, i) => (i === nan ? NaN : i)),
        [2, 5, 5, 2],
      );
    const at = ((1 * 5 + 2) * 5 + 3) * 2 + 1; // second image, row 2, column 3, second channel
    const [with_, without] = await valuesOn('cpu', () =>
      [at, -1].map((nan) => tf.maxPool(image(nan), 3, 2, 'valid')),
    );
    const changed = [...with_!.keys()].filter((i) => !Object.is(with_![i], without![i]));
    // windows begin at rows and columns 0 and 2
    expect(changed).toEqual([[0, 1], [1, 1]].map(([p, q]) => ((1 * 2 + p!) * 2 + q!) * 2 + 1)); // prettier-ignore
    expect(changed.every((i) => Number.isNaN(with_![i]))).toBe(true);
  });
});

describe('the kernels that keep NaN', () => {
  beforeAll(async () => {
    await tf.setBackend('wasm');
    registerWasmTrainingKernels();
  });

  const shapes = fc.tuple(
    fc.integer({ min: 1, max: 2 }),
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 21 }),
  );

  it('pool as backend cpu does', async () => {
    const poolings = fc
      .record({
        shape: shapes,
        window: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
        strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
        pad: fc.constantFrom('same' as const, 'valid' as const),
      })
      .filter(({ shape, window, pad }) => pad === 'same' || (shape[1] >= window[0] && shape[2] >= window[1]));
    await fc.assert(
      fc.asyncProperty(poolings, async ({ shape, window, strides, pad }) => {
        const compute = () => {
          const x = noise(shape, 3) as tf.Tensor4D;
          return [tf.maxPool(x, window, strides, pad), tf.avgPool(x, window, strides, pad)];
        };
        const actual = await valuesOn('wasm', compute);
        const expected = await valuesOn('cpu', compute);
        expect([...actual[0]!]).toEqual([...expected[0]!]);
        expectClose(actual[1]!, expected[1]!, 1e-6);
      }),
      { numRuns: 60 },
    );
  });

  it('clamp and compare as backend cpu does', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, async (shape) => {
        const compute = () => {
          const x = noise(shape, 5);
          const others = [noise(shape, 6), noise([shape[3]], 7), noise([shape[1], 1, 1], 8), tf.scalar(0.25)];
          return [
            ...[tf.relu(x), tf.relu6(tf.mul(x, 10)), tf.clipByValue(x, -0.25, 0.5)],
            ...others.flatMap((other) => [tf.maximum(x, other), tf.minimum(other, x)]),
          ];
        };
        const actual = await valuesOn('wasm', compute);
        const expected = await valuesOn('cpu', compute);
        actual.forEach((values, i) =>
          expect([...values].map((v) => v + 0)).toEqual([...expected[i]!].map((v) => v + 0)),
        );
      }),
      { numRuns: 30 },
    );
  });

  it('clamp whole numbers', async () => {
    const [relu, relu6, clip] = await valuesOn('wasm', () => {
      const x = tf.tensor1d([-3, 0, 4, 7, 250], 'int32');
      return [tf.relu(x), tf.relu6(x), tf.clipByValue(x, 2, 200)];
    });
    expect([...relu!]).toEqual([0, 0, 4, 7, 250]);
    expect([...relu6!]).toEqual([0, 0, 4, 6, 6]);
    expect([...clip!]).toEqual([2, 2, 4, 7, 200]);
  });
});
