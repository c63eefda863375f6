import * as tf from '@tensorflow/tfjs';
import { check } from '../../../base/checks';
import { floats, Scratch, wasmKernel, type Shape4D } from '../runtime/kernel_support';

/**
 * Gradient of max pooling: each output's gradient goes to the first largest pixel of its window.
 *
 * Replaces the host's kernel, which is three times slower and counts padding as zeros: if a window over the
 * edge has only negative pixels, the gradient is lost.
 */
export const maxPoolGrad = wasmKernel<'dy' | 'input', tf.MaxPoolGradAttrs>(
  tf.MaxPoolGrad,
  ({ inputs: { dy, input }, backend, attrs }) => {
    check(input.dtype === 'float32', 'MaxPoolGrad: input', 'float32', input.dtype);
    const { filterSize, strides, pad, dimRoundingMode } = attrs;
    const shape = input.shape as Shape4D;
    const info = tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
    return Scratch.use(backend, (scratch) => {
      const dx = scratch.make(shape);
      routeToMaxima(floats(backend, input), floats(backend, dy), floats(backend, dx), info);
      return dx;
    });
  },
);

function routeToMaxima(
  x: Float32Array,
  dy: Float32Array,
  dx: Float32Array,
  info: tf.backend_util.Conv2DInfo,
): void {
  const { batchSize, inHeight, inWidth, inChannels: channels, outHeight, outWidth } = info;
  const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = info;
  const largest = new Float32Array(channels);
  const where = new Int32Array(channels);
  dx.fill(0);
  let from = 0;
  for (let n = 0; n < batchSize; n++) {
    for (let p = 0; p < outHeight; p++) {
      const top = Math.max(0, p * strideHeight - padInfo.top);
      const bottom = Math.min(inHeight, p * strideHeight - padInfo.top + filterHeight);
      for (let q = 0; q < outWidth; q++, from += channels) {
        const left = Math.max(0, q * strideWidth - padInfo.left);
        const right = Math.min(inWidth, q * strideWidth - padInfo.left + filterWidth);
        if (top >= bottom || left >= right) continue;
        const first = ((n * inHeight + top) * inWidth + left) * channels;
        for (let c = 0; c < channels; c++) {
          largest[c] = x[first + c]!;
          where[c] = first + c;
        }
        for (let h = top; h < bottom; h++) {
          let at = ((n * inHeight + h) * inWidth + left) * channels;
          for (let w = left; w < right; w++) {
            for (let c = 0; c < channels; c++, at++) {
              // NaN counts as the largest, as in the forward pass
              if (x[at]! > largest[c]! || Number.isNaN(x[at]!)) {
                largest[c] = x[at]!;
                where[c] = at;
              }
            }
          }
        }
        for (let c = 0; c < channels; c++) dx[where[c]!]! += dy[from + c]!;
      }
    }
  }
}
