import * as tf from '@tensorflow/tfjs';
import { RELU_GRADIENT_KERNEL } from '../../../kernels/columns/contract';
import { hasKernel } from '../../../kernels/has_kernel';
import { hostWorkspace } from '../runtime/engine';
import { Scratch, wasmKernel } from '../runtime/kernel_support';
import { spanOf, unitsOf, VALUES_PER_UNIT } from '../runtime/workspace';

/** Backward through ReLU in one pass: `dz = dy where y > 0`. */
export const reluGradient = wasmKernel<'dy' | 'y', undefined>(RELU_GRADIENT_KERNEL, ({ inputs, backend }) => {
  const { dy, y } = inputs;
  const workspace = hostWorkspace(backend)!; // without it this kernel is not registered
  return Scratch.use(backend, (scratch) => {
    const dz = scratch.make(y.shape);
    workspace.scope(backend, () => {
      const at = (info: tf.TensorInfo) => workspace.address(spanOf(info));
      const count = spanOf(y).length;
      const args = { dy: at(dy), y: at(y), dz: at(dz), count, perUnit: VALUES_PER_UNIT };
      workspace.run('reluGradient', unitsOf(count), 0, args);
    });
    return dz;
  });
});

/**
 * Makes ReLU's gradient use {@link reluGradient} if it is registered; on other backends it takes three passes, as tfjs's
 * does. tfjs's also keeps the input of the ReLU besides its output.
 */
export function registerReluGradient(): void {
  const compiled = () => hasKernel(RELU_GRADIENT_KERNEL) && hostWorkspace(tf.backend()) !== undefined;
  const before = (dy: tf.Tensor, y: tf.Tensor): tf.Tensor =>
    compiled() && dy.dtype === 'float32' && y.dtype === 'float32'
      ? (tf.engine().runKernel(RELU_GRADIENT_KERNEL, { dy, y }) as tf.Tensor)
      : tf.mul(dy, tf.cast(tf.step(y), 'float32'));
  tf.registerGradient({
    kernelName: tf.Relu,
    outputsToSave: [true],
    gradFunc: (dy, [y]) => ({ x: () => before(dy as tf.Tensor, y!) }),
  });
  // for second derivatives
  tf.registerGradient({
    kernelName: RELU_GRADIENT_KERNEL,
    inputsToSave: ['y'],
    gradFunc: (dz, [y]) => ({
      dy: () => before(dz as tf.Tensor, y!),
      y: () => tf.zerosLike(y!),
    }),
  });
}
