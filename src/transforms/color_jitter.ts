import * as tf from '@tensorflow/tfjs';
import { check } from '../errors';
import { onImages } from './images';

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
 * Differentiable.
 *
 * @param images - `[h, w]`, `[h, w, c]`, `[n, h, w, c]` or `[batch, n, h, w, c]`.
 * @returns Images in the shape that came in, float32, within [0, 1].
 * @throws {@link ArgumentError} for images of another shape or a negative factor.
 * @example
 * ```ts
 * const brighter = colorJitter(tf.fill([224, 224, 1], 0.5), { brightness: 1.2 }); // 0.6 everywhere
 * ```
 */
export function colorJitter<T extends tf.Tensor>(images: T, options: ColorJitterOptions = {}): T {
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
  return onImages('colorJitter', images, (x) => {
    const bright = tf.clipByValue<tf.Tensor4D>(brightness === 1 ? x : tf.mul(x, brightness), 0, 1);
    if (contrast === 1) return bright;
    const mean = tf.mean(luminance(bright), [1, 2, 3], true); // [N, 1, 1, 1]
    return tf.clipByValue(tf.add(tf.mul(bright, contrast), tf.mul(mean, 1 - contrast)), 0, 1) as tf.Tensor4D;
  });
}

/** Grey image `[N, h, w, 1]` of three channels; others as they are. */
function luminance(x: tf.Tensor4D): tf.Tensor {
  return x.shape[3] === 3 ? tf.sum(tf.mul(x, [0.2989, 0.587, 0.114]), 3, true) : x;
}
