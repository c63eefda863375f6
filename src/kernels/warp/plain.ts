import { jitterValues } from '../color_jitter/plain';
import { registerHostKernel } from '../host_kernel';
import { WARP_KERNEL, type WarpAttrs } from './contract';
import { findPlaces } from './places';

/** Computes the positions and weights of a row once for all images. */
registerHostKernel<WarpAttrs>(WARP_KERNEL, {
  outputShape: ([count, , , channels], { size: [height, width] }) => [count!, height, width, channels!],
  compute(x, out, shape, attrs) {
    const [count, height, width, channels] = shape as [number, number, number, number];
    const [outHeight, outWidth] = attrs.size;
    const right = width > 1 ? channels : 0;
    const below = height > 1 ? width * channels : 0;
    const places = new Int32Array(outWidth);
    const weights = new Float64Array(4 * outWidth);
    const covers = new Float64Array(outWidth);
    for (let y = 0; y < outHeight; y++) {
      findPlaces(y, [height, width], attrs, places, weights, covers);
      for (let n = 0; n < count; n++) {
        let to = (n * outHeight + y) * outWidth * channels;
        for (let i = 0; i < outWidth; i++) {
          const image = n * height * width * channels;
          for (let k = 0; k < channels; k++, to++) {
            const from = image + places[i]! * channels + k;
            out[to] =
              covers[i] === 0
                ? attrs.fill
                : x[from]! * weights[4 * i]! +
                  x[from + right]! * weights[4 * i + 1]! +
                  x[from + below]! * weights[4 * i + 2]! +
                  x[from + below + right]! * weights[4 * i + 3]! +
                  attrs.fill * (1 - covers[i]!);
          }
        }
      }
    }
    if (attrs.jitter) jitterValues(out, out, [count, outHeight, outWidth, channels], attrs.jitter);
  },
});
