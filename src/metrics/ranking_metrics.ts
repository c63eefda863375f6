import type * as tf from '@tensorflow/tfjs';
import { resolveOptions } from '../base/options';
import {
  averageRule,
  scoreOfRows,
  type Averaged,
  type LabelAverage,
  type LabelAverageOptions,
  type LabelledScores,
  type LabelRows,
} from './labelled_scores';
import { scoreCuts } from './score_curves';
import { StreamingMetric } from './streaming_metric';

/**
 * Average precision: precision at every positive's score, averaged over the positives; equals scikit-learn's
 * `average_precision_score`.
 *
 * `AP = sum_k (recall_k - recall_(k-1)) precision_k` over the distinct scores in descending order. There is no
 * interpolation, which would be optimistic.
 *
 * `yTrue` and `scores` are `[samples][labels]`. `yTrue` is 0 or 1, or -1 for "not labelled": such entries are ignored.
 * `scores` are probabilities or logits. A label without a positive has no average precision: it is `undefined`, and
 * `'macro'` and `'weighted'` leave it out (scikit-learn returns 0).
 *
 * @throws ArgumentError for rows that differ in shape, other labels, a labelled score that is not a finite number, or a
 * bad option.
 *
 * @example
 * ```ts
 * const perLabel = averagePrecision(yTrue, probabilities, { average: 'none' });
 * ```
 *
 * @see Davis and Goadrich, "The Relationship Between Precision-Recall and ROC Curves", ICML 2006.
 */
export function averagePrecision<A extends LabelAverage = 'macro'>(
  yTrue: LabelRows,
  scores: LabelRows,
  options: LabelAverageOptions<A> = {},
): Averaged<A> {
  return scoreOfRows('averagePrecision', yTrue, scores, 'score', options, averagePrecisionOf);
}

/**
 * Area under the ROC curve; equals scikit-learn's `roc_auc_score`.
 *
 * The share of pairs of a positive and a negative in which the positive has the higher score, with ties counting half.
 * It does not depend on prevalence: if positives are rare, look at {@link averagePrecision} and the predictive values
 * of `decisionRates` too.
 *
 * `yTrue` and `scores` are `[samples][labels]`. `yTrue` is 0 or 1, or -1 for "not labelled": such entries are ignored.
 * `scores` are probabilities or logits. A label without a positive or without a negative has no area: it is
 * `undefined`, and `'macro'` and `'weighted'` leave it out (scikit-learn refuses it).
 *
 * @throws ArgumentError for rows that differ in shape, other labels, a labelled score that is not a finite number, or a
 * bad option.
 *
 * @example
 * ```ts
 * const perLabel = rocAuc(yTrue, probabilities, { average: 'none' });
 * ```
 *
 * @see Hanley and McNeil, "The meaning and use of the area under a receiver operating characteristic (ROC) curve",
 * Radiology 1982.
 */
export function rocAuc<A extends LabelAverage = 'macro'>(
  yTrue: LabelRows,
  scores: LabelRows,
  options: LabelAverageOptions<A> = {},
): Averaged<A> {
  return scoreOfRows('rocAuc', yTrue, scores, 'score', options, rocAucOf);
}

/** A metric that depends on the order of all scores cannot be summed batch by batch, so each batch is kept. */
abstract class RankingMetric<A extends LabelAverage> extends StreamingMetric<
  Required<LabelAverageOptions<A>>
> {
  protected override readonly addsUp = false;

  constructor(
    name: string,
    private readonly scoreOf: (entries: LabelledScores) => number | undefined,
    options: LabelAverageOptions<A>,
  ) {
    super(name, resolveOptions(name, options, { average: averageRule<A>() }));
  }

  protected override summarize(yTrue: tf.Tensor, scores: tf.Tensor): tf.Tensor[] {
    return [yTrue.clone(), scores.clone()];
  }

  /**
   * The score over all batches since the start or the last reset; a list for `'none'`.
   *
   * @throws ArgumentError before the first `update()`, for labels other than 0, 1 and -1, and for a labelled score that
   * is not a finite number.
   */
  async result(): Promise<Averaged<A>> {
    const labels = this.batches()[0]![0]!.shape.at(-1)!;
    const batches = await this.read();
    const [yTrue, scores] = [0, 1].map((part) => batches.flatMap((batch) => rowsOf(batch[part]!, labels)));
    return scoreOfRows(this.name, yTrue!, scores!, 'score', this.config, this.scoreOf);
  }
}

/**
 * {@link averagePrecision} for tensors, batch by batch: exact for any batching and order.
 *
 * This needs every score, so each batch is kept on the device until `reset()` or `dispose()`.
 *
 * @throws ArgumentError as {@link averagePrecision}; also for a batch with another number of labels, and for `result()`
 * before the first `update()`.
 *
 * @example
 * ```ts
 * const metric = new AveragePrecision({ average: 'none' });
 * for (const [yTrue, probabilities] of batches) metric.update(yTrue, probabilities);
 * const perLabel = await metric.result();
 * metric.dispose();
 * ```
 */
export class AveragePrecision<A extends LabelAverage = 'macro'> extends RankingMetric<A> {
  constructor(options: LabelAverageOptions<A> = {}) {
    super('AveragePrecision', averagePrecisionOf, options);
  }
}

/**
 * {@link rocAuc} for tensors, batch by batch: exact for any batching and order.
 *
 * This needs every score, so each batch is kept on the device until `reset()` or `dispose()`.
 *
 * @throws ArgumentError as {@link rocAuc}; also for a batch with another number of labels, and for `result()` before
 * the first `update()`.
 *
 * @example
 * ```ts
 * const metric = new RocAuc({ average: 'none' });
 * for (const [yTrue, probabilities] of batches) metric.update(yTrue, probabilities);
 * const perLabel = await metric.result();
 * metric.dispose();
 * ```
 */
export class RocAuc<A extends LabelAverage = 'macro'> extends RankingMetric<A> {
  constructor(options: LabelAverageOptions<A> = {}) {
    super('RocAuc', rocAucOf, options);
  }
}

const rowsOf = (values: ArrayLike<number>, columns: number) =>
  Array.from({ length: values.length / columns }, (_row, i) =>
    Array.from({ length: columns }, (_value, column) => values[i * columns + column]!),
  );

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

/** Area under the ROC curve of one label. */
export function rocAucOf(entries: LabelledScores): number | undefined {
  const pairs = entries.positives.length * entries.negatives.length;
  if (pairs === 0) return undefined;
  const { tp, fp } = scoreCuts(entries);
  // twice the number of pairs, so that every term is an integer
  let twice = 0;
  tp.forEach((found, i) => {
    twice += (fp[i]! - (fp[i - 1] ?? 0)) * (found + (tp[i - 1] ?? 0));
  });
  return twice / (2 * pairs);
}
