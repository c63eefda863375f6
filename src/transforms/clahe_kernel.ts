import { OWN_KERNELS } from '../kernels/own_kernels';
import { ArgumentError } from '../base/errors';
import type { ClaheAttrs } from '../base/types';
import { ClaheKernel } from './clahe_uint8';
import { registerHostKernel } from './host_kernel';

/** Equalises images `[n, h, w, c]`, each channel of each by itself, on values in place. */
registerHostKernel<ClaheAttrs>(OWN_KERNELS.clahe, {
  outputShape: (shape) => shape,
  compute(values, out, shape, attrs) {
    const [count, height, width, channels] = shape as [number, number, number, number];
    const kernel = new ClaheKernel(attrs.plan);
    const source = new Uint8Array(height * width);
    const equalised = new Uint8Array(height * width);
    const valueOfGrey = greyValues(attrs);
    for (let plane = 0; plane < count * channels; plane++) {
      const image = Math.floor(plane / channels);
      const start = image * height * width * channels + (plane % channels);
      const bad = toGrey(values, start, channels, attrs, source);
      if (bad !== -1) {
        const row = Math.floor(bad / width);
        throw new ArgumentError(
          `clahe: images: expected numbers, received NaN at image ${image}, row ${row}, column ${bad % width}, ` +
            `channel ${plane % channels} (counted from 0)`,
        );
      }
      kernel.apply(source, equalised);
      for (let i = 0, j = start; i < equalised.length; i++, j += channels) {
        out[j] = valueOfGrey[equalised[i]!]!;
      }
    }
  },
});

/** The image value of every grey value: `grey * span / 255 + low`, rounded to float32 at each step. */
export function greyValues({ low, span }: ClaheAttrs): Float32Array {
  const { fround } = Math;
  return Float32Array.from({ length: 256 }, (_, grey) => fround(fround(grey * span) / 255) + low);
}

/** Fills `grey` from every `step`-th value; the index of the first NaN in `grey`, or -1. */
function toGrey(
  values: Float32Array,
  start: number,
  step: number,
  { low, scale }: ClaheAttrs,
  grey: Uint8Array,
): number {
  const { fround } = Math;
  for (let i = 0, j = start; i < grey.length; i++, j += step) {
    const level = fround(fround(fround(values[j]! - low) * scale) + 0.5);
    if (Number.isNaN(level)) return i;
    grey[i] = level >= 255 ? 255 : level > 0 ? level | 0 : 0;
  }
  return -1;
}
