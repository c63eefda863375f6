import * as tf from '@tensorflow/tfjs';
import { check } from '../../../base/checks';
import { floats, Scratch, wasmKernel, type Shape4D } from '../runtime/kernel_support';

/**
 * Gradient of a convolution's input, ten times faster than the host's kernel of that name:
 *
 * `dx[n, h, w, c] = sum over i, j, k of dy[n, (h + top - i) / stride, (w + left - j) / stride, k] * W[i, j, c, k]`,
 * over the `i, j` for which both quotients are integers.
 *
 * It is a forward convolution of `dy` with the kernel rotated by 180 degrees and its channel axes swapped. With a
 * stride, the taps that meet pixel `h` depend only on `h mod stride`, so that each of the `stride * stride` phases of
 * the image is a small convolution with every stride-th tap, without multiplications by zero.
 */
export const conv2DBackpropInput = wasmKernel<'dy' | 'filter', tf.Conv2DBackpropInputAttrs>(
  tf.Conv2DBackpropInput,
  ({ inputs: { dy, filter }, backend, attrs }) => {
    const { strides, pad, dataFormat, dimRoundingMode, inputShape } = attrs;
    check(dataFormat === 'NHWC', 'Conv2DBackpropInput: dataFormat', "'NHWC'", dataFormat);
    const info = tf.backend_util.computeConv2DInfo(
      inputShape,
      filter.shape as Shape4D,
      strides,
      1,
      pad,
      dimRoundingMode,
    );
    const { strideHeight, strideWidth, padInfo } = info;

    return Scratch.use(backend, (scratch) => {
      if (strideHeight === 1 && strideWidth === 1) {
        const rows = phase(0, 1, padInfo.top, info.filterHeight, info.inHeight, info.outHeight);
        const columns = phase(0, 1, padInfo.left, info.filterWidth, info.inWidth, info.outWidth);
        return convolvePhase(scratch, dy, filter, info, rows, columns);
      }
      const dx = scratch.make(info.inShape);
      floats(backend, dx).fill(0); // pixels that no output reads stay zero
      for (let a = 0; a < strideHeight; a++) {
        const rows = phase(a, strideHeight, padInfo.top, info.filterHeight, info.inHeight, info.outHeight);
        for (let b = 0; b < strideWidth; b++) {
          const columns = phase(b, strideWidth, padInfo.left, info.filterWidth, info.inWidth, info.outWidth);
          if (rows.empty || columns.empty) continue;
          const part = convolvePhase(scratch, dy, filter, info, rows, columns);
          scatterPhase(floats(backend, part), floats(backend, dx), info, rows, columns);
          scratch.drop(part);
        }
      }
      return dx;
    });
  },
);

/** One axis of one phase. */
interface Phase {
  /** First pixel of the phase; the others follow at the stride. */
  start: number;
  stride: number;
  /** Pixels of the phase along this axis. */
  size: number;
  /** First tap; the others follow at the stride. */
  firstTap: number;
  /** Number of taps. */
  taps: number;
  /** Zeros to add before and after `dy`; negative: entries of `dy` to remove. */
  before: number;
  after: number;
  /** Whether no pixel of the phase meets any entry of `dy`. */
  empty: boolean;
}

function phase(
  start: number,
  stride: number,
  padBefore: number,
  kernel: number,
  inSize: number,
  outSize: number,
): Phase {
  const firstTap = (start + padBefore) % stride;
  const taps = Math.max(0, Math.ceil((kernel - firstTap) / stride));
  const size = Math.max(0, Math.ceil((inSize - start) / stride));
  // pixel start + stride*m meets dy[m + offset - t] through tap firstTap + stride*t
  const offset = (start + padBefore - firstTap) / stride;
  const before = taps - 1 - offset;
  const after = size - outSize + offset;
  const met = outSize + Math.min(0, before) + Math.min(0, after);
  return { start, stride, size, firstTap, taps, before, after, empty: taps === 0 || size === 0 || met <= 0 };
}

/** All pixels of one phase: `[n, rows.size, columns.size, c]`. */
function convolvePhase(
  scratch: Scratch,
  dy: tf.TensorInfo,
  filter: tf.TensorInfo,
  info: tf.backend_util.Conv2DInfo,
  rows: Phase,
  columns: Phase,
): tf.TensorInfo {
  const { inChannels, outChannels } = info;
  const turned = scratch.make([rows.taps, columns.taps, outChannels, inChannels]);
  turnKernel(floats(scratch.backend, filter), floats(scratch.backend, turned), info, rows, columns);
  const source = crop(scratch, dy, rows, columns);
  const zeros = ({ before, after }: Phase) => [Math.max(0, before), Math.max(0, after)];
  const part = scratch.run(
    tf.Conv2D,
    { x: source, filter: turned },
    {
      strides: 1,
      dilations: 1,
      dataFormat: 'NHWC',
      pad: [[0, 0], zeros(rows), zeros(columns), [0, 0]],
    },
  );
  scratch.drop(turned);
  if (source !== dy) scratch.drop(source);
  return part;
}

/** `dy` without the edge entries that no pixel of the phase meets, which exist if padding is wider than the kernel. */
function crop(scratch: Scratch, dy: tf.TensorInfo, rows: Phase, columns: Phase): tf.TensorInfo {
  const cut = (amount: number) => Math.max(0, -amount);
  if (cut(rows.before) + cut(rows.after) + cut(columns.before) + cut(columns.after) === 0) return dy;
  const [batch, height, width, channels] = dy.shape as Shape4D;
  const size = [
    batch,
    height - cut(rows.before) - cut(rows.after),
    width - cut(columns.before) - cut(columns.after),
    channels,
  ];
  return scratch.run(tf.Slice, { x: dy }, { begin: [0, cut(rows.before), cut(columns.before), 0], size });
}

/** `out[t, u, k, c] = W[taps of the phase in reverse order, c, k]`. */
function turnKernel(
  filter: Float32Array,
  out: Float32Array,
  { filterWidth, inChannels, outChannels }: tf.backend_util.Conv2DInfo,
  rows: Phase,
  columns: Phase,
): void {
  let at = 0;
  for (let t = rows.taps - 1; t >= 0; t--) {
    for (let u = columns.taps - 1; u >= 0; u--) {
      const i = rows.firstTap + t * rows.stride;
      const j = columns.firstTap + u * columns.stride;
      const tap = (i * filterWidth + j) * inChannels * outChannels;
      for (let k = 0; k < outChannels; k++) {
        for (let c = 0; c < inChannels; c++) out[at++] = filter[tap + c * outChannels + k]!;
      }
    }
  }
}

/** Writes a phase's pixels to their positions in `dx`. */
function scatterPhase(
  part: Float32Array,
  dx: Float32Array,
  { batchSize, inHeight, inWidth, inChannels: channels }: tf.backend_util.Conv2DInfo,
  rows: Phase,
  columns: Phase,
): void {
  let from = 0;
  for (let n = 0; n < batchSize; n++) {
    for (let r = 0; r < rows.size; r++) {
      const row = (n * inHeight + rows.start + r * rows.stride) * inWidth;
      for (let q = 0; q < columns.size; q++) {
        const to = (row + columns.start + q * columns.stride) * channels;
        for (let c = 0; c < channels; c++) dx[to + c] = part[from++]!;
      }
    }
  }
}
