import * as tf from '@tensorflow/tfjs';
import { wasmKernel } from '../runtime/kernel_support';

/**
 * A second reference to the same data, as on the other backends. The host's kernel copies, which doubles the memory of
 * every tensor saved for the backward pass.
 */
export const identity = wasmKernel<'x', undefined>(tf.Identity, ({ inputs: { x }, backend }) => {
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
});

/** Where the type stays the same, {@link identity}: the host's kernel copies then too. */
export function cast(host: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<'x', tf.CastAttrs>(tf.Cast, (args) => {
    const { kernelFunc } = args.inputs.x.dtype === args.attrs.dtype ? identity : host;
    return kernelFunc(args as never) as tf.TensorInfo;
  });
}
