import * as tf from '@tensorflow/tfjs';
import { maxPoolGrad as composedMaxPoolGrad } from '../composed/max_pool_grad';
import { markWindows } from '../../../kernels/max_pool/mark_windows';
import { hostWorkspace } from '../runtime/engine';
import { floats, Scratch, wasmKernel, type Shape4D } from '../runtime/kernel_support';
import { spanOf } from '../runtime/workspace';

/** `tf.maxPool`: the host's turns NaN into -Infinity. */
export const maxPool = (host: tf.KernelConfig) => pooling(tf.MaxPool, host, false);

/** `tf.avgPool`: the host's turns NaN into -Infinity. */
export const avgPool = (host: tf.KernelConfig) => pooling(tf.AvgPool, host, true);

function pooling(name: string, host: tf.KernelConfig, mean: boolean): tf.KernelConfig {
  return wasmKernel<'x', tf.MaxPoolAttrs>(name, (args) => {
    const { inputs, backend, attrs } = args;
    const { x } = inputs;
    if (x.dtype !== 'float32') return host.kernelFunc(args as never);
    const workspace = hostWorkspace(backend);
    const { filterSize, strides, pad, dimRoundingMode } = attrs;
    const shape = x.shape as Shape4D;
    const info = tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
    if (workspace === undefined) {
      const y = host.kernelFunc(args as never) as tf.TensorInfo;
      if (y.dataId !== x.dataId) markWindows(floats(backend, x), floats(backend, y), info);
      return y;
    }
    return Scratch.use(backend, (scratch) => {
      const y = scratch.make(info.outShape);
      workspace.scope(backend, () => {
        const [from, to] = [workspace.address(spanOf(x)), workspace.address(spanOf(y))];
        workspace.run('pool', info.batchSize, 0, { x: from, y: to, mean: Number(mean), ...geometryOf(info) });
      });
      return y;
    });
  });
}

const geometryOf = (info: tf.backend_util.Conv2DInfo) => ({
  ...{ height: info.inHeight, width: info.inWidth, channels: info.inChannels },
  ...{ outHeight: info.outHeight, outWidth: info.outWidth },
  ...{ windowHeight: info.filterHeight, windowWidth: info.filterWidth },
  ...{ strideRow: info.strideHeight, strideColumn: info.strideWidth },
  ...{ top: info.padInfo.top, left: info.padInfo.left },
});

/**
 * Gradient of max pooling: each output's gradient goes to the first largest pixel of its window.
 *
 * Replaces the host's kernel, which is several times slower and counts padding as zeros: if a window over the edge
 * has only negative pixels, the gradient is lost.
 */
export const maxPoolGrad = wasmKernel<'dy' | 'input', tf.MaxPoolGradAttrs>(tf.MaxPoolGrad, (args) => {
  const { inputs, backend, attrs } = args;
  const { dy, input } = inputs;
  const workspace = hostWorkspace(backend);
  if (workspace === undefined || input.dtype !== 'float32') {
    return composedMaxPoolGrad.kernelFunc(args as never);
  }
  const { filterSize, strides, pad, dimRoundingMode } = attrs;
  const shape = input.shape as Shape4D;
  const info = tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
  return Scratch.use(backend, (scratch) => {
    const dx = scratch.make(shape);
    workspace.scope(backend, () => {
      const at = (tensor: tf.TensorInfo) => workspace.address(spanOf(tensor));
      const args = { x: at(input), dy: at(dy), dx: at(dx), ...geometryOf(info) };
      workspace.run('maxPoolGradient', info.batchSize, 0, args);
    });
    return dx;
  });
});
