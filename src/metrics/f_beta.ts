import * as tf from '@tensorflow/tfjs';
import { check, checkKnownKeys, checkOneOf } from '../base/errors';
import { checkScores, confusionCounts, type ConfusionCounts } from './confusion_counts';
import { checkThreshold, type Threshold } from './decide';
import { RunningSums } from './running_sums';

/** How the scores of the labels become one; names and meanings are scikit-learn's. */
export type FBetaAverage = 'micro' | 'macro' | 'weighted' | 'samples' | 'none';

/** Options of {@link fBetaScore} and {@link FBetaScore}. */
export interface FBetaOptions {
  /**
   * How many times as much recall counts as precision, above 0.
   * @defaultValue 2
   */
  beta?: number;
  /**
   * `'micro'` pools the entries of all labels (the challenge's F2); `'macro'` is the mean over labels, `'weighted'`
   * that mean weighted by the number of positives, `'samples'` the mean over slices, `'none'` one score a label.
   * @defaultValue 'micro'
   */
  average?: FBetaAverage;
  /**
   * Probability from which on a label counts as present, one for all labels or one per label.
   * @defaultValue 0.5
   */
  threshold?: Threshold;
  /**
   * Score where there is neither a positive nor a finding.
   * @defaultValue 0
   */
  zeroDivision?: 0 | 1;
}

/**
 * F-beta score of multi-label probabilities.
 *
 * `F = (1 + beta²) tp / ((1 + beta²) tp + beta² fn + fp)`, the decision being `probability >= threshold`; scikit-learn's
 * `fbeta_score` on the decisions, its `zero_division` included.
 *
 * Shapes: `yTrue` and `probabilities` `[..., labels]`, equal, of rank 2 or more -> scalar, or `[labels]` for
 * `average: 'none'`. Every index of the leading axes is a sample. `yTrue` is 0 or 1, or -1 for "not labelled": such
 * entries are left out, and so are samples that hold nothing else. A label without any labelled entry scores
 * `zeroDivision`. NaN in a labelled entry gives a NaN score. See {@link confusionCounts} for other values and the limit
 * of the counts.
 *
 * @throws {@link ArgumentError} for shapes that differ, empty tensors, or a bad option.
 *
 * @example
 * ```ts
 * const f2 = fBetaScore(yTrue, tf.sigmoid(logits));
 * const f1PerLabel = fBetaScore(yTrue, probabilities, { beta: 1, average: 'none' });
 * ```
 *
 * van Rijsbergen, "Information Retrieval", 1979, chapter 7
 */
export function fBetaScore(
  yTrue: tf.Tensor,
  probabilities: tf.Tensor,
  options: FBetaOptions = {},
): tf.Tensor {
  const config = resolveOptions('fBetaScore', options);
  const labels = checkScores('fBetaScore', yTrue, probabilities);
  checkThreshold('fBetaScore', config.threshold, labels);
  return tf.tidy(() => reduce(summarize(yTrue, probabilities, config), config));
}

/**
 * {@link fBetaScore} of a whole epoch, batch by batch: exact in any batching and order, unlike a mean of batch scores.
 *
 * Holds sums on the device (four tensors at most) and reads nothing back; `dispose()` frees them.
 *
 * @throws {@link ArgumentError} as {@link fBetaScore}; also for a batch with another number of labels, and for a
 * `result()` before the first `update()`.
 *
 * @example
 * ```ts
 * const metric = new FBetaScore({ average: 'macro' });
 * for (const [yTrue, probabilities] of batches) metric.update(yTrue, probabilities);
 * const [score] = await metric.result().data();
 * metric.reset();
 * ```
 */
export class FBetaScore {
  private readonly config: Required<FBetaOptions>;
  private readonly sums = new RunningSums<Sums>('FBetaScore');

  constructor(options: FBetaOptions = {}) {
    this.config = resolveOptions('FBetaScore', options);
  }

  /** Adds a batch; shapes as in {@link fBetaScore}, leading axes free to differ between batches. */
  update(yTrue: tf.Tensor, probabilities: tf.Tensor): void {
    const labels = checkScores('FBetaScore.update', yTrue, probabilities);
    checkThreshold('FBetaScore.update', this.config.threshold, labels);
    this.sums.add(labels, probabilities, () => summarize(yTrue, probabilities, this.config));
  }

