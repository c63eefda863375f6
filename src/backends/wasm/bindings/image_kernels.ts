import * as tf from '@tensorflow/tfjs';
import { CLAHE_KERNEL, type ClaheAttrs } from '../../../kernels/clahe/contract';
import { COLOR_JITTER_KERNEL, type ColorJitterAttrs } from '../../../kernels/color_jitter/contract';
import { RESIZE_KERNEL, type ResizeAttrs } from '../../../kernels/resize/contract';
import { WARP_KERNEL, type WarpAttrs } from '../../../kernels/warp/contract';
import { hostWorkspace } from '../runtime/engine';
import { Scratch, wasmKernel, type KernelArgs, type Shape4D } from '../runtime/kernel_support';
import { spanOf, type Workspace } from '../runtime/workspace';

/** Compiled versions of the image kernels. */
export const imageKernels = [
  compiled<ClaheAttrs>(
    CLAHE_KERNEL,
    (shape) => shape,
    (workspace, x, out, { plan, low, scale, span }) => {
      const [count, , , channels] = x.shape as Shape4D;
      const { height, width, rows, columns, rowBlend, columnBlend } = plan;
      const nan = workspace.integers([0]);
      workspace.run(
        'clahePlane',
        count * channels,
        workspace.kernels.clahePlaneScratch({ height, width, rows, columns }),
        {
          images: workspace.address(spanOf(x)),
          out: workspace.address(spanOf(out)),
          ...{ nan, channels, height, width, rows, columns, low, scale, span },
          ...{ tileHeight: plan.tileHeight, tileWidth: plan.tileWidth },
          ...{ clipCount: plan.clipCount, lutScale: plan.lutScale },
          rowTiles: workspace.integers(rowBlend.tile),
          rowWeights: workspace.integers(bitsOf(rowBlend.nextWeight)),
          columnTiles: workspace.integers(columnBlend.tile),
          columnWeights: workspace.integers(bitsOf(columnBlend.nextWeight)),
        },
      );
      return workspace.integerAt(nan) === 0;
    },
  ),
  compiled<WarpAttrs>(
    WARP_KERNEL,
    ([count, , , channels], { size: [height, width] }) => [count!, height, width, channels!],
    (workspace, x, out, { size: [outHeight, outWidth], matrix, fill, nearest, jitter }) => {
      const [count, height, width, channels] = x.shape as Shape4D;
      const places = workspace.scratch(outHeight * workspace.kernels.warpPlacesBytes({ outWidth }));
      const sizes = { height, width, channels, outHeight, outWidth };
      workspace.run('warpPlaces', outHeight, 0, {
        ...{ ...sizes, places, nearest: nearest ? 1 : 0 },
        matrix: workspace.integers(bitsOf(Float64Array.from(matrix))),
      });
      workspace.run('warpImage', count, 0, {
        images: workspace.address(spanOf(x)),
        out: workspace.address(spanOf(out)),
        ...{ ...sizes, places, fill, lit: jitter ? 1 : 0 },
        ...{ brightness: jitter?.brightness ?? 1, contrast: jitter?.contrast ?? 1 },
      });
      return true;
    },
  ),
  compiled<ResizeAttrs>(
    RESIZE_KERNEL,
    ([count, , , channels], { rows, columns }) => [
      count!,
      rows.first.length,
      columns.first.length,
      channels!,
    ],
    (workspace, x, out, { rows, columns }) => {
      const [count, height, width, channels] = x.shape as Shape4D;
      const taps = Math.ceil(columns.taps / LANES) * LANES;
      const scratch = workspace.kernels.resizeImageScratch({ width, channels, columnTaps: taps });
      workspace.run('resizeImage', count, scratch, {
        images: workspace.address(spanOf(x)),
        out: workspace.address(spanOf(out)),
        ...{ height, width, channels, outHeight: rows.first.length, outWidth: columns.first.length },
        rowTaps: rows.taps,
        rowFirst: workspace.integers(rows.first),
        rowWeights: workspace.integers(bitsOf(rows.weights)),
        columnTaps: taps,
        columnFirst: workspace.integers(columns.first),
        columnWeights: workspace.integers(bitsOf(padded(columns.weights, columns.taps, taps))),
      });
      return true;
    },
  ),
  compiled<ColorJitterAttrs>(
    COLOR_JITTER_KERNEL,
    (shape) => shape,
    (workspace, x, out, { brightness, contrast }) => {
      const [count, height, width, channels] = x.shape as Shape4D;
      workspace.run('jitterImage', count, 0, {
        images: workspace.address(spanOf(x)),
        out: workspace.address(spanOf(out)),
        ...{ pixels: height * width, channels, brightness, contrast },
      });
      return true;
    },
  ),
];

/** Floats in a vector register. */
const LANES = 4;

/**
 * A kernel of one image stack `x`.
 *
 * @param compute - Returns false for invalid values, which the plain kernel then reports.
 */
function compiled<Attrs>(
  name: string,
  outputShape: (shape: number[], attrs: Attrs) => number[],
  compute: (workspace: Workspace, x: tf.TensorInfo, out: tf.TensorInfo, attrs: Attrs) => boolean,
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

/** The kernel in JavaScript, which is registered by the time a transform runs. */
function plain<Attrs>(name: string, args: KernelArgs<'x', Attrs>): tf.TensorInfo {
  const kernel = tf.getKernel(`${name}.plain`, 'wasm')!;
  return kernel.kernelFunc(args as never) as tf.TensorInfo;
}

/** The same memory as integers. */
function bitsOf({ buffer, byteOffset, byteLength }: Float32Array | Float64Array): Int32Array {
  return new Int32Array(buffer, byteOffset, byteLength / 4);
}

/** `[n, taps]` with each row padded by zeros. */
function padded(weights: Float32Array, taps: number, to: number): Float32Array {
  if (taps === to) return weights;
  const wide = new Float32Array((weights.length / taps) * to);
  for (let i = 0; i * taps < weights.length; i++) {
    wide.set(weights.subarray(i * taps, (i + 1) * taps), i * to);
  }
  return wide;
}
