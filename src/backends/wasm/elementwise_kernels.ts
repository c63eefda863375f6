import * as tf from '@tensorflow/tfjs';
import { maxPoolGrad as composedMaxPoolGrad } from './composed/max_pool_grad';
import { hostWorkspace } from './engine';
import { Scratch, wasmKernel } from './kernel_support';
import { spanOf } from './workspace';

/**
 * Backward through ReLU and bias in one pass: `dz = dy where y > 0`, `db` its sum over all axes but the last.
 *
 * @returns `[dz, db]`.
 */
export const reluBiasGradient = wasmKernel<'dy' | 'y', undefined>(
  'CtReluBiasGradient',
  ({ inputs: { dy, y }, backend }) =>
    Scratch.useMany(backend, (scratch) => {
      const columns = y.shape.at(-1)!;
      const workspace = hostWorkspace(backend);
      if (workspace === undefined) {
        const positive = scratch.run(tf.Step, { x: y }, { alpha: 0 });
        const dz = scratch.run(tf.Multiply, { a: dy, b: positive });
        const axis = y.shape.slice(1).map((_, i) => i);
        return [dz, scratch.run(tf.Sum, { x: dz }, { axis, keepDims: false })];
      }
      const dz = scratch.make(y.shape);
      const db = scratch.make([columns]);
      workspace.scope(backend, () => {
        const [from, kept, to, sums] = [dy, y, dz, db].map((info) => workspace.input(spanOf(info)));
        const rows = spanOf(y).length / columns;
        workspace.kernels.reluBiasGradient!(from!, kept!, to!, sums!, rows, columns);
      });
      return [dz, db];
    }),
);

/**
 * Gradient of max pooling: each output's gradient goes to the first largest pixel of its window.
 *
 * It stands in for the host's kernel, which is several times slower and counts padding as zeros: of a window over the edge
 * with only negative pixels, none gets the gradient.
 */
export const maxPoolGrad = wasmKernel<'dy' | 'input', tf.MaxPoolGradAttrs>(tf.MaxPoolGrad, (args) => {
  const { inputs, backend, attrs } = args;
  const { dy, input } = inputs;
  const workspace = hostWorkspace(backend);
  if (workspace === undefined || input.dtype !== 'float32') {
    return composedMaxPoolGrad.kernelFunc(args as never);
  }
  const { filterSize, strides, pad, dimRoundingMode } = attrs;
  const shape = input.shape as [number, number, number, number];
  const info = tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
  return Scratch.use(backend, (scratch) => {
    const dx = scratch.make(shape);
    workspace.scope(backend, () => {
      const [x, from, to] = [input, dy, dx].map((tensor) => workspace.input(spanOf(tensor)));
      workspace.kernels.maxPoolGradient!(
        ...[x!, from!, to!, info.batchSize, info.inHeight, info.inWidth, info.inChannels],
        ...[info.outHeight, info.outWidth, info.filterHeight, info.filterWidth],
        ...[info.strideHeight, info.strideWidth, info.padInfo.top, info.padInfo.left],
      );
    });
    return dx;
  });
});