  /** The score of all batches since the start or the last reset: a new tensor, scalar or `[labels]` for `'none'`. */
  result(): tf.Tensor {
    return tf.tidy(() => reduce(this.sums.get(), this.config));
  }

  /** Starts over and frees the sums. */
  reset(): void {
    this.sums.reset();
  }

  /** Frees the sums; the same as {@link FBetaScore.reset}. */
  dispose(): void {
    this.reset();
  }

  /** Every option, defaults filled in: plain JSON. */
  getConfig(): Required<FBetaOptions> {
    return { ...this.config };
  }
}

const AVERAGES: readonly FBetaAverage[] = ['micro', 'macro', 'weighted', 'samples', 'none'];

function resolveOptions(fn: string, options: FBetaOptions): Required<FBetaOptions> {
  checkKnownKeys(options, ['beta', 'average', 'threshold', 'zeroDivision'], fn);
  const { beta = 2, average = 'micro', threshold = 0.5, zeroDivision = 0 } = options;
  check(Number.isFinite(beta) && beta > 0, `${fn}: beta`, 'a finite number above 0', beta);
  checkOneOf(average, AVERAGES, `${fn}: average`);
  checkThreshold(fn, threshold);
  check(zeroDivision === 0 || zeroDivision === 1, `${fn}: zeroDivision`, '0 or 1', zeroDivision);
  return { beta, average, threshold, zeroDivision };
}

/**
 * All that the score needs to know of the data, and what batches add up in: counts per label, or for `'samples'`
 * the scores' sum and number.
 */
type Sums = Omit<ConfusionCounts, 'tn'> | { score: tf.Tensor; samples: tf.Tensor };

function summarize(yTrue: tf.Tensor, probabilities: tf.Tensor, config: Required<FBetaOptions>): Sums {
  const { average, threshold } = config;
  if (average !== 'samples') {
    const { tp, fp, fn } = confusionCounts(yTrue, probabilities, { threshold });
    return { tp, fp, fn };
  }
  const counts = confusionCounts(yTrue, probabilities, { threshold, per: 'sample' });
  const entries = tf.addN([counts.tp, counts.fp, counts.fn, counts.tn]);
  // `0 == entries` rather than its opposite, so that NaN is kept
  const scores = tf.where(tf.equal(entries, 0), tf.zerosLike(entries), score(counts, config));
  return { score: tf.sum(scores), samples: tf.sum(tf.cast(tf.notEqual(entries, 0), 'float32')) };
}

function reduce(sums: Sums, config: Required<FBetaOptions>): tf.Tensor {
  const { average, zeroDivision } = config;
  if ('samples' in sums) {
    const mean = tf.divNoNan(sums.score, sums.samples);
    return tf.where(tf.equal(sums.samples, 0), tf.scalar(zeroDivision), mean);
  }
  if (average === 'micro') return score(pooled(sums), config);
  const scores = score(sums, config);
  if (average === 'none') return scores;
  if (average === 'macro') return tf.mean(scores);
  const positives = tf.add(sums.tp, sums.fn);
  const total = tf.sum(positives);
  const weighted = tf.divNoNan(tf.sum(tf.mul(scores, positives)), total);
  // without a positive there are no weights: 0 if anything was found, else zeroDivision, as the pooled score has it
  return tf.where(tf.equal(total, 0), score(pooled(sums), config), weighted);
}

type Counts = { tp: tf.Tensor; fp: tf.Tensor; fn: tf.Tensor };

const pooled = ({ tp, fp, fn }: Counts): Counts => ({ tp: tf.sum(tp), fp: tf.sum(fp), fn: tf.sum(fn) });

/** F-beta of each count: both sides divided by 1 + beta², so that no beta overflows. */
function score({ tp, fp, fn }: Counts, { beta, zeroDivision }: Required<FBetaOptions>): tf.Tensor {
  const fnShare = 1 / (1 + 1 / beta ** 2);
  const fpShare = 1 / (1 + beta ** 2);
  const wrong = tf.add(tf.mul(fn, fnShare), tf.mul(fp, fpShare));
  const scores = tf.divNoNan(tp, tf.add(tp, wrong));
  const nothing = tf.equal(tf.addN([tp, fp, fn]), 0);
  return tf.where(nothing, tf.fill(scores.shape, zeroDivision), scores);
}
