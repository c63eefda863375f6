import * as tf from '@tensorflow/tfjs';
import type { FlipAttrs } from './contract';

/** Kernel `CtFlip` as a tensor operation. */
export function flipTensors(x: tf.Tensor4D, { direction }: FlipAttrs): tf.Tensor4D {
  return tf.reverse(x, direction === 'horizontal' ? 2 : 1);
}
