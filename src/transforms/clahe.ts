import type * as tf from '@tensorflow/tfjs';
import { isNumberIn, isTuple, numberFrom0, optional, resolveOptions, rule } from '../base/options';
import type { Rules } from '../base/options';
import { claheTensors } from '../kernels/clahe/composed';
import { CLAHE_KERNEL, type ClaheAttrs } from '../kernels/clahe/contract';
import '../kernels/clahe/plain';
import { clahePlan } from '../kernels/clahe/plan';
import { runHostKernel } from '../kernels/host_kernel';
import { checkImages, checkValueRange, onImages, onUnitImages } from './images';

/**
 * Options of {@link clahe}.
 *
 * @inline
 */
export interface ClaheOptions {
  /**
   * Limit at which a tile's histogram is clipped, as a multiple of the mean bin; the excess is spread over all bins. 0
   * means no clipping (plain adaptive equalisation).
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
   * Image values of grey levels 0 and 255.
   *
   * @defaultValue [0, 1]; int32 images are then taken as 0..255, and returned in 0..1
   */
  valueRange?: [number, number];
}

const isTiles = (tiles: unknown) => Number.isInteger(tiles) && isNumberIn(tiles, 1, 256);

/** One for each of {@link ClaheOptions}. */
export const CLAHE_RULES = {
  clipLimit: optional(numberFrom0, 2),
  tileGridSize: optional(
    rule<[number, number]>('[rows, columns], each an integer in 1..256', (value) =>
      isTuple(value, 2, isTiles),
    ),
    [8, 8],
  ),
  valueRange: optional(
    rule<[number, number]>(
      '[low, high] with low < high',
      (value) => isTuple<number>(value, 2, Number.isFinite) && value[0]! < value[1]!,
    ),
  ),
} satisfies Rules<ClaheOptions>;

/**
 * Contrast limited adaptive histogram equalisation (CLAHE), per channel of each image, bit for bit as OpenCV does it on
 * 8-bit images.
 *
 * Values are mapped from `valueRange` to 0..255, rounded, equalised, and mapped back. Sizes that are not multiples of
 * the grid are padded by reflection at the lower and right border for the histograms, as in OpenCV.
 *
 * One kernel on backends `cpu` and `wasm`; on others tensor operations that give the same pixels, plane by plane, and
 * read nothing back. There is no gradient.
 *
 * @param images - `[h, w]`, `[h, w, c]`, `[n, h, w, c]` or `[batch, n, h, w, c]`.
 * @returns Equalised images in the input's shape, float32, within `valueRange`.
 * @throws ArgumentError for images of another shape, for options out of range, and on `cpu` and `wasm` for values
 * outside `valueRange` and for NaN, with its position; on other backends finding them would mean waiting for the
 * device, so values outside are clipped, and NaN counts as grey level 0.
 * @example
 * ```ts
 * const slice = tf.randomUniform([512, 512, 1]);
 * const equalised = clahe(slice, { clipLimit: 2, tileGridSize: [8, 8] });
 * ```
 * @see Zuiderveld, "Contrast Limited Adaptive Histogram Equalization", Graphics Gems IV 1994.
 */
export function clahe<T extends tf.Tensor>(images: T, options: ClaheOptions = {}): T {
  checkImages('clahe', images);
  const { valueRange, ...tiling } = resolveOptions('clahe', options, CLAHE_RULES);
  const [low, high] = valueRange ?? [0, 1];
  const run = (x: tf.Tensor4D) => {
    const attrs: ClaheAttrs = {
      plan: clahePlan(x.shape[1], x.shape[2], tiling),
      low: Math.fround(low),
      scale: Math.fround(255 / (high - low)),
      span: Math.fround(high - low),
    };
    return runHostKernel<tf.Tensor4D>(CLAHE_KERNEL, x, attrs) ?? claheTensors(x, attrs);
  };
  if (valueRange === undefined) return onUnitImages('clahe', images, run);
  checkValueRange('clahe', images, valueRange);
  return onImages('clahe', images, run);
}
