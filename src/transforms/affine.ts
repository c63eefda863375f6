import type * as tf from '@tensorflow/tfjs';
import { finiteNumber, isTuple, numberAbove0, oneOf, optional, resolveOptions, rule } from '../base/options';
import type { Rules } from '../base/options';
import { onImages } from './images';
import { warp } from './warp';

/**
 * Options of {@link affine}.
 *
 * @inline
 */
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
   * Translation after rotation, `[x, y]` in pixels, right and down.
   *
   * @defaultValue [0, 0]
   */
  translate?: readonly [number, number];
  /**
   * Value of pixels outside the image.
   *
   * @defaultValue 0
   */
  fill?: number;
  /**
   * How values between pixels are interpolated.
   *
   * @defaultValue 'bilinear'
   */
  interpolation?: 'bilinear' | 'nearest';
}

const PIXELS = rule<readonly [number, number]>('[x, y] in pixels', (value) =>
  isTuple(value, 2, Number.isFinite),
);

const RULES = {
  angle: optional(rule<number>('a number of degrees', Number.isFinite), 0),
  scale: optional(numberAbove0, 1),
  translate: optional(PIXELS, [0, 0]),
  fill: optional(finiteNumber, 0),
  interpolation: optional(oneOf(['bilinear', 'nearest']), 'bilinear'),
} satisfies Rules<AffineOptions>;

/**
 * Rotates and scales images about their centre and translates them, as torchvision's `affine` does; the size does not
 * change.
 *
 * The output pixel `p` reads the input at `c + R(-angle) / scale · (p - c - translate)`, where `c` is the image centre
 * `((w - 1) / 2, (h - 1) / 2)`. Pixels outside have the value `fill`, so along the image's edge bilinear interpolation
 * mixes the last pixels with `fill` over one pixel's width.
 *
 * One kernel for all images on backends `cpu` and `wasm`, `tf.image.transform` on others; no gradient.
 *
 * @param images - `[h, w]`, `[h, w, c]`, `[n, h, w, c]` or `[batch, n, h, w, c]`.
 * @returns Images in the input's shape, float32.
 * @throws ArgumentError for images of another shape or an option out of range.
 * @example
 * ```ts
 * const turned = affine(tf.zeros([224, 224, 1]), { angle: 30, scale: 1.2 });
 * ```
 */
export function affine<T extends tf.Tensor>(images: T, options: AffineOptions = {}): T {
  const { angle, scale, translate, fill, interpolation } = resolveOptions('affine', options, RULES);
  return onImages('affine', images, (x) => {
    const [, height, width] = x.shape;
    const matrix = affineMatrix(height, width, { angle, scale, translate });
    return warp(x, { size: [height, width], matrix, fill, nearest: interpolation === 'nearest' });
  });
}

/** `[a, b, c, d, e, f]`: the output pixel (x, y) reads the input at (ax + by + c, dx + ey + f). */
export function affineMatrix(
  height: number,
  width: number,
  { angle, scale, translate }: Required<Pick<AffineOptions, 'angle' | 'scale' | 'translate'>>,
): number[] {
  const radians = (angle * Math.PI) / 180;
  const cos = Math.cos(radians) / scale;
  const sin = Math.sin(radians) / scale;
  const centreX = (width - 1) / 2;
  const centreY = (height - 1) / 2;
  const x = centreX + translate[0];
  const y = centreY + translate[1];
  return [cos, sin, centreX - cos * x - sin * y, -sin, cos, centreY + sin * x - cos * y];
}
