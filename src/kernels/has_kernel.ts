import * as tf from '@tensorflow/tfjs';
import { warnUnprepared } from './preparation';

/** Whether the active backend has this kernel; where it has none of ours, tensor operations do the same. */
export function hasKernel(kernelName: string): boolean {
  warnUnprepared();
  return tf.getKernel(kernelName, tf.getBackend()) !== undefined;
}
