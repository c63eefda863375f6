import * as tf from '@tensorflow/tfjs';
import { maxPoolGrad as composedMaxPoolGrad } from './composed/max_pool_grad';
import { hostWorkspace } from './engine';
import { Scratch, wasmKernel } from './kernel_support';
import { spanOf } from './workspace';

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
