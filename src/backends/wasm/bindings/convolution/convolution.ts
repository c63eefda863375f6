import type * as tf from '@tensorflow/tfjs';
import type { WasmBackend } from '../../runtime/kernel_support';
import { spanOf, type Workspace } from '../../runtime/workspace';
import { gathered, gatheredTaps, phases, wholeGrid } from './gathered';
import { geometryOf, turned, type Geometry, type Plan } from './geometry';
import { suitsWinograd, winograd, winogradTaps } from './winograd';

/** Bytes of images processed at a time; at least one image. */
const GROUP_BYTES = 96 * 2 ** 20;

/** `y = x * filter`, with optional bias and ReLU. */
export function convolve(
  workspace: Workspace,
  backend: WasmBackend,
  info: tf.backend_util.Conv2DInfo,
  tensors: { x: tf.TensorInfo; filter: tf.TensorInfo; bias?: tf.TensorInfo | undefined; y: tf.TensorInfo },
  relu: boolean,
): void {
  const { x, filter, bias, y } = tensors;
  const geometry = geometryOf(info);
  workspace.scope(backend, () => {
    const taps = workspace.address(spanOf(filter));
    const epilogue = { bias: bias === undefined ? 0 : workspace.address(spanOf(bias)), relu };
    const plan = planOf(workspace, geometry, taps, info.batchSize, false);
    inGroups(workspace, backend, geometry, info.batchSize, (first, count) => {
      const from = workspace.address(spanOf(x, first, count));
      const to = workspace.address(spanOf(y, first, count));
      plan(from, to, count, epilogue);
    });
  });
}

/**
 * `dx`, the gradient of a convolution's input: a convolution of `dy` with the taps rotated by 180 degrees and
 * transposed.
 */
export function convolveInputGradient(
  workspace: Workspace,
  backend: WasmBackend,
  info: tf.backend_util.Conv2DInfo,
  { dy, filter, dx }: { dy: tf.TensorInfo; filter: tf.TensorInfo; dx: tf.TensorInfo },
): void {
  const geometry = geometryOf(info);
  workspace.scope(backend, () => {
    const taps = workspace.address(spanOf(filter));
    const plan = planOf(workspace, geometry, taps, info.batchSize, true);
    inGroups(workspace, backend, geometry, info.batchSize, (first, count) => {
      const from = workspace.address(spanOf(dy, first, count));
      const to = workspace.address(spanOf(dx, first, count));
      plan(from, to, count, { bias: 0, relu: false });
    });
  });
}

/** `dw`, the gradient of a convolution's taps. */
export function convolveFilterGradient(
  workspace: Workspace,
  backend: WasmBackend,
  info: tf.backend_util.Conv2DInfo,
  { x, dy, dw }: { x: tf.TensorInfo; dy: tf.TensorInfo; dw: tf.TensorInfo },
): void {
  const geometry = geometryOf(info);
  const filterGradient = suitsWinograd(geometry, info.batchSize) ? winogradTaps : gatheredTaps;
  workspace.scope(backend, () => {
    const to = workspace.address(spanOf(dw));
    inGroups(workspace, backend, geometry, info.batchSize, (first, count) => {
      const from = workspace.address(spanOf(x, first, count));
      const gradient = workspace.address(spanOf(dy, first, count));
      filterGradient(workspace, geometry, { from, gradient, to, images: count, accumulate: first > 0 });
    });
  });
}

/** Calls `work` with groups of images that fit in memory, each in its own scope. */
function inGroups(
  workspace: Workspace,
  backend: WasmBackend,
  { height, width, channels, outHeight, outWidth, filters }: Geometry,
  images: number,
  work: (first: number, count: number) => void,
): void {
  const bytes = 4 * (height * width * channels + outHeight * outWidth * filters);
  const group = Math.max(1, Math.floor(GROUP_BYTES / bytes));
  for (let first = 0; first < images; first += group) {
    const count = Math.min(group, images - first);
    workspace.scope(backend, () => work(first, count));
  }
}

/**
 * Prepares the taps, and returns a function that convolves with them.
 *
 * @param gradient - Whether to compute the gradient of the input from that of the output.
 */
function planOf(
  workspace: Workspace,
  forward: Geometry,
  taps: number,
  images: number,
  gradient: boolean,
): Plan {
  const unitStride = forward.strideRow === 1 && forward.strideColumn === 1;
  const geometry = gradient ? turned(forward) : forward;
  if (unitStride && suitsWinograd(geometry, images)) {
    return winograd(workspace, geometry, taps, { images, turned: gradient });
  }
  const grids = gradient ? phases(forward) : [wholeGrid(forward)];
  const plans = grids.map((grid) => gathered(workspace, geometry, grid, taps, gradient));
  return (...args) => plans.forEach((plan) => plan(...args));
}
