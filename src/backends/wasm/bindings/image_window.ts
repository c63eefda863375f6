import * as tf from '@tensorflow/tfjs';
import { hostWorkspace } from '../runtime/engine';
import { addressOf, floats, Scratch, wasmKernel, type WasmBackend } from '../runtime/kernel_support';
import type { Workspace } from '../runtime/workspace';
import { copyColumns } from './column_kernels';

/** A window of images, `[images, height, width, channels]`: the padding of a convolution, and its gradient. */
interface ImageWindow {
  /** The larger images. */
  outer: tf.TensorInfo;
  /** Their part from (top, left) on. */
  inner: tf.TensorInfo;
  top: number;
  left: number;
}

/** `tf.slice` of images along height and width on all threads; the host's kernel does the rest. */
export function slice(host: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<'x', tf.SliceAttrs>(tf.Slice, (args) => {
    const { backend, attrs } = args;
    const { x } = args.inputs;
    const workspace = hostWorkspace(backend);
    const [begin, size] = tf.slice_util.parseSliceParams(x as tf.Tensor, attrs.begin, attrs.size) as [
      number[],
      number[],
    ];
    const [first, top, left, channel] = begin;
    const whole = first === 0 && channel === 0 && size[0] === x.shape[0] && size[3] === x.shape[3];
    if (workspace === undefined || !whole || !areImages(x, size)) return host.kernelFunc(args as never);
    return Scratch.use(backend, (scratch) => {
      const inner = scratch.make(size);
      copyWindow(backend, workspace, { outer: x, inner, top: top!, left: left! }, 'out');
      return inner;
    });
  });
}

/** `tf.pad` of images by zeros along height and width on all threads; the host's kernel does the rest. */
export function pad(host: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<'x', tf.PadV2Attrs>(tf.PadV2, (args) => {
    const { backend, attrs } = args;
    const { x } = args.inputs;
    const workspace = hostWorkspace(backend);
    const shape = x.shape.map((n, axis) => n + attrs.paddings[axis]![0] + attrs.paddings[axis]![1]);
    const whole = shape[0] === x.shape[0] && shape[3] === x.shape[3] && attrs.constantValue === 0;
    if (workspace === undefined || !whole || !areImages(x, shape)) return host.kernelFunc(args as never);
    const [top, left] = [attrs.paddings[1]![0], attrs.paddings[2]![0]];
    return Scratch.use(backend, (scratch) => {
      const outer = scratch.make(shape);
      clearEdges(backend, { outer, inner: x, top, left });
      copyWindow(backend, workspace, { outer, inner: x, top, left }, 'in');
      return outer;
    });
  });
}

const areImages = ({ dtype, shape }: tf.TensorInfo, other: number[]) =>
  dtype === 'float32' && shape.length === 4 && [...shape, ...other].every((n) => n > 0);

/** Copies the inner images out of the outer ones, or into them. */
function copyWindow(
  backend: WasmBackend,
  workspace: Workspace,
  { outer, inner, top, left }: ImageWindow,
  direction: 'in' | 'out',
): void {
  const [images, rows, width, channels] = inner.shape as [number, number, number, number];
  const [count, outerColumns] = [width * channels, outer.shape[2]! * channels];
  for (let i = 0; i < images; i++) {
    const at = addressOf(backend, outer) + 4 * ((i * outer.shape[1]! + top) * outerColumns + left * channels);
    const window = { address: at, columns: outerColumns };
    const whole = { address: addressOf(backend, inner) + 4 * i * rows * count, columns: count };
    const [from, to] = direction === 'in' ? [whole, window] : [window, whole];
    copyColumns(backend, workspace, {
      ...{ from: from.address, fromColumns: from.columns, to: to.address, toColumns: to.columns },
      ...{ count, rows },
    });
  }
}

/** Zeros around the inner images. */
function clearEdges(backend: WasmBackend, { outer, inner, top, left }: ImageWindow): void {
  const values = floats(backend, outer);
  const [images, outerRows, outerWidth, channels] = outer.shape as [number, number, number, number];
  const [, rows, width] = inner.shape as [number, number, number, number];
  for (let i = 0; i < images; i++) {
    const line = (row: number) => (i * outerRows + row) * outerWidth * channels;
    values.fill(0, line(0), line(top));
    values.fill(0, line(top + rows), line(outerRows));
    for (let row = top; row < top + rows; row++) {
      values.fill(0, line(row), line(row) + left * channels);
      values.fill(0, line(row) + (left + width) * channels, line(row + 1));
    }
  }
}
