import * as tf from '@tensorflow/tfjs';
import { floats, Scratch, wasmKernel, type Shape4D, type WasmBackend } from '../runtime/kernel_support';

/** Attributes of both gradients. */
interface DepthwiseAttrs {
  strides: number | [number, number];
  dilations: number | [number, number];
  pad: 'same' | 'valid' | number | tf.backend_util.ExplicitPadding;
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/**
 * Gradient of a depthwise convolution's input, which the host's WebAssembly backend lacks:
 *
 * `dx[n, h, w, c] = sum over i, j, q of dy[n, p, r, (c, q)] * W[i, j, c, q]`, over the outputs `p, r` that read pixel
 * `h, w` through tap `i, j`.
 *
 * Written in JavaScript, since depthwise convolutions are a few percent of the arithmetic of the networks that use
 * them.
 */
export const depthwiseBackpropInput = wasmKernel<'dy' | 'filter', DepthwiseAttrs & { inputShape: Shape4D }>(
  tf.DepthwiseConv2dNativeBackpropInput,
  ({ inputs: { dy, filter }, backend, attrs }) => {
    const info = infoOf(attrs.inputShape, filter.shape as Shape4D, attrs);
    return Scratch.use(backend, (scratch) => {
      const dx = scratch.make(info.inShape);
      const [to, from, taps] = valuesOf(backend, [dx, dy, filter]);
      to.fill(0);
      const multiplier = info.outChannels / info.inChannels;
      forEachMeeting(info, (pixel, output, tap) => {
        if (multiplier === 1) {
          for (let c = 0; c < info.inChannels; c++) to[pixel + c]! += from[output + c]! * taps[tap + c]!;
        } else {
          for (let k = 0; k < info.outChannels; k++) to[pixel + Math.floor(k / multiplier)]! += from[output + k]! * taps[tap + k]!;
        }
      });
      return dx;
    });
  },
); // prettier-ignore

/**
 * Gradient of a depthwise convolution's taps, which the host's WebAssembly backend lacks:
 *
 * `dW[i, j, c, q] = sum over n, p, r of x[n, h, w, c] * dy[n, p, r, (c, q)]`, where output `p, r` reads pixel `h, w`
 * through tap `i, j`. Summed in 64 bits.
 */
export const depthwiseBackpropFilter = wasmKernel<'x' | 'dy', DepthwiseAttrs & { filterShape: Shape4D }>(
  tf.DepthwiseConv2dNativeBackpropFilter,
  ({ inputs: { x, dy }, backend, attrs }) => {
    const info = infoOf(x.shape as Shape4D, attrs.filterShape, attrs);
    return Scratch.use(backend, (scratch) => {
      const dw = scratch.make(attrs.filterShape);
      const [to, images, from] = valuesOf(backend, [dw, x, dy]);
      const sums = new Float64Array(to.length);
      const multiplier = info.outChannels / info.inChannels;
      forEachMeeting(info, (pixel, output, tap) => {
        if (multiplier === 1) {
          for (let c = 0; c < info.inChannels; c++) sums[tap + c]! += images[pixel + c]! * from[output + c]!;
        } else {
          for (let k = 0; k < info.outChannels; k++) sums[tap + k]! += images[pixel + Math.floor(k / multiplier)]! * from[output + k]!;
        }
      });
      to.set(sums);
      return dw;
    });
  },
); // prettier-ignore

const infoOf = (inputShape: Shape4D, filterShape: Shape4D, attrs: DepthwiseAttrs): tf.backend_util.Conv2DInfo =>
  tf.backend_util.computeConv2DInfo(inputShape, filterShape, attrs.strides, attrs.dilations, attrs.pad, attrs.dimRoundingMode, true); // prettier-ignore

const valuesOf = (backend: WasmBackend, [a, b, c]: [tf.TensorInfo, tf.TensorInfo, tf.TensorInfo]) =>
  [floats(backend, a), floats(backend, b), floats(backend, c)] as const;

/**
 * Calls `visit` for each pair of an output and a tap that reads a pixel, with the offsets of their channels in `NHWC`.
 */
function forEachMeeting(
  info: tf.backend_util.Conv2DInfo,
  visit: (pixel: number, output: number, tap: number) => void,
): void {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, padInfo } = info;
  for (let n = 0; n < batchSize; n++) {
    for (let p = 0; p < outHeight; p++) {
      for (let i = 0; i < info.filterHeight; i++) {
        const row = p * info.strideHeight + i * info.dilationHeight - padInfo.top;
        if (row < 0 || row >= inHeight) continue;
        for (let r = 0; r < outWidth; r++) {
          const output = ((n * outHeight + p) * outWidth + r) * outChannels;
          for (let j = 0; j < info.filterWidth; j++) {
            const column = r * info.strideWidth + j * info.dilationWidth - padInfo.left;
            if (column < 0 || column >= inWidth) continue;
            const pixel = ((n * inHeight + row) * inWidth + column) * inChannels;
            visit(pixel, output, (i * info.filterWidth + j) * outChannels);
          }
        }
      }
    }
  }
}
