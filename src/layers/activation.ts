import * as tf from '@tensorflow/tfjs';

/**
 * Activations our layers take by name.
 *
 * @inline
 */
export type Activation = 'linear' | 'relu' | 'tanh' | 'sigmoid' | 'elu';

/** Every {@link Activation}. */
export const ACTIVATIONS: readonly Activation[] = ['linear', 'relu', 'tanh', 'sigmoid', 'elu'];

/** Applies an activation; `'linear'` returns `x` itself. */
export function activate(x: tf.Tensor, activation: Activation): tf.Tensor {
  return activation === 'linear' ? x : tf[activation](x);
}
