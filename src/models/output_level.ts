import type * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';

/**
 * Whether a model's outputs are per slice or per patient.
 *
 * @inline
 */
export type OutputLevel = 'slices' | 'patients';

/**
 * Whether a model's logits are `[batch, slices, labels]` or `[batch, labels]`.
 *
 * @throws ArgumentError for a model whose output is neither.
 * @example
 * ```ts
 * outputLevel(buildCtBrainModel({ output: 'patient' })); // 'patients'
 * ```
 */
export function outputLevel(model: tf.LayersModel): OutputLevel {
  const { shape } = model.outputs[0]!;
  const rule = 'logits [batch, slices, labels] or [batch, labels]';
  check(model.outputs.length === 1 && (shape.length === 2 || shape.length === 3), 'model', rule, shape);
  return shape.length === 2 ? 'patients' : 'slices';
}
