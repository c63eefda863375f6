import type * as tf from '@tensorflow/tfjs';
import { check, checkKnownKeys, isPositiveInteger } from '../base/errors';
import { claheTensors } from '../kernels/clahe/composed';
import { CLAHE_KERNEL, type ClaheAttrs } from '../kernels/clahe/contract';
import '../kernels/clahe/plain';
import { clahePlan } from '../kernels/clahe/plan';
import { runHostKernel } from '../kernels/host_kernel';
import { checkImages, checkValueRange, onImages, onUnitImages } from './images';

/** Options of {@link clahe}. */
export interface ClaheOptions {
  /**
   * Height at which a tile's histogram is cut, as a multiple of the mean bin; what is cut is spread over all bins.
   * 0 does not cut (plain adaptive equalisation).
   *
   * @defaultValue 2
   */
  clipLimit?: number;
  /**
   * Number of tiles, `[rows, columns]`, each 1 to 256. (OpenCV's `tileGridSize` is `(columns, rows)`.)
   *
   * @defaultValue [8, 8]
   */
  tileGridSize?: [number, number];
  /**
   * Image values that stand for grey 0 and grey 255.
   *
   * @defaultValue [0, 1]; int32 images then count as 0..255, and come out in 0..1
   */
  valueRange?: [number, number];
}

/**
 * Contrast limited adaptive histogram equalisation (CLAHE), each channel of each image by itself, bit for bit as
 * OpenCV does it on 8-bit images.
 *
 * Values are mapped from `valueRange` to 0..255, rounded, equalised, and mapped back. Sizes that are no multiple of
 * the grid are mirrored out at the lower and right border for the histograms, as OpenCV does.
 *
 * One kernel on values in place on backends `cpu` and `wasm`; elsewhere tensor operations that give the same pixels,
 * plane by plane, and read nothing back. There is no gradient.
 *
 * @param images - `[h, w]`, `[h, w, c]`, `[n, h, w, c]` or `[batch, n, h, w, c]`.
 * @returns Equalised images in the shape that came in, float32, within `valueRange`.
 * @throws {@link ArgumentError} for images of another shape, for options out of range, and on `cpu` and `wasm` for values
 * outside `valueRange` and for NaN, with its place; elsewhere finding them would mean to wait for the device: values outside are
 * clipped there, and NaN counts as grey 0.
 * @example
 * ```ts
 * const slice = tf.randomUniform([512, 512, 1]);
 * const equalised = clahe(slice, { clipLimit: 2, tileGridSize: [8, 8] });
 * ```
 * @see Zuiderveld, Contrast Limited Adaptive Histogram Equalization, Graphics Gems IV (1994)
 */
export function clahe<T extends tf.Tensor>(images: T, options: ClaheOptions = {}): T {
  checkImages('clahe', images);
  checkKnownKeys(options, ['clipLimit', 'tileGridSize', 'valueRange'], 'clahe');
  const resolved = resolveClaheOptions('clahe', options);
  const [low, high] = resolveValueRange('clahe', options.valueRange);
  const run = (x: tf.Tensor4D) => {
    const attrs: ClaheAttrs = {
      plan: clahePlan(x.shape[1], x.shape[2], resolved),
      low: Math.fround(low),
      scale: Math.fround(255 / (high - low)),
      span: Math.fround(high - low),
    };
    return runHostKernel<tf.Tensor4D>(CLAHE_KERNEL, x, attrs) ?? claheTensors(x, attrs);
  };
  if (options.valueRange === undefined) return onUnitImages('clahe', images, run);
  checkValueRange('clahe', images, [low, high]);
  return onImages('clahe', images, run);
}

/** The options with defaults filled in, or an error that names the one at fault. */
export function resolveClaheOptions(what: string, options: Tiling): Required<Tiling> {
  const { clipLimit = 2, tileGridSize = [8, 8] } = options;
  check(
    Number.isFinite(clipLimit) && clipLimit >= 0,
    `${what}: clipLimit`,
    'a number of at least 0',
    clipLimit,
  );
  check(
    Array.isArray(tileGridSize) &&
      tileGridSize.length === 2 &&
      tileGridSize.every((tiles) => isPositiveInteger(tiles) && tiles <= 256),
    `${what}: tileGridSize`,
    '[rows, columns], each an integer in 1..256',
    tileGridSize,
  );
  return { clipLimit, tileGridSize: [tileGridSize[0], tileGridSize[1]] };
}

type Tiling = Pick<ClaheOptions, 'clipLimit' | 'tileGridSize'>;

/** The value range or its default, checked. */
export function resolveValueRange(what: string, range: [number, number] = [0, 1]): [number, number] {
  check(
    Array.isArray(range) && range.length === 2 && range.every(Number.isFinite) && range[0] < range[1],
    `${what}: valueRange`,
    '[low, high] with low < high',
    range,
  );
  return [range[0], range[1]];
}
