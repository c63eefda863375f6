import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { expect } from 'vitest';
import { seededRandom } from '../../src/random';

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
