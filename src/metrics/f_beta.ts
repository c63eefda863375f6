import * as tf from '@tensorflow/tfjs';
import { oneOf, optional, resolveOptions, rule } from '../base/options';
import { checkScores, confusionCounts } from './confusion_counts';
import { checkThreshold, THRESHOLD, type ThresholdOptions } from './decide';
import { BETA, fBetaWeights } from './decision_counts';
import { StreamingMetric } from './streaming_metric';

/**
 * Options of {@link fBetaScore} and {@link FBetaScore}.
 *
 * @inline
 */
export interface FBetaOptions extends ThresholdOptions {
  /**
   * How many times as much recall counts as precision, above 0.
   * @defaultValue 2
   */
  beta?: number;
  /**
   * How the scores of the labels are averaged, as in scikit-learn.
   *
   * `'micro'` pools the entries of all labels (the challenge's F2); `'macro'` is the mean over labels, `'weighted'`
   * that mean weighted by the number of positives, `'samples'` the mean over slices, `'none'` one score per label.
   * @defaultValue 'micro'
   */
  average?: 'micro' | 'macro' | 'weighted' | 'samples' | 'none';
  /**
   * Score without any positive or any predicted positive.
   * @defaultValue 0
   */
  zeroDivision?: 0 | 1;
}

/**
 * F-beta score of multi-label probabilities.
 *
 * `F = (1 + beta²) tp / ((1 + beta²) tp + beta² fn + fp)`, with the decision `probability >= threshold`; equals
 * scikit-learn's `fbeta_score` on the decisions, including `zero_division`.
 *
 * Shapes: `yTrue` and `probabilities` `[..., labels]`, equal, of rank 2 or more -> scalar, or `[labels]` for
 * `average: 'none'`. Every index of the leading axes is a sample. `yTrue` is 0 or 1, or -1 for "not labelled": such
 * entries are ignored, and so are samples with nothing else. A label without any labelled entry scores `zeroDivision`.
 * NaN in a labelled entry gives a NaN score, as do a probability outside [0, 1], which may be a logit, and an invalid
 * label. Labels between 0 and 1 add their fraction to both sides; counts are float32, exact up to 2^24 (16.7 million)
 * entries per label.
 *
 * @throws ArgumentError for shapes that differ, empty tensors or those of text, or an invalid option.
 *
 * @example
 * ```ts
 * const f2 = fBetaScore(yTrue, tf.sigmoid(logits));
 * const f1PerLabel = fBetaScore(yTrue, probabilities, { beta: 1, average: 'none' });
 * ```
 *
 * @see van Rijsbergen, "Information Retrieval", 1979, chapter 7.
 */
export function fBetaScore(
  yTrue: tf.Tensor,
  probabilities: tf.Tensor,
  options: FBetaOptions = {},
): tf.Tensor {
  const fn = 'fBetaScore';
  const config = resolve(fn, options);
  checkThreshold(`${fn}: threshold`, config.threshold, checkScores(fn, yTrue, probabilities));
  return tf.tidy(() => reduce(summarize(yTrue, probabilities, config), config));
}

/**
 * {@link fBetaScore} over a whole epoch, batch by batch: exact for any batching and order, unlike a mean of batch
 * scores.
 *
 * Keeps sums on the device (three tensors at most) and reads nothing back; `dispose()` frees them.
 *
 * @throws ArgumentError as {@link fBetaScore}; also for a batch with another number of labels, and for `result()`
 * before the first `update()`.
 *
 * @example
 * ```ts
 * const metric = new FBetaScore({ average: 'macro' });
 * for (const [yTrue, probabilities] of batches) metric.update(yTrue, probabilities);
 * const [score] = await metric.result().data();
 * metric.reset();
 * ```
 */
export class FBetaScore extends StreamingMetric<Required<FBetaOptions>> {
  constructor(options: FBetaOptions = {}) {
    super('FBetaScore', resolve('FBetaScore', options));
  }

  protected override checkFits(what: string, labels: number): void {
    checkThreshold(`${what}: threshold`, this.config.threshold, labels);
  }

  protected override summarize(yTrue: tf.Tensor, probabilities: tf.Tensor): tf.Tensor[] {
    return summarize(yTrue, probabilities, this.config);
  }

  /** The score over all batches since the start or the last reset: a new tensor, scalar or `[labels]` for `'none'`. */
  result(): tf.Tensor {
    return tf.tidy(() => reduce(this.batches()[0]!, this.config));
  }
}

const resolve = (fn: string, options: FBetaOptions) =>
  resolveOptions(fn, options, {
    beta: BETA,
    average: optional(oneOf(['micro', 'macro', 'weighted', 'samples', 'none']), 'micro'),
    threshold: THRESHOLD,
    zeroDivision: optional(
      rule<0 | 1>('0 or 1', (value) => value === 0 || value === 1),
      0,
    ),
  });

/**
 * All that the score needs to know of the data, and what batches add up in: true positives, false positives and false
 * negatives per label, or for `'samples'` the scores' sum and number.
 */
function summarize(yTrue: tf.Tensor, probabilities: tf.Tensor, config: Required<FBetaOptions>): tf.Tensor[] {
  const { average, threshold } = config;
  const counts = confusionCounts(yTrue, probabilities, threshold, average === 'samples' ? 'sample' : 'label');
  const { tp, fp, fn, tn } = counts;
  if (average !== 'samples') return [tp, fp, fn];
  const entries = tf.addN([tp, fp, fn, tn]);
  // `0 == entries` rather than its negation, so that NaN is kept
  const scores = tf.where(tf.equal(entries, 0), tf.zerosLike(entries), score([tp, fp, fn], config));
  return [tf.sum(scores), tf.sum(tf.cast(tf.notEqual(entries, 0), 'float32'))];
}

function reduce(sums: readonly tf.Tensor[], config: Required<FBetaOptions>): tf.Tensor {
  const { average, zeroDivision } = config;
  if (average === 'samples') {
    const [total, samples] = sums as [tf.Tensor, tf.Tensor];
    return tf.where(tf.equal(samples, 0), tf.scalar(zeroDivision), tf.divNoNan(total, samples));
  }
  const pooled = () => score(sums.map((counts) => tf.sum(counts)), config); // prettier-ignore
  if (average === 'micro') return pooled();
  const scores = score(sums, config);
  if (average === 'none') return scores;
  if (average === 'macro') return tf.mean(scores);
  const [tp, , fn] = sums as [tf.Tensor, tf.Tensor, tf.Tensor];
  const positives = tf.add(tp, fn);
  const total = tf.sum(positives);
  const weighted = tf.divNoNan(tf.sum(tf.mul(scores, positives)), total);
  // without a positive there are no weights: 0 if anything was predicted, else zeroDivision, like the pooled score
  return tf.where(tf.equal(total, 0), pooled(), weighted);
}

/** F-beta of each count. */
function score(counts: readonly tf.Tensor[], { beta, zeroDivision }: Required<FBetaOptions>): tf.Tensor {
  const [tp, fp, fn] = counts as [tf.Tensor, tf.Tensor, tf.Tensor];
  const { hit, miss } = fBetaWeights(beta);
  const hits = tf.mul(tp, hit);
  const scores = tf.divNoNan(hits, tf.addN([hits, tf.mul(fn, miss), fp]));
  const nothing = tf.equal(tf.addN([tp, fp, fn]), 0);
  return tf.where(nothing, tf.fill(scores.shape, zeroDivision), scores);
}
