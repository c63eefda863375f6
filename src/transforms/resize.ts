import * as tf from '@tensorflow/tfjs';
import { check, isPositiveInteger } from '../errors';
import { onImages } from './images';

/** Options of {@link resize}. */
export interface ResizeOptions {
  /**
   * When shrinking, widen the triangle filter by the shrink factor, so that every pixel counts (what Pillow does).
   * Without it, detail finer than the new grid turns into noise. No effect when enlarging or with `'nearest'`.
   *
   * @defaultValue true
   */
  antialias?: boolean;
  /**
   * `'bilinear'` for images, `'nearest'` for label maps.
   *
   * @defaultValue 'bilinear'
   */
  method?: 'bilinear' | 'nearest';
}

/**
 * Resizes images as torchvision's `resize` does: half-pixel centres, corners not aligned.
 *
 * Two matrix products, one along each axis, whose small weight matrices hold the filter; differentiable, and the
 * same on every backend. A value that is not finite spreads over its whole row and column.
 *
 * @param images - `[h, w]`, `[h, w, c]`, `[n, h, w, c]` or `[batch, n, h, w, c]`.
 * @param size - The new `[height, width]`.
 * @returns Images of the same rank, float32, with the new height and width.
 * @throws {@link ArgumentError} for images of another shape, a size that is not two positive integers, or an unknown
 * option value.
 * @example
 * ```ts
 * const small = resize(tf.zeros([32, 512, 512, 1]), [224, 224]); // [32, 224, 224, 1]
 * ```
 */
export function resize<T extends tf.Tensor>(
  images: T,
  size: readonly [number, number],
  options: ResizeOptions = {},
): T {
  const { antialias = true, method = 'bilinear' } = options;
  check(
    Array.isArray(size) && size.length === 2 && size.every(isPositiveInteger),
    'resize: size',
    '[height, width], two positive integers',
    size,
  );
  check(typeof antialias === 'boolean', 'resize: antialias', 'true or false', antialias);
  check(method === 'bilinear' || method === 'nearest', 'resize: method', "'bilinear' or 'nearest'", method);
  const [newHeight, newWidth] = size;
  const weights = method === 'nearest' ? nearestWeights : antialias ? triangleWeights : bilinearWeights;

  return onImages('resize', images, (x) => {
    const [count, height, width, channels] = x.shape;
    if (height === newHeight && width === newWidth) return x;
    // Both products are plain `[many, from] · [from, to]`, the one form that every backend has a fast kernel for.
    const columns = weights(width, newWidth);
    const rows = weights(height, newHeight);
    const planes = channels === 1 ? x : tf.transpose(x, [0, 3, 1, 2]);
    const wide = tf.matMul(tf.reshape(planes, [-1, width]), columns);
    const turned = tf.transpose(tf.reshape(wide, [count, channels, height, newWidth]), [0, 1, 3, 2]);
    const sized = tf.matMul(tf.reshape(turned, [-1, height]), rows);
    return tf.transpose(
      tf.reshape(sized, [count, channels, newWidth, newHeight]),
      [0, 3, 2, 1],
    ) as tf.Tensor4D;
  });
}

/** Weights `[from, to]` of the two pixels around each new pixel's centre. */
function bilinearWeights(from: number, to: number): tf.Tensor2D {
  return weightMatrix(from, to, (i, add) => {
    const position = Math.max(((i + 0.5) * from) / to - 0.5, 0);
    const first = Math.min(Math.floor(position), from - 1);
    const weight = position - first;
    add(first, 1 - weight);
    add(Math.min(first + 1, from - 1), weight);
  });
}

/** Weights `[from, to]` of a triangle as wide as two new pixels (at least two old ones), each new pixel's summing to 1. */
function triangleWeights(from: number, to: number): tf.Tensor2D {
  const support = Math.max(from / to, 1);
  return weightMatrix(from, to, (i, add) => {
    const centre = ((i + 0.5) * from) / to;
    const begin = Math.max(Math.trunc(centre - support + 0.5), 0);
    const end = Math.min(Math.trunc(centre + support + 0.5), from);
    const triangle: number[] = [];
    for (let j = begin; j < end; j++) {
      triangle.push(Math.max(1 - Math.abs((j + 0.5 - centre) / support), 0));
    }
    const sum = triangle.reduce((a, b) => a + b, 0);
    triangle.forEach((weight, k) => add(begin + k, weight / sum));
  });
}

/** Weights `[from, to]` that copy the pixel each new pixel's first corner lies in. */
function nearestWeights(from: number, to: number): tf.Tensor2D {
  return weightMatrix(from, to, (i, add) => add(Math.min(Math.floor((i * from) / to), from - 1), 1));
}

function weightMatrix(
  from: number,
  to: number,
  fillPixel: (i: number, add: (j: number, weight: number) => void) => void,
): tf.Tensor2D {
  const matrix = new Float32Array(from * to);
  for (let i = 0; i < to; i++) {
    fillPixel(i, (j, weight) => {
      matrix[j * to + i]! += weight;
    });
  }
  return tf.tensor2d(matrix, [from, to]);
}
