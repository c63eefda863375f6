import * as tf from '@tensorflow/tfjs';
import { OWN_KERNELS } from '../kernels/own_kernels';
import { check, checkKnownKeys, checkOneOf, isPositiveInteger } from '../base/errors';
import type { AxisFilter, ResizeAttrs } from '../base/types';
import { registerHostKernel, runHostKernel } from './host_kernel';
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
 * Each axis by itself, differentiable. On backends `cpu` and `wasm` one kernel, elsewhere two matrix products whose
 * weight matrices hold the filter: there a value that is not finite spreads over its whole row and column.
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
  checkKnownKeys(options, ['antialias', 'method'], 'resize');
  const { antialias = true, method = 'bilinear' } = options;
  check(
    Array.isArray(size) && size.length === 2 && size.every(isPositiveInteger),
    'resize: size',
    '[height, width], two positive integers',
    size,
  );
  check(typeof antialias === 'boolean', 'resize: antialias', 'true or false', antialias);
  checkOneOf(method, ['bilinear', 'nearest'], 'resize: method');
  const [newHeight, newWidth] = size;
  const filter = method === 'nearest' ? nearestFilter : antialias ? triangleFilter : bilinearFilter;

  return onImages('resize', images, (x) => {
    const [, height, width] = x.shape;
    if (height === newHeight && width === newWidth) return x;
    const attrs = { rows: filter(height, newHeight), columns: filter(width, newWidth) };
    return runHostKernel<tf.Tensor4D>(OWN_KERNELS.resize, x, attrs) ?? resizeTensors(x, attrs);
  });
}

/** The same by tensor operations: matrix products, one along each axis. */
export function resizeTensors(x: tf.Tensor4D, { rows, columns }: ResizeAttrs): tf.Tensor4D {
  const [, height, width] = x.shape;
  return alongBothAxes(x, denseWeights(rows, height), denseWeights(columns, width));
}

/** Multiplies rows `[h, newH]` and columns `[w, newW]` of `[n, h, w, c]` by matrices. */
function alongBothAxes(x: tf.Tensor4D, rows: tf.Tensor2D, columns: tf.Tensor2D): tf.Tensor4D {
  const [count, height, width, channels] = x.shape;
  const [newHeight, newWidth] = [rows.shape[1], columns.shape[1]];
  // Both products are plain `[many, from] · [from, to]`, the one form that every backend has a fast kernel for.
  const planes = channels === 1 ? x : tf.transpose(x, [0, 3, 1, 2]);
  const wide = tf.matMul(tf.reshape(planes, [-1, width]), columns);
  const turned = tf.transpose(tf.reshape(wide, [count, channels, height, newWidth]), [0, 1, 3, 2]);
  const sized = tf.matMul(tf.reshape(turned, [-1, height]), rows);
  return tf.transpose(tf.reshape(sized, [count, channels, newWidth, newHeight]), [0, 3, 2, 1]);
}

/** Weights of the two pixels around each new pixel's centre. */
function bilinearFilter(from: number, to: number): AxisFilter {
  return axisFilter(from, to, (i) => {
    const position = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    const begin = Math.max(Math.min(Math.floor(position), from - 2), 0);
    return { begin, weights: from === 1 ? [1] : [1 - (position - begin), position - begin] };
  });
}

/** Weights of a triangle as wide as two new pixels (at least two old ones), each new pixel's summing to 1. */
function triangleFilter(from: number, to: number): AxisFilter {
  const support = Math.max(from / to, 1);
  return axisFilter(from, to, (i) => {
    const centre = ((i + 0.5) * from) / to;
    const begin = Math.max(Math.trunc(centre - support + 0.5), 0);
    const end = Math.min(Math.trunc(centre + support + 0.5), from);
    const triangle: number[] = [];
    for (let j = begin; j < end; j++) {
      triangle.push(Math.max(1 - Math.abs((j + 0.5 - centre) / support), 0));
    }
    const sum = triangle.reduce((a, b) => a + b, 0);
    return { begin, weights: triangle.map((weight) => weight / sum) };
  });
}

/** Copies the pixel each new pixel's first corner lies in. */
function nearestFilter(from: number, to: number): AxisFilter {
  return axisFilter(from, to, (i) => ({
    begin: Math.min(Math.floor((i * from) / to), from - 1),
    weights: [1],
  }));
}

/** All new pixels' weights, as many a pixel; where there are fewer, zeros fill up. */
function axisFilter(
  from: number,
  to: number,
  pixel: (i: number) => { begin: number; weights: number[] },
): AxisFilter {
  const pixels = Array.from({ length: to }, (_, i) => pixel(i));
  const taps = Math.max(...pixels.map(({ weights }) => weights.length));
  const filter = { taps, first: new Int32Array(to), weights: new Float32Array(to * taps) };
  pixels.forEach(({ begin, weights }, i) => {
    const first = Math.min(begin, from - taps);
    filter.first[i] = first;
    filter.weights.set(weights, i * taps + begin - first);
  });
  return filter;
}

/** The same filter as a matrix `[from, to]`. */
function denseWeights({ taps, first, weights }: AxisFilter, from: number): tf.Tensor2D {
  const to = first.length;
  const matrix = new Float32Array(from * to);
  for (let i = 0; i < to; i++) {
    for (let t = 0; t < taps; t++) matrix[(first[i]! + t) * to + i] = weights[i * taps + t]!;
  }
  return tf.tensor2d(matrix, [from, to]);
}

/** On values in place: each new row from the old rows it takes, then its pixels. */
registerHostKernel<ResizeAttrs>(OWN_KERNELS.resize, {
  outputShape: ([count, , , channels], { rows, columns }) => [
    count!,
    rows.first.length,
    columns.first.length,
    channels!,
  ],
  compute(x, out, shape, { rows, columns }) {
    const [count, height, width, channels] = shape as [number, number, number, number];
    const row = new Float32Array(width * channels);
    let to = 0;
    for (let n = 0; n < count; n++) {
      for (let y = 0; y < rows.first.length; y++) {
        row.fill(0);
        for (let t = 0; t < rows.taps; t++) {
          const weight = rows.weights[y * rows.taps + t]!;
          const from = (n * height + rows.first[y]! + t) * row.length;
          if (weight !== 0) for (let i = 0; i < row.length; i++) row[i]! += weight * x[from + i]!;
        }
        for (let i = 0; i < columns.first.length; i++) {
          for (let k = 0; k < channels; k++, to++) {
            let sum = 0;
            for (let t = 0; t < columns.taps; t++) {
              sum += row[(columns.first[i]! + t) * channels + k]! * columns.weights[i * columns.taps + t]!;
            }
            out[to] = sum;
          }
        }
      }
    }
  },
});

tf.registerGradient({
  kernelName: OWN_KERNELS.resize,
  inputsToSave: ['x'],
  gradFunc: (dy, [x], attrs) => {
    const { rows, columns } = attrs as unknown as ResizeAttrs;
    const [, height, width] = x!.shape as [number, number, number, number];
    const turned = (filter: AxisFilter, from: number) => tf.transpose(denseWeights(filter, from));
    return { x: () => alongBothAxes(dy as tf.Tensor4D, turned(rows, height), turned(columns, width)) };
  },
});
