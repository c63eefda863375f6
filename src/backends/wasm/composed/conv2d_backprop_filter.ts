import * as tf from '@tensorflow/tfjs';
import { check } from '../../../base/checks';
import { floats, Scratch, viewAs, wasmKernel, type Shape4D } from '../runtime/kernel_support';

/** Bytes of intermediate results per call; images are processed in groups that fit, at least one. */
const SCRATCH_BYTES = 64 * 2 ** 20;

/**
 * Gradient of a convolution's kernel, which the host's WebAssembly backend lacks:
 *
 * `dW[i, j, c, k] = sum over n, p, q of x[n, p*stride + i - top, q*stride + j - left, c] * dy[n, p, q, k]`
 *
 * As a forward convolution: for each column `j` of the kernel, arrange the input as an image of height `rows`,
 * width `c` and the corresponding `n, q` as channels. Then `dy` as `[p, 1, (n, q), k]` is a kernel over it, dilated by
 * the stride, and output pixel `[i, c]` is `dW[i, j, c, :]`. The host's fast convolution does all the arithmetic
 * in one call, with long inner sums and full tiles; only the layout is changed here.
 */
export const conv2DBackpropFilter = wasmKernel<'x' | 'dy', tf.Conv2DBackpropFilterAttrs>(
  tf.Conv2DBackpropFilter,
  ({ inputs: { x, dy }, backend, attrs }) => {
    const { strides, pad, dataFormat, dimRoundingMode, filterShape } = attrs;
    check(dataFormat === 'NHWC', 'Conv2DBackpropFilter: dataFormat', "'NHWC'", dataFormat);
    const info = tf.backend_util.computeConv2DInfo(
      x.shape as Shape4D,
      filterShape,
      strides,
      1,
      pad,
      dimRoundingMode,
    );
    const { batchSize, outHeight, outWidth, inChannels, outChannels, filterHeight, filterWidth } = info;
    const rows = (outHeight - 1) * info.strideHeight + filterHeight;
    const perImage = 4 * outWidth * (filterWidth * rows * inChannels + 3 * outHeight * outChannels);
    const group = Math.min(batchSize, Math.max(1, Math.floor(SCRATCH_BYTES / perImage)));

    return Scratch.use(backend, (scratch) => {
      let sum: tf.TensorInfo | undefined;
      for (let first = 0; first < batchSize; first += group) {
        const count = Math.min(group, batchSize - first);
        const part = groupGradient(scratch, x, dy, info, rows, first, count);
        if (sum === undefined) {
          sum = part;
          continue;
        }
        const next = scratch.run(tf.Add, { a: sum, b: part });
        scratch.drop(sum);
        scratch.drop(part);
        sum = next;
      }
      // [j, i, c, k] -> [i, j, c, k]
      const byColumn = viewAs(sum!, [filterWidth, filterHeight, inChannels * outChannels]);
      const transposed = scratch.run(tf.Transpose, { x: byColumn }, { perm: [1, 0, 2] });
      transposed.shape = [filterHeight, filterWidth, inChannels, outChannels];
      return transposed;
    });
  },
);

/** `dW` of images `first .. first + count`, as `[column, row, c, k]`. */
function groupGradient(
  scratch: Scratch,
  x: tf.TensorInfo,
  dy: tf.TensorInfo,
  info: tf.backend_util.Conv2DInfo,
  rows: number,
  first: number,
  count: number,
): tf.TensorInfo {
  const { outHeight, outWidth, inChannels, outChannels, filterWidth } = info;
  const { backend } = scratch;
  const unfolded = scratch.make([filterWidth, rows, inChannels, count * outWidth]);
  const kernel = scratch.make([outHeight, 1, count * outWidth, outChannels]);
  unfoldColumns(floats(backend, x), floats(backend, unfolded), info, rows, first, count);
  rowsFirst(floats(backend, dy), floats(backend, kernel), info, first, count);
  const part = scratch.run(
    tf.Conv2D,
    { x: unfolded, filter: kernel },
    {
      strides: 1,
      pad: 'valid',
      dataFormat: 'NHWC',
      dilations: [info.strideHeight, 1],
    },
  );
  scratch.drop(unfolded);
  scratch.drop(kernel);
  return part;
}

/** `out[j, r, c, (n, q)] = x[n, r - top, q*stride + j - left, c]`, zero outside the image. */
function unfoldColumns(
  x: Float32Array,
  out: Float32Array,
  info: tf.backend_util.Conv2DInfo,
  rows: number,
  first: number,
  count: number,
): void {
  const { inHeight, inWidth, inChannels: channels, outWidth, filterWidth, strideWidth } = info;
  const { top, left } = info.padInfo;
  const length = count * outWidth;
  const step = strideWidth * channels;
  out.fill(0);
  for (let j = 0; j < filterWidth; j++) {
    // the output columns q whose input column lies in the image
    const from = Math.max(0, Math.ceil((left - j) / strideWidth));
    const to = Math.min(outWidth, Math.floor((inWidth - 1 + left - j) / strideWidth) + 1);
    for (let r = Math.max(0, top); r < Math.min(rows, inHeight + top); r++) {
      for (let n = 0; n < count; n++) {
        const source = ((first + n) * inHeight + r - top) * inWidth;
        const target = (j * rows + r) * channels * length + n * outWidth;
        for (let c = 0; c < channels; c++) {
          let pixel = (source + from * strideWidth + j - left) * channels + c;
          const end = target + c * length + to;
          for (let at = target + c * length + from; at < end; at++, pixel += step) out[at] = x[pixel]!;
        }
      }
    }
  }
}

/** `out[p, (n, q), k] = dy[n, p, q, k]`. */
function rowsFirst(
  dy: Float32Array,
  out: Float32Array,
  { outHeight, outWidth, outChannels }: tf.backend_util.Conv2DInfo,
  first: number,
  count: number,
): void {
  const row = outWidth * outChannels;
  for (let p = 0; p < outHeight; p++) {
    for (let n = 0; n < count; n++) {
      const source = ((first + n) * outHeight + p) * row;
      out.set(dy.subarray(source, source + row), (p * count + n) * row);
    }
  }
}
