import * as tf from '@tensorflow/tfjs';
import { check } from '../errors';
import { onImages } from './images';

/** Options of {@link affine}. */
export interface AffineOptions {
  /**
   * Rotation about the centre in degrees, clockwise.
   *
   * @defaultValue 0
   */
  angle?: number;
  /**
   * Magnification about the centre.
   *
   * @defaultValue 1
   */
  scale?: number;
  /**
   * Shift after rotation, `[x, y]` in pixels, right and down.
   *
   * @defaultValue [0, 0]
   */
  translate?: readonly [number, number];
  /**
   * Value of what lies outside the image.
   *
   * @defaultValue 0
   */
  fill?: number;
  /**
   * How values between pixels are read.
   *
   * @defaultValue 'bilinear'
   */
  interpolation?: 'bilinear' | 'nearest';
}

/**
 * Rotates, magnifies and shifts images about their centre, as torchvision's `affine` does; the size stays.
 *
 * The output pixel `p` reads the input at `c + R(-angle) / scale · (p - c - translate)`, `c` being the image centre
 * `((w - 1) / 2, (h - 1) / 2)`. Pixels outside have the value `fill`, so along the image's edge a bilinear read mixes
 * the last pixels with `fill` over one pixel's width.
 *
 * Runs as `tf.image.transform`, on every backend; that kernel has no gradient.
 *
 * @param images - `[h, w]`, `[h, w, c]`, `[n, h, w, c]` or `[batch, n, h, w, c]`.
 * @returns Images in the shape that came in, float32.
 * @throws {@link ArgumentError} for images of another shape or an option out of range.
 * @example
 * ```ts
 * const turned = affine(tf.zeros([224, 224, 1]), { angle: 30, scale: 1.2 });
 * ```
 */
export function affine<T extends tf.Tensor>(images: T, options: AffineOptions = {}): T {
  const { angle = 0, scale = 1, translate = [0, 0], fill = 0, interpolation = 'bilinear' } = options;
  check(Number.isFinite(angle), 'affine: angle', 'a number of degrees', angle);
  check(Number.isFinite(scale) && scale > 0, 'affine: scale', 'a number above 0', scale);
  check(
    Array.isArray(translate) && translate.length === 2 && translate.every(Number.isFinite),
    'affine: translate',
    '[x, y] in pixels',
    translate,
  );
  check(Number.isFinite(fill), 'affine: fill', 'a number', fill);
  check(
    interpolation === 'bilinear' || interpolation === 'nearest',
    'affine: interpolation',
    "'bilinear' or 'nearest'",
    interpolation,
  );
  return onImages('affine', images, (x) => {
    const [count, height, width, channels] = x.shape;
    const transform = tf.tensor2d(inverseTransform(height, width, angle, scale, translate), [1, 8]);
    if (count === 1) return tf.image.transform(x, transform, interpolation, 'constant', fill);
    // Images become channels of one image: the kernel of tfjs 4.22's cpu backend returns after the first image.
    const wide = tf.reshape(tf.transpose(x, [1, 2, 0, 3]), [1, height, width, count * channels]);
    const moved = tf.image.transform(wide as tf.Tensor4D, transform, interpolation, 'constant', fill);
    return tf.transpose(tf.reshape(moved, [height, width, count, channels]), [2, 0, 1, 3]) as tf.Tensor4D;
  });
}

/** `[a, b, c, d, e, f, 0, 0]`: the output pixel (x, y) reads the input at (ax + by + c, dx + ey + f). */
function inverseTransform(
  height: number,
  width: number,
  angle: number,
  scale: number,
  [shiftX, shiftY]: readonly [number, number],
): number[] {
  const radians = (angle * Math.PI) / 180;
  const cos = Math.cos(radians) / scale;
  const sin = Math.sin(radians) / scale;
  const centreX = (width - 1) / 2;
  const centreY = (height - 1) / 2;
  const x = centreX + shiftX;
  const y = centreY + shiftY;
  return [cos, sin, centreX - cos * x - sin * y, -sin, cos, centreY + sin * x - cos * y, 0, 0];
}
