import * as tf from '@tensorflow/tfjs';
import type { LossFn } from '../base/types';

/**
 * The probability at which a loss is minimal for an entry whose label is present in `share` of such cases: the minimum
 * of `share L(1, x) + (1 - share) L(0, x)`.
 *
 * For cross entropy it is `share` itself; for the asymmetric loss with its default exponents it is 0.45 for a share of
 * 0.08.
 *
 * @param loss - From labels and logits; its value for one entry must not depend on the others.
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
/** Each narrows the search by a factor of 20. */
const PASSES = 3;
