import * as tf from '@tensorflow/tfjs';
import { checkKnownKeys, checkOneOf } from '../base/errors';
import { checkScores, confusionCounts, type ConfusionCounts } from './confusion_counts';
import { checkThreshold, type Threshold } from './decide';
import { RunningSums } from './running_sums';

/** Options of {@link confusionRates} and {@link ConfusionRates}. */
export interface ConfusionRatesOptions {
  /**
   * Probability from which on a label counts as present, one for all labels or one per label.
   * @defaultValue 0.5
   */
  threshold?: Threshold;
  /**
   * `'micro'` pools the entries of all labels; `'macro'` is the mean over the labels that have the rate, `'none'` one rate a label.
   * @defaultValue 'micro'
   */
  average?: 'micro' | 'macro' | 'none';
}

/** Rates of decisions as tensors, float32: scalars, or `[labels]` for `average: 'none'`; NaN where a rate is not defined. */
export interface RateTensors {
  /** `tp / (tp + fp)`: share of the found that have the label; NaN where nothing was found. */
  precision: tf.Tensor;
  /** `tp / (tp + fn)`, also called sensitivity: share of the positives that were found; NaN without a positive. */
  recall: tf.Tensor;
  /** `tn / (tn + fp)`: share of the negatives that were not found; NaN without a negative. */
  specificity: tf.Tensor;
}

/**
 * Precision, recall (sensitivity) and specificity of multi-label probabilities; the caller disposes the three tensors.
 *
 * Shapes and labels as in {@link confusionCounts}: `[..., labels]`, -1 for "not labelled". A rate of nothing is NaN, not 0: without a
 * positive there is no recall, without a finding no precision, without a negative no specificity. NaN in a labelled entry gives NaN too.
 *
 * @throws {@link ArgumentError} for shapes that differ, empty tensors, or a bad option.
 *
 * @example
 * ```ts
 * const { recall, specificity } = confusionRates(yTrue, probabilities, { average: 'none' });
 * ```
 */
export function confusionRates(
  yTrue: tf.Tensor,
  probabilities: tf.Tensor,
  options: ConfusionRatesOptions = {},
): RateTensors {
  const { average, threshold } = resolveOptions('confusionRates', options);
  const labels = checkScores('confusionRates', yTrue, probabilities);
  checkThreshold('confusionRates', threshold, labels);
  return tf.tidy(() => {
    return { ...rates(confusionCounts(yTrue, probabilities, { threshold }), average) };
  });
}

/**
 * {@link confusionRates} of a whole epoch, batch by batch: exact in any batching and order, unlike a mean of batch rates.
 *
 * Holds four sums on the device and reads nothing back; `dispose()` frees them.
 *
 * @throws {@link ArgumentError} as {@link confusionRates}; also for a batch with another number of labels, and for a `result()` before
 * the first `update()`.
 *
 * @example
 * ```ts
 * const metric = new ConfusionRates({ average: 'none' });
 * for (const [yTrue, probabilities] of batches) metric.update(yTrue, probabilities);
 * const sensitivity = await metric.result().recall.data();
 * metric.dispose();
 * ```
 */
export class ConfusionRates {
  private readonly config: Required<ConfusionRatesOptions>;
  private readonly sums = new RunningSums<ConfusionCounts>('ConfusionRates');

  constructor(options: ConfusionRatesOptions = {}) {
    this.config = resolveOptions('ConfusionRates', options);
  }

  /** Adds a batch; shapes as in {@link confusionRates}, leading axes free to differ between batches. */
  update(yTrue: tf.Tensor, probabilities: tf.Tensor): void {
    const { threshold } = this.config;
    const labels = checkScores('ConfusionRates.update', yTrue, probabilities);
    checkThreshold('ConfusionRates.update', threshold, labels);
    this.sums.add(labels, probabilities, () => confusionCounts(yTrue, probabilities, { threshold }));
  }

  /** The rates of all batches since the start or the last reset: three new tensors. */
  result(): RateTensors {
    return tf.tidy(() => {
      return { ...rates(this.sums.get(), this.config.average) };
    });
  }

  /** Starts over and frees the sums. */
  reset(): void {
    this.sums.reset();
  }

  /** Frees the sums; the same as {@link ConfusionRates.reset}. */
  dispose(): void {
    this.reset();
  }

  /** Every option, defaults filled in: plain JSON. */
  getConfig(): Required<ConfusionRatesOptions> {
    return { ...this.config };
  }
}

const AVERAGES = ['micro', 'macro', 'none'] as const;

function resolveOptions(fn: string, options: ConfusionRatesOptions): Required<ConfusionRatesOptions> {
  checkKnownKeys(options, ['average', 'threshold'], fn);
  const { average = 'micro', threshold = 0.5 } = options;
  checkOneOf(average, AVERAGES, `${fn}: average`);
  checkThreshold(fn, threshold);
  return { average, threshold };
}

function rates(counts: ConfusionCounts, average: 'micro' | 'macro' | 'none'): RateTensors {
  const [tp, fp, fn, tn] = [counts.tp, counts.fp, counts.fn, counts.tn].map((count) =>
    average === 'micro' ? tf.sum(count) : count,
  ) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  const share = (part: tf.Tensor, rest: tf.Tensor) => {
    const total = tf.add(part, rest);
    const nothing = tf.equal(total, 0);
    const values = tf.divNoNan(part, total);
    if (average !== 'macro') return tf.where(nothing, tf.fill(total.shape, NaN), values);
    const defined = tf.sum(tf.cast(tf.logicalNot(nothing), 'float32'));
    return tf.where(tf.equal(defined, 0), tf.scalar(NaN), tf.divNoNan(tf.sum(values), defined));
  };
  return { precision: share(tp, fp), recall: share(tp, fn), specificity: share(tn, fp) };
}
