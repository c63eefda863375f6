import type * as tf from '@tensorflow/tfjs';
import {
  averaged,
  labelledScores,
  resolveAverage,
  type Averaged,
  type LabelAverage,
  type LabelAverageOptions,
  type LabelledScores,
  type LabelRows,
} from './labelled_scores';
import { scoreCuts } from './score_curves';
import { ScoreStore } from './score_store';

/**
 * Area under the ROC curve; scikit-learn's `roc_auc_score`.
 *
 * The share of pairs of a positive and a negative in which the positive has the higher score, equal scores counting half.
 * Prevalence does not enter: where few are positive, read it with {@link averagePrecision} and {@link predictiveValues} beside it.
 *
 * `yTrue` and `scores` are `[samples][labels]`. `yTrue` is 0 or 1, or -1 for "not labelled": such entries are left out. `scores` are
 * probabilities or logits. A label without a positive or without a negative has no area: `undefined`, and `'macro'` and `'weighted'`
 * leave it out (scikit-learn refuses it).
 *
 * @throws {@link ArgumentError} for rows that differ in shape, other labels, a labelled score that is not a finite number, or a bad
 * option.
 *
 * @example
 * ```ts
 * const perLabel = rocAuc(yTrue, probabilities, { average: 'none' });
 * ```
 *
 * Hanley and McNeil, "The meaning and use of the area under a receiver operating characteristic (ROC) curve", Radiology 1982
 */
export function rocAuc<A extends LabelAverage = 'macro'>(
  yTrue: LabelRows,
  scores: LabelRows,
  options: LabelAverageOptions<A> = {},
): Averaged<A> {
  const average = resolveAverage('rocAuc', options);
  return averaged(labelledScores('rocAuc', yTrue, scores, 'score'), rocAucOf, average);
}

/**
 * {@link rocAuc} of a whole epoch, batch by batch: exact in any batching and order.
 *
 * Exactness needs every score, so each is kept: 4 bytes a labelled entry, outside tensors. `update` reads its batch back.
 *
 * @throws {@link ArgumentError} as {@link rocAuc}; also for a batch with another number of labels, and for a `result()` before the first
 * `update()`.
 *
 * @example
 * ```ts
 * const metric = new RocAuc({ average: 'none' });
 * for (const [yTrue, probabilities] of batches) await metric.update(yTrue, probabilities);
 * const perLabel = metric.result();
 * ```
 */
export class RocAuc<A extends LabelAverage = 'macro'> {
  private readonly average: A;
  private readonly store = new ScoreStore('RocAuc');

  constructor(options: LabelAverageOptions<A> = {}) {
    this.average = resolveAverage('RocAuc', options);
  }

  /** Adds a batch: tensors `[..., labels]` of one shape, leading axes free to differ between batches. */
  update(yTrue: tf.Tensor, scores: tf.Tensor): Promise<void> {
    return this.store.update(yTrue, scores);
  }

  /** The area of all batches since the start or the last reset; a list for `'none'`. */
  result(): Averaged<A> {
    return averaged(this.store.result(), rocAucOf, this.average);
  }

  /** Starts over. */
  reset(): void {
    this.store.reset();
  }

  /** Every option, defaults filled in: plain JSON. */
  getConfig(): Required<LabelAverageOptions<A>> {
    return { average: this.average };
  }
}

/** Area under the ROC curve of one label. */
export function rocAucOf(entries: LabelledScores): number | undefined {
  const pairs = entries.positives.length * entries.negatives.length;
  if (pairs === 0) return undefined;
  const { tp, fp } = scoreCuts(entries);
  // twice the area in pairs, so that every term is a whole number
  let twice = 0;
  tp.forEach((found, i) => {
    twice += (fp[i]! - (fp[i - 1] ?? 0)) * (found + (tp[i - 1] ?? 0));
  });
  return twice / (2 * pairs);
}
