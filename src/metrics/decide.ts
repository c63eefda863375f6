import * as tf from '@tensorflow/tfjs';
import { check } from '../base/errors';

/** A probability in [0, 1] from which on a label counts as present: one for all labels, or one per label. */
export type Threshold = number | readonly number[];

/**
 * Turns probabilities into decisions: 1 where `probability >= threshold`, else 0, and NaN where the probability is NaN.
 *
 * Every metric decides by this function. Both sides are compared as float32, so a threshold that was taken from
 * float32 probabilities meets its own entry.
 *
 * Shapes: `probabilities` `[..., labels]` -> the same, float32.
 *
 * @param threshold - Default 0.5; a list needs one number a label.
 *
 * @throws {@link ArgumentError} for a threshold outside [0, 1] or a list of the wrong length.
 *
 * @example
 * ```ts
 * const findings = decide(tf.sigmoid(logits), [0.5, 0.4, 0.4, 0.3, 0.2]);
 * ```
 */
export function decide(probabilities: tf.Tensor, threshold: Threshold = 0.5): tf.Tensor {
  check(
    probabilities instanceof tf.Tensor && probabilities.rank >= 1,
    'decide: probabilities',
    'a tensor [..., labels]',
    probabilities,
  );
  checkThreshold('decide', threshold, probabilities.shape[probabilities.rank - 1]);
  return tf.tidy(() => {
    const p = tf.cast(probabilities, 'float32');
    const limit = typeof threshold === 'number' ? tf.scalar(threshold) : tf.tensor1d([...threshold]);
    const decisions = tf.cast(tf.greaterEqual(p, limit), 'float32');
    return tf.where(tf.isNaN(p), p, decisions);
  });
}

/**
 * Refuses a threshold that is not a number in [0, 1] or a list of such, one per label.
 *
 * @param labels - How many labels there are; left out, any length of at least 1 will do.
 */
export function checkThreshold(fn: string, threshold: Threshold, labels?: number): void {
  const inRange = (value: unknown) => typeof value === 'number' && value >= 0 && value <= 1;
  if (!Array.isArray(threshold)) {
    check(
      inRange(threshold),
      `${fn}: threshold`,
      'a number in [0, 1], or a list of one per label',
      threshold,
    );
    return;
  }
  check(
    threshold.length > 0 && threshold.every(inRange),
    `${fn}: threshold`,
    'numbers in [0, 1], one per label',
    threshold,
  );
  check(
    labels === undefined || threshold.length === labels,
    `${fn}: threshold`,
    `one number for each of ${labels} labels`,
    threshold,
  );
}
