import * as tf from '@tensorflow/tfjs';
import { type KernelArgs, wasmKernel } from '../runtime/kernel_support';

/**
 * A second reference to the same data. The host's kernel copies, which on every tensor saved for a backward pass costs
 * time and its memory once more; its other backends share as we do.
 */
export const identity = wasmKernel<'x', undefined>(
  tf.Identity,
  ({ inputs: { x }, backend }: KernelArgs<'x', undefined>) => {
    backend.incRef(x.dataId);
    return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
  },
);
