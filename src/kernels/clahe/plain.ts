import { ArgumentError } from '../../base/errors';
import { registerHostKernel } from '../host_kernel';
import { CLAHE_KERNEL, type ClaheAttrs } from './contract';
import { PlaneEqualizer } from './plane_equalizer';
import { greyValues } from './plan';

/** Equalises each channel of images `[n, h, w, c]` separately. */
registerHostKernel<ClaheAttrs>(CLAHE_KERNEL, {
  outputShape: (shape) => shape,
  compute(values, out, shape, attrs) {
    const [count, height, width, channels] = shape as [number, number, number, number];
    const kernel = new PlaneEqualizer(attrs.plan);
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
