import * as tf from '@tensorflow/tfjs';
import { OWN_KERNELS } from '../../kernels/own_kernels';
import type { ClaheAttrs, ColorJitterAttrs, ResizeAttrs, WarpAttrs } from '../../base/types';
import { hostWorkspace } from './engine';
import { type KernelArgs, Scratch, wasmKernel } from './kernel_support';
import { spanOf, type HostWorkspace } from './workspace';

/** Compiled forms of the kernels that `transforms/` registers under these names. */
export const imageKernels = [
  compiled<ClaheAttrs>(
    OWN_KERNELS.clahe,
    (shape) => shape,
    (workspace, x, out, { plan, low, scale, span }) => {
      const [count, , , channels] = x.shape as Shape4D;
      const { height, width, rows, columns, rowBlend, columnBlend } = plan;
      const nan = workspace.integers([0]);
      workspace.run(
        'clahePlane',
        count * channels,
        size(workspace, 'clahePlane', height, width, rows, columns),
        [
          workspace.input(spanOf(x)),
          workspace.output(spanOf(out)),
          nan,
          channels,
          height,
          width,
          rows,
          columns,
          plan.tileHeight,
          plan.tileWidth,
          plan.clipCount,
          plan.lutScale,
          low,
          scale,
          span,
          workspace.integers(rowBlend.tile),
          workspace.integers(bitsOf(rowBlend.nextWeight)),
          workspace.integers(columnBlend.tile),
          workspace.integers(bitsOf(columnBlend.nextWeight)),
        ],
      );
      return workspace.integerAt(nan) === 0;
    },
  ),
  compiled<WarpAttrs>(
    OWN_KERNELS.warp,
    ([count, , , channels], { size: [height, width] }) => [count!, height, width, channels!],
    (workspace, x, out, { size: [outHeight, outWidth], matrix, fill, nearest, jitter }) => {
      const [count, height, width, channels] = x.shape as Shape4D;
      const places = workspace.scratch(outHeight * workspace.kernels.warpPlacesBytes!(outWidth));
      workspace.run('warpPlaces', outHeight, 0, [
        places,
        workspace.integers(bitsOf(Float64Array.from(matrix))),
        height,
        width,
        channels,
        outHeight,
        outWidth,
        nearest ? 1 : 0,
      ]);
      workspace.run('warpImage', count, 0, [
        workspace.input(spanOf(x)),
        workspace.output(spanOf(out)),
        places,
        height,
        width,
        channels,
        outHeight,
        outWidth,
        fill,
        jitter ? 1 : 0,
        jitter?.brightness ?? 1,
        jitter?.contrast ?? 1,
      ]);
      return true;
    },
  ),
  compiled<ResizeAttrs>(
    OWN_KERNELS.resize,
    ([count, , , channels], { rows, columns }) => [
      count!,
      rows.first.length,
      columns.first.length,
      channels!,
    ],
    (workspace, x, out, { rows, columns }) => {
      const [count, height, width, channels] = x.shape as Shape4D;
      const taps = Math.ceil(columns.taps / LANES) * LANES;
      workspace.run('resizeImage', count, size(workspace, 'resizeImage', width, channels, taps), [
        workspace.input(spanOf(x)),
        workspace.output(spanOf(out)),
        height,
        width,
        channels,
        rows.first.length,
        columns.first.length,
        rows.taps,
        workspace.integers(rows.first),
        workspace.integers(bitsOf(rows.weights)),
        taps,
        workspace.integers(columns.first),
        workspace.integers(bitsOf(padded(columns.weights, columns.taps, taps))),
      ]);
      return true;
    },
  ),
  compiled<ColorJitterAttrs>(
    OWN_KERNELS.colorJitter,
    (shape) => shape,
    (workspace, x, out, { brightness, contrast }) => {
      const [count, height, width, channels] = x.shape as Shape4D;
      workspace.run('jitterImage', count, 0, [
        workspace.input(spanOf(x)),
        workspace.output(spanOf(out)),
        height * width,
        channels,
        brightness,
        contrast,
      ]);
      return true;
    },
  ),
];

type Shape4D = [number, number, number, number];

/** Floats in a vector register. */
const LANES = 4;

/**
 * A kernel of one image stack `x`.
 *
 * @param compute - False when it cannot say what is wrong with the values: the plain kernel then does.
 */
function compiled<Attrs>(
  name: string,
  outputShape: (shape: number[], attrs: Attrs) => number[],
  compute: (workspace: HostWorkspace, x: tf.TensorInfo, out: tf.TensorInfo, attrs: Attrs) => boolean,
): tf.KernelConfig {
  return wasmKernel<'x', Attrs>(name, (args) => {
    const { inputs, backend, attrs } = args;
    const workspace = hostWorkspace(backend);
    if (workspace === undefined) return plain(name, args);
    return Scratch.use(backend, (scratch) => {
      const out = scratch.make(outputShape(inputs.x.shape, attrs));
      let done = false;
      workspace.scope(backend, () => {
        done = compute(workspace, inputs.x, out, attrs);
      });
      return done ? out : plain(name, args);
    });
  });
}

/** The same by the kernel in JavaScript, which `transforms/` has registered by the time a transform runs. */
function plain<Attrs>(name: string, args: KernelArgs<'x', Attrs>): tf.TensorInfo {
  const kernel = tf.getKernel(`${name}.plain`, 'wasm')!;
  return kernel.kernelFunc(args as never) as tf.TensorInfo;
}

/** Bytes a compiled kernel works in. */
function size({ kernels }: HostWorkspace, kernel: string, ...args: number[]): number {
  return kernels[`${kernel}Scratch`]!(...args);
}

/** The same memory seen as integers. */
function bitsOf({ buffer, byteOffset, byteLength }: Float32Array | Float64Array): Int32Array {
  return new Int32Array(buffer, byteOffset, byteLength / 4);
}

/** `[n, taps]` with zeros behind each row. */
function padded(weights: Float32Array, taps: number, to: number): Float32Array {
  if (taps === to) return weights;
  const wide = new Float32Array((weights.length / taps) * to);
  for (let i = 0; i * taps < weights.length; i++) {
    wide.set(weights.subarray(i * taps, (i + 1) * taps), i * to);
  }
  return wide;
}
