import * as tf from '@tensorflow/tfjs';
import { OWN_KERNELS } from '../kernels/own_kernels';
import { check, checkKnownKeys } from '../base/errors';
import type { ColorJitterAttrs } from '../base/types';
import { registerHostKernel, runHostKernel } from './host_kernel';
import { onUnitImages } from './images';

/** Options of {@link colorJitter}. */
export interface ColorJitterOptions {
  /**
   * Factor on every value, at least 0.
   *
   * @defaultValue 1
   */
  brightness?: number;
  /**
   * Factor on every value's distance from its image's mean, at least 0.
   *
   * @defaultValue 1
   */
  contrast?: number;
}

/**
 * Changes brightness, then contrast, of images with values in 0..1, as torchvision's `adjust_brightness` and
 * `adjust_contrast` do.
 *
 * `y = clip(brightness * x)`, then `clip(m + contrast * (y - m))`, clipped to [0, 1] each time; `m` is the mean of that
 * image's `y`, by luminance (0.2989 R + 0.587 G + 0.114 B) when there are three channels, else over all of them.
 * Differentiable. On backends `cpu` and `wasm` one kernel, of one pass for the mean and one for all else.
 *
 * @param images - `[h, w]`, `[h, w, c]`, `[n, h, w, c]` or `[batch, n, h, w, c]`.
 * @returns Images in the shape that came in, float32, within [0, 1].
 * @throws {@link ArgumentError} for images of another shape, a negative factor, and on `cpu` and `wasm` for values outside 0..1;
 * int32 counts as 0..255.
 * @example
 * ```ts
 * const brighter = colorJitter(tf.fill([224, 224, 1], 0.5), { brightness: 1.2 }); // 0.6 everywhere
 * ```
 */
export function colorJitter<T extends tf.Tensor>(images: T, options: ColorJitterOptions = {}): T {
  checkKnownKeys(options, ['brightness', 'contrast'], 'colorJitter');
  const { brightness = 1, contrast = 1 } = options;
  check(
    Number.isFinite(brightness) && brightness >= 0,
    'colorJitter: brightness',
    'a factor of at least 0',
    brightness,
  );
  check(
    Number.isFinite(contrast) && contrast >= 0,
    'colorJitter: contrast',
    'a factor of at least 0',
    contrast,
  );
  const attrs: ColorJitterAttrs = { brightness, contrast };
  return onUnitImages(
    'colorJitter',
    images,
    (x) => runHostKernel<tf.Tensor4D>(OWN_KERNELS.colorJitter, x, attrs) ?? jitterTensors(x, attrs),
  );
}

/** The same by tensor operations. */
export function jitterTensors(x: tf.Tensor4D, { brightness, contrast }: ColorJitterAttrs): tf.Tensor4D {
  const bright = tf.clipByValue<tf.Tensor4D>(brightness === 1 ? x : tf.mul(x, brightness), 0, 1);
  if (contrast === 1) return bright;
  return tf.clipByValue(contrasted(bright, contrast), 0, 1);
}

/** `contrast * y + (1 - contrast) * m`, not clipped. */
function contrasted(bright: tf.Tensor4D, contrast: number): tf.Tensor4D {
  const mean = tf.mean(luminance(bright), [1, 2, 3], true); // [N, 1, 1, 1]
  return tf.add(tf.mul(bright, contrast), tf.mul(mean, 1 - contrast));
}

/** Weights of red, green and blue in the grey image. */
const LUMINANCE = [0.2989, 0.587, 0.114];

/** Grey image `[N, h, w, 1]` of three channels; others as they are. */
function luminance(x: tf.Tensor4D): tf.Tensor {
  return x.shape[3] === 3 ? tf.sum(tf.mul(x, LUMINANCE), 3, true) : x;
}

registerHostKernel<ColorJitterAttrs>(OWN_KERNELS.colorJitter, {
  outputShape: (shape) => shape,
  compute: jitterValues,
});

tf.registerGradient({
  kernelName: OWN_KERNELS.colorJitter,
  inputsToSave: ['x'],
  gradFunc: (dy, [saved], attrs) => {
    const { brightness, contrast } = attrs as unknown as ColorJitterAttrs;
    return { x: () => jitterGradient(dy as tf.Tensor4D, saved as tf.Tensor4D, brightness, contrast) };
  },
});

function jitterGradient(dy: tf.Tensor4D, x: tf.Tensor4D, brightness: number, contrast: number): tf.Tensor4D {
  const [, height, width, channels] = x.shape;
  const scaled = tf.mul(x, brightness) as tf.Tensor4D;
  let gradient = dy;
  if (contrast !== 1) {
    const lit = contrasted(tf.clipByValue(scaled, 0, 1), contrast);
    const passed = whereInside(lit, dy);
    // what a pixel adds to the mean reaches every pixel
    const share = channels === 3 ? LUMINANCE : 1 / channels;
    const throughMean = tf.mul(tf.sum(passed, [1, 2, 3], true), (1 - contrast) / (height * width));
    gradient = tf.add(tf.mul(passed, contrast), tf.mul(throughMean, share));
  }
  return tf.mul(whereInside(scaled, gradient), brightness);
}

/** `gradient` where clipping to 0..1 leaves `x` as it is, else 0. */
function whereInside(x: tf.Tensor4D, gradient: tf.Tensor4D): tf.Tensor4D {
  return tf.where(tf.logicalAnd(tf.greaterEqual(x, 0), tf.lessEqual(x, 1)), gradient, 0);
}

/** The same on values in place, one pass for the mean and one for the rest; `out` may be `x`. */
export function jitterValues(
  x: Float32Array,
  out: Float32Array,
  shape: number[],
  { brightness, contrast }: ColorJitterAttrs,
): void {
  const [count, height, width, channels] = shape as [number, number, number, number];
  const size = height * width * channels;
  const weights = channels === 3 ? LUMINANCE : [1];
  const divisor = channels === 3 ? height * width : size;
  for (let start = 0; start < count * size; start += size) {
    let sum = 0;
    for (let i = start; i < start + size; i++) {
      out[i] = clip(brightness * x[i]!);
      sum += weights[(i - start) % weights.length]! * out[i]!;
    }
    if (contrast === 1) continue;
    const offset = ((1 - contrast) * sum) / divisor;
    for (let i = start; i < start + size; i++) out[i] = clip(contrast * out[i]! + offset);
  }
}

/** Into 0..1. */
function clip(value: number): number {
  return Math.min(Math.max(value, 0), 1);
}
