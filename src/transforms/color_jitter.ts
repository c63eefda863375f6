import type * as tf from '@tensorflow/tfjs';
import { isNumberIn, optional, resolveOptions, rule, type Rules } from '../base/options';
import { jitterTensors } from '../kernels/color_jitter/composed';
import { COLOR_JITTER_KERNEL, type ColorJitterAttrs } from '../kernels/color_jitter/contract';
import '../kernels/color_jitter/plain';
import { runHostKernel } from '../kernels/host_kernel';
import { onUnitImages } from './images';

/**
 * Options of {@link colorJitter}.
 *
 * @inline
 */
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

export const FACTOR = rule<number>('a factor of at least 0', (value) => isNumberIn(value, 0));

const RULES = {
  brightness: optional(FACTOR, 1),
  contrast: optional(FACTOR, 1),
} satisfies Rules<ColorJitterOptions>;

/**
 * Changes brightness, then contrast, of images with values in 0..1, as torchvision's `adjust_brightness` and
 * `adjust_contrast` do.
 *
 * `y = clip(brightness * x)`, then `clip(m + contrast * (y - m))`, clipped to [0, 1] each time; `m` is the mean of that
 * image's `y`, of the luminance (0.2989 R + 0.587 G + 0.114 B) if there are three channels, otherwise over all
 * channels. Differentiable. On backends `cpu` and `wasm` one kernel, with one pass for the mean and one for the rest.
 *
 * @param images - `[h, w]`, `[h, w, c]`, `[n, h, w, c]` or `[batch, n, h, w, c]`.
 * @returns Images in the input's shape, float32, within [0, 1].
 * @throws ArgumentError for images of another shape, a negative factor, and on `cpu` and `wasm` for values outside
 * 0..1; int32 counts as 0..255.
 * @example
 * ```ts
 * const brighter = colorJitter(tf.fill([224, 224, 1], 0.5), { brightness: 1.2 }); // 0.6 everywhere
 * ```
 */
export function colorJitter<T extends tf.Tensor>(images: T, options: ColorJitterOptions = {}): T {
  const attrs: ColorJitterAttrs = resolveOptions('colorJitter', options, RULES);
  return onUnitImages(
    'colorJitter',
    images,
    (x) => runHostKernel<tf.Tensor4D>(COLOR_JITTER_KERNEL, x, attrs) ?? jitterTensors(x, attrs),
  );
}
