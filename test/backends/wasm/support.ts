import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { expect } from 'vitest';
import { seededRandom } from '../../../src/base/random';

/** Values of a computation on one backend; nothing of it stays behind. */
export async function valuesOn(backend: 'cpu' | 'wasm', compute: () => tf.Tensor[]): Promise<Float32Array[]> {
  if (!(await tf.setBackend(backend))) throw new Error(`backend ${backend} did not start`);
  const before = { tensors: tf.memory().numTensors, data: tf.backend().numDataIds() };
  const results = tf.tidy(compute);
  const values = results.map((result) => Float32Array.from(result.dataSync()));
  tf.dispose(results);
  expect(tf.memory().numTensors - before.tensors, `tensors left on ${backend}`).toBe(0);
  expect(tf.backend().numDataIds() - before.data, `buffers left on ${backend}`).toBe(0);
  return values;
}

/** What the host's heap is seen through; see `host_module.ts`. */
interface Inside {
  wasm: { asm: object };
}

/** Runs `work` with the host's heap out of reach, as in its multi-threaded build. */
export async function withoutHeap(work: () => Promise<void>): Promise<void> {
  await tf.setBackend('wasm');
  const { wasm } = tf.backend() as unknown as Inside;
  const { asm } = wasm;
  wasm.asm = { ...asm, memory: undefined };
  try {
    await work();
  } finally {
    wasm.asm = asm;
  }
}

/** Reproducible normal-ish values, made from numbers so that every backend sees the same ones. */
export function noise(shape: number[], seed: number): tf.Tensor {
  const random = seededRandom(seed);
  const size = shape.reduce((product, n) => product * n, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => 2 * random() - 1),
    shape,
    'float32',
  );
}

export interface Convolution {
  image: [number, number, number, number];
  kernel: [number, number, number, number];
  strides: [number, number];
  pad: 'same' | 'valid' | tf.backend_util.ExplicitPadding;
}

/** Convolutions with at least one output pixel, small but odd: kernels beyond the map, padding beyond the kernel. */
export const convolutions: fc.Arbitrary<Convolution> = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    size: fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
    kernelSize: fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 })),
    channels: fc.tuple(fc.constantFrom(1, 2, 3, 9), fc.constantFrom(1, 3, 8, 10)),
    strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    pad: fc.oneof(
      fc.constantFrom('same' as const, 'valid' as const),
      fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 4, maxLength: 4 }).map(
        (p) =>
          [
            [0, 0],
            [p[0]!, p[1]!],
            [p[2]!, p[3]!],
            [0, 0],
          ] as tf.backend_util.ExplicitPadding,
      ),
    ),
  })
  .map(({ batch, size, kernelSize, channels, strides, pad }) => ({
    image: [batch, size[0], size[1], channels[0]] as Convolution['image'],
    kernel: [kernelSize[0], kernelSize[1], channels[0], channels[1]] as Convolution['kernel'],
    strides,
    pad,
  }))
  .filter((convolution) => outputShape(convolution).every((n) => n > 0));

export function outputShape({ image, kernel, strides, pad }: Convolution): number[] {
  return tf.backend_util.computeConv2DInfo(image, kernel, strides, 1, pad).outShape;
}

/** Gradients of `sum(conv2d(x, w) * dy)` for x and w. */
export function convolutionGradients(convolution: Convolution, seed = 1): tf.Tensor[] {
  const { image, kernel, strides, pad } = convolution;
  const dy = noise(outputShape(convolution), seed + 2);
  const gradients = tf.grads((x: tf.Tensor, w: tf.Tensor) =>
    tf.sum(tf.mul(tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, strides, pad), dy)),
  );
  return gradients([noise(image, seed), noise(kernel, seed + 1)]);
}

/** Puts kernels in the place of the present ones. */
export function register(...kernels: tf.KernelConfig[]): void {
  for (const kernel of kernels) {
    if (tf.getKernel(kernel.kernelName, 'wasm')) tf.unregisterKernel(kernel.kernelName, 'wasm');
    tf.registerKernel(kernel);
  }
}

/** Convolutions that occur in practice, and awkward ones. */
export const NAMED_CONVOLUTIONS: [string, Convolution][] = [
  [
    'VGG and ResNet block, 3x3 same',
    { image: [2, 14, 14, 16], kernel: [3, 3, 16, 24], strides: [1, 1], pad: 'same' },
  ],
  ['one-channel first layer', { image: [2, 20, 20, 1], kernel: [3, 3, 1, 16], strides: [1, 1], pad: 'same' }],
  [
    'ResNet stem, 7x7/2 with explicit padding',
    {
      image: [2, 24, 24, 3],
      kernel: [7, 7, 3, 16],
      strides: [2, 2],
      pad: [
        [0, 0],
        [3, 3],
        [3, 3],
        [0, 0],
      ],
    },
  ],
  [
    'ResNet downsampling, 3x3/2',
    { image: [3, 14, 14, 8], kernel: [3, 3, 8, 16], strides: [2, 2], pad: 'same' },
  ],
  ['ResNet shortcut, 1x1/2', { image: [3, 14, 14, 8], kernel: [1, 1, 8, 16], strides: [2, 2], pad: 'valid' }],
  [
    'SqueezeNet squeeze, 1x1',
    { image: [2, 13, 13, 32], kernel: [1, 1, 32, 8], strides: [1, 1], pad: 'valid' },
  ],
  [
    'SqueezeNet stem, 3x3/2 valid',
    { image: [1, 23, 23, 3], kernel: [3, 3, 3, 16], strides: [2, 2], pad: 'valid' },
  ],
  ['kernel larger than the map', { image: [2, 2, 3, 4], kernel: [7, 5, 4, 6], strides: [1, 1], pad: 'same' }],
  [
    'stride larger than the kernel',
    { image: [2, 9, 9, 2], kernel: [2, 1, 2, 3], strides: [3, 3], pad: 'valid' },
  ],
  [
    'outputs that see nothing but padding',
    {
      image: [1, 1, 2, 9],
      kernel: [1, 2, 9, 1],
      strides: [1, 3],
      pad: [
        [0, 0],
        [2, 0],
        [2, 0],
        [0, 0],
      ],
    },
  ],
];
