import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { expect } from 'vitest';
import { seededRandom } from '../../src/base/random';
import type { ClaheOptions } from '../../src/transforms/clahe';
import { readGolden } from '../support/golden';

/** Images of a shape with values in 0..1, the same for the same seed. */
export function randomImages<S extends number[]>(shape: S, seed = 1): tf.Tensor {
  const random = seededRandom(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(Float32Array.from({ length: size }, random), shape);
}

/** One shape of each rank that transforms take, of the same height and width. */
export const shapesOf = (height: number, width: number): number[][] => [
  [height, width],
  [height, width, 1],
  [height, width, 3],
  [4, height, width, 1],
  [2, 3, height, width, 2],
];

/** Small heights and widths. */
export const sizes = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }));

/** Checks that each shape comes back as it went in (or with the new size) and every slice as if it came alone. */
export function expectSliceBySlice(transform: (images: tf.Tensor) => tf.Tensor, tolerance = 1e-6): void {
  for (const shape of shapesOf(9, 7)) {
    tf.tidy(() => {
      const images = randomImages(shape);
      const result = transform(images);
      expect(result.rank).toBe(images.rank);
      expect(result.dtype).toBe('float32');
      const channels = shape.length === 2 ? 1 : shape.at(-1)!;
      const [height, width] = shape.length === 2 ? result.shape : result.shape.slice(-3);
      const slices = tf.unstack(tf.reshape(images, [-1, 9, 7, channels]));
      const results = tf.unstack(tf.reshape(result, [-1, height!, width!, channels]));
      expect(results.length).toBe(slices.length);
      slices.forEach((slice, i) => {
        const difference = tf.max(tf.abs(tf.sub(transform(slice), results[i]!))).dataSync()[0];
        expect(difference).toBeLessThanOrEqual(tolerance);
      });
    });
  }
}

/** Checks that what is not an image tensor is refused with the function's name. */
export function expectImagesChecked(name: string, transform: (images: tf.Tensor) => unknown): void {
  const bad: unknown[] = [
    tf.zeros([4]),
    tf.zeros([1, 1, 1, 4, 4, 1]),
    tf.zeros([0, 4, 4, 1]),
    tf.zeros([4, 4], 'bool'),
    [[1, 2]],
    undefined,
  ];
  for (const images of bad) {
    expect(() => transform(images as tf.Tensor)).toThrow(`${name}: images: expected a tensor`);
  }
}

/** Values of a transform on the active backend without our kernel `name`: what backends that do not have it compute. */
export function valuesWithoutKernel(name: string, transform: () => tf.Tensor): Float32Array {
  const kernel = tf.getKernel(name, tf.getBackend());
  expect(kernel, name).toBeDefined();
  tf.unregisterKernel(name, tf.getBackend());
  try {
    return tf.tidy(() => transform().dataSync<'float32'>().slice());
  } finally {
    tf.registerKernel(kernel);
  }
}

/** OpenCV's reference images for `clahe`, each with the options they were made with. */
export const CLAHE_FILES = ['clahe_64x64', 'clahe_61x83', 'clahe_96x128', 'clahe_224x224'];
export const CLAHE_IMAGES = ['ramp', 'noise', 'head', 'flat'];
export interface ClaheCase {
  out: string;
  clipLimit: number;
  tileGridSize: [number, number];
}

/** Checks `equalise`, which takes images and options as `clahe` does, against one file of them, bit for bit. */
export function expectOpenCvClahe(
  file: string,
  equalise: (images: tf.Tensor, options: ClaheOptions) => ArrayLike<number>,
): void {
  const { tensors, meta } = readGolden(file);
  for (const { out, clipLimit, tileGridSize } of JSON.parse(meta['cases']!) as ClaheCase[]) {
    const options = { clipLimit, tileGridSize };
    tf.tidy(() => {
      // the four images as one stack, once as grey values and once scaled to 0..1
      const stack = tf.stack(
        CLAHE_IMAGES.map((name) =>
          tf.tensor(tensors[`${name}.in`]!.data, tensors[`${name}.in`]!.shape, 'int32'),
        ),
      );
      const expected = Buffer.concat(
        CLAHE_IMAGES.map((name) => tensors[`${name}.${out}`]!.data as Uint8Array),
      );
      const images = tf.expandDims(stack, -1);
      const grey = equalise(images, { ...options, valueRange: [0, 255] });
      expect(Array.from(grey).every((value, i) => value === expected[i])).toBe(true);
      const unit = equalise(tf.div(tf.cast(images, 'float32'), 255), options);
      expect(Array.from(unit).every((value, i) => value === Math.fround(expected[i]! / 255))).toBe(true);
    });
  }
}
