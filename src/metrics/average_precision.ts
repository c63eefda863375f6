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
 * Average precision: precision at every positive's score, averaged over the positives; scikit-learn's `average_precision_score`.
 *
 * `AP = sum_k (recall_k - recall_(k-1)) precision_k` over the scores that occur, from the highest on; equal scores count together.
 * No interpolation, which would flatter.
 *
 * `yTrue` and `scores` are `[samples][labels]`. `yTrue` is 0 or 1, or -1 for "not labelled": such entries are left out. `scores` are
 * probabilities or logits. A label without a positive has no average precision: `undefined`, and `'macro'` and `'weighted'` leave it
 * out (scikit-learn has 0 there).
 *
 * @throws {@link ArgumentError} for rows that differ in shape, other labels, a labelled score that is not a finite number, or a bad
 * option.
 *
 * @example
 * ```ts
 * const perLabel = averagePrecision(yTrue, probabilities, { average: 'none' });
 * ```
 *
 * Davis and Goadrich, "The Relationship Between Precision-Recall and ROC Curves", ICML 2006
 */
export function averagePrecision<A extends LabelAverage = 'macro'>(
  yTrue: LabelRows,
  scores: LabelRows,
  options: LabelAverageOptions<A> = {},
): Averaged<A> {
  const average = resolveAverage('averagePrecision', options);
  return averaged(labelledScores('averagePrecision', yTrue, scores, 'score'), averagePrecisionOf, average);
}

/**
 * {@link averagePrecision} of a whole epoch, batch by batch: exact in any batching and order.
 *
 * Exactness needs every score, so each is kept: 4 bytes a labelled entry, outside tensors. `update` reads its batch back.
 *
 * @throws {@link ArgumentError} as {@link averagePrecision}; also for a batch with another number of labels, and for a `result()` before
 * the first `update()`.
 *
 * @example
 * ```ts
 * const metric = new AveragePrecision({ average: 'none' });
 * for (const [yTrue, probabilities] of batches) await metric.update(yTrue, probabilities);
 * const perLabel = metric.result();
 * ```
 */
export class AveragePrecision<A extends LabelAverage = 'macro'> {
  private readonly average: A;
  private readonly store = new ScoreStore('AveragePrecision');

  constructor(options: LabelAverageOptions<A> = {}) {
    this.average = resolveAverage('AveragePrecision', options);
  }

  /** Adds a batch: tensors `[..., labels]` of one shape, leading axes free to differ between batches. */
  update(yTrue: tf.Tensor, scores: tf.Tensor): Promise<void> {
    return this.store.update(yTrue, scores);
  }

  /** The average precision of all batches since the start or the last reset; a list for `'none'`. */
  result(): Averaged<A> {
    return averaged(this.store.result(), averagePrecisionOf, this.average);
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

/** Average precision of one label. */
export function averagePrecisionOf(entries: LabelledScores): number | undefined {
  const total = entries.positives.length;
  if (total === 0) return undefined;
  const { tp, fp } = scoreCuts(entries);
  let sum = 0;
  tp.forEach((found, i) => {
    sum += (found - (tp[i - 1] ?? 0)) * (found / (found + fp[i]!));
  });
  return sum / total;
}
