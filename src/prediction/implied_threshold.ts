import * as tf from '@tensorflow/tfjs';
import type { LossFn } from '../base/types';

/**
 * The probability to which a loss drives an entry whose label is present in `share` of such cases: where
 * `share L(1, x) + (1 - share) L(0, x)` is smallest.
 *
 * It is `share` itself for the cross entropy. The asymmetric loss with its default exponents puts 0.08 at 0.45.
 *
 * @param loss - From labels and logits; what it does to one entry must not depend on the others.
 * @param share - In (0, 1).
 */
export async function impliedThreshold(loss: LossFn, share: number): Promise<number> {
  let [low, high] = [-LARGEST_LOGIT, LARGEST_LOGIT];
  let best = 0;
  for (let pass = 0; pass < PASSES; pass++) {
    const step = (high - low) / POINTS;
    const logits = Array.from({ length: POINTS + 1 }, (_, i) => low + i * step);
    const risks = tf.tidy(() => {
      const of = (label: number, x: number) => tf.mean(loss(tf.tensor2d([[label]]), tf.tensor2d([[x]])));
      return tf.stack(logits.map((x) => tf.add(tf.mul(of(1, x), share), tf.mul(of(0, x), 1 - share))));
    });
    const values = await risks.data();
    risks.dispose();
    best = logits[values.indexOf(Math.min(...values))]!;
    [low, high] = [best - step, best + step];
  }
  return 1 / (1 + Math.exp(-best));
}

const LARGEST_LOGIT = 10;
const POINTS = 40;
/** Each narrows the search to a twentieth. */
const PASSES = 3;
