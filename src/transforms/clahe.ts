import * as tf from '@tensorflow/tfjs';
import { ArgumentError, check } from '../errors';
import { ClaheKernel, resolveClaheOptions, type ClaheUint8Options } from './clahe_uint8';
import { checkImages, foldedShape } from './images';

/** Options of {@link clahe}. */
export interface ClaheOptions extends ClaheUint8Options {
  /**
   * Image values that stand for grey 0 and grey 255; values outside are clipped.
   *
   * @defaultValue [0, 1]
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
 * The work is done by JavaScript on values read back with `dataSync`: right on every backend, but on a GPU it waits
 * for the device. There is no gradient.
 *
 * @param images - `[h, w]`, `[h, w, c]`, `[n, h, w, c]` or `[batch, n, h, w, c]`.
 * @returns Equalised images in the shape that came in, float32, within `valueRange`.
 * @throws {@link ArgumentError} for images of another shape, for NaN (with its place), and for options out of range.
 * @example
 * ```ts
 * const slice = tf.randomUniform([512, 512, 1]);
 * const equalised = clahe(slice, { clipLimit: 2, tileGridSize: [8, 8] });
 * ```
 * @see Zuiderveld, Contrast Limited Adaptive Histogram Equalization, Graphics Gems IV (1994)
 */
export function clahe<T extends tf.Tensor>(images: T, options: ClaheOptions = {}): T {
  checkImages('clahe', images);
  const kernelOptions = resolveClaheOptions('clahe', options);
  const [low, high] = resolveValueRange('clahe', options.valueRange);
  const [count, height, width, channels] = foldedShape(images.shape);

  const values = images.dataSync<'float32'>();
  const out = new Float32Array(values.length);
  const kernel = new ClaheKernel(height, width, kernelOptions);
  const source = new Uint8Array(height * width);
  const equalised = new Uint8Array(height * width);
  const valueOfGrey = Float32Array.from({ length: 256 }, (_, grey) => low + (grey / 255) * (high - low));
  for (let plane = 0; plane < count * channels; plane++) {
    const image = Math.floor(plane / channels);
    const start = image * height * width * channels + (plane % channels);
    const bad = toGrey(values, start, channels, low, 255 / (high - low), source);
    if (bad !== -1) {
      const row = Math.floor(bad / width);
      throw new ArgumentError(
        `clahe: images: expected numbers, received NaN at image ${image}, row ${row}, column ${bad % width}, ` +
          `channel ${plane % channels} (counted from 0)`,
      );
    }
    kernel.apply(source, equalised);
    for (let i = 0, j = start; i < equalised.length; i++, j += channels) out[j] = valueOfGrey[equalised[i]!]!;
  }
  return tf.tensor(out, images.shape, 'float32') as T;
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

/** Fills `grey` from every `step`-th value; the index of the first NaN in `grey`, or -1. */
function toGrey(
  values: Float32Array,
  start: number,
  step: number,
  low: number,
  scale: number,
  grey: Uint8Array,
): number {
  const offset = 0.5 - low * scale;
  for (let i = 0, j = start; i < grey.length; i++, j += step) {
    const level = values[j]! * scale + offset;
    if (Number.isNaN(level)) return i;
    grey[i] = level >= 255 ? 255 : level > 0 ? level | 0 : 0;
  }
  return -1;
}
