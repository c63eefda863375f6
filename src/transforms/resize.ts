import type * as tf from '@tensorflow/tfjs';
import { flag, oneOf, optional, resolveOptions, type Rules } from '../base/options';
import { runHostKernel } from '../kernels/host_kernel';
import { resizeTensors } from '../kernels/resize/composed';
import { RESIZE_KERNEL, type AxisFilter } from '../kernels/resize/contract';
import '../kernels/resize/plain';
import { onImages, SIZE } from './images';

/**
 * Options of {@link resize}.
 *
 * @inline
 */
export interface ResizeOptions {
  /**
   * When shrinking, widen the triangle filter by the shrink factor, so that every pixel counts (as in Pillow). Without
   * it, detail finer than the new grid turns into noise. Has no effect when enlarging or with `'nearest'`.
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

const RULES = {
  antialias: optional(flag, true),
  method: optional(oneOf(['bilinear', 'nearest']), 'bilinear'),
} satisfies Rules<ResizeOptions>;

/**
 * Resizes images as torchvision's `resize` does: half-pixel centres, corners not aligned.
 *
 * Axes are resized separately; differentiable. On backends `cpu` and `wasm` one kernel, on others two matrix products
 * with the filter as weight matrices, where a value that is not finite spreads over its whole row and column.
 *
 * @param images - `[h, w]`, `[h, w, c]`, `[n, h, w, c]` or `[batch, n, h, w, c]`.
 * @param size - The new `[height, width]`.
 * @returns Images of the same rank, float32, with the new height and width.
 * @throws ArgumentError for images of another shape, a size that is not two positive integers, or an unknown
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
  const { antialias, method } = resolveOptions('resize', options, RULES);
  SIZE.check(size, 'resize: size');
  const [newHeight, newWidth] = size;
  const filter = method === 'nearest' ? nearestFilter : antialias ? triangleFilter : bilinearFilter;

  return onImages('resize', images, (x) => {
    const [, height, width] = x.shape;
    if (height === newHeight && width === newWidth) return x;
    const attrs = { rows: filter(height, newHeight), columns: filter(width, newWidth) };
    return runHostKernel<tf.Tensor4D>(RESIZE_KERNEL, x, attrs) ?? resizeTensors(x, attrs);
  });
}

/**
 * Keeps the filters of the last two lengths, rows and columns: making them takes a third of the time of resizing a slice,
 * and slices mostly have the same size.
 */
function keepingTwo(make: (from: number, to: number) => AxisFilter): typeof make {
  const kept: { from: number; to: number; filter: AxisFilter }[] = [];
  return (from, to) => {
    const found = kept.find((one) => one.from === from && one.to === to);
    if (found) return found.filter;
    const filter = make(from, to);
    kept.unshift({ from, to, filter });
    kept.length = Math.min(kept.length, 2);
    return filter;
  };
}

/** Weights of the two pixels around each new pixel's centre. */
function bilinearFilter(from: number, to: number): AxisFilter {
  return axisFilter(from, to, (i) => {
    const position = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    const begin = Math.max(Math.min(Math.floor(position), from - 2), 0);
    return { begin, weights: from === 1 ? [1] : [1 - (position - begin), position - begin] };
  });
}

/** Weights of a triangle as wide as two new pixels (at least two old ones), normalised to a sum of 1 per new pixel. */
const triangleFilter = keepingTwo((from, to) => {
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
});

/** Copies the pixel that contains the new pixel's first corner. */
function nearestFilter(from: number, to: number): AxisFilter {
  return axisFilter(from, to, (i) => ({
    begin: Math.min(Math.floor((i * from) / to), from - 1),
    weights: [1],
  }));
}

/** Weights of all new pixels, with the same number per pixel, padded with zeros. */
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
