import type * as tf from '@tensorflow/tfjs';
import { OWN_KERNELS } from '../kernels/own_kernels';
import { check, checkKnownKeys } from '../base/errors';
import type { ClaheAttrs } from '../base/types';
import './clahe_kernel';
import { clahePlan, resolveClaheOptions, type ClaheUint8Options } from './clahe_plan';
import { claheTensors } from './clahe_tensors';
import { runHostKernel } from './host_kernel';
import { checkImages, checkValueRange, onImages, onUnitImages } from './images';

/** Options of {@link clahe}. */
export interface ClaheOptions extends ClaheUint8Options {
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
    return runHostKernel<tf.Tensor4D>(OWN_KERNELS.clahe, x, attrs) ?? claheTensors(x, attrs);
  };
  if (options.valueRange === undefined) return onUnitImages('clahe', images, run);
  checkValueRange('clahe', images, [low, high]);
  return onImages('clahe', images, run);
}

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
