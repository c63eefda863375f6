import * as tf from '@tensorflow/tfjs';
import { warnUnprepared } from './preparation';

/** Whether the active backend has this kernel; otherwise tensor operations compute the same result. */
export function hasKernel(kernelName: string): boolean {
  warnUnprepared();
  return tf.getKernel(kernelName, tf.getBackend()) !== undefined;
}
