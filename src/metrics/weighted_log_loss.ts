import * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import { optional, resolveOptions, rule } from '../base/options';
import { IGNORED_LABEL, type ConfiguredFn } from '../base/types';
import { checkLogits, compiledMetric, FROM_LOGITS } from './compiled_metric';
import { checkScores, inUnitRange } from './confusion_counts';
import { definedMean, type LabelledScores } from './labelled_scores';
import { logLossOf } from './probability_errors';
import { StreamingMetric } from './streaming_metric';

/**
 * Options of {@link weightedLogLoss} and {@link WeightedLogLoss}.
 *
 * @inline
 */
export interface WeightedLogLossOptions {
  /**
   * Weight of each label, at least 0 and not all 0.
   * @defaultValue 1 for each
   */
  weights?: readonly number[];
  /**
   * Probabilities are clipped to `[epsilon, 1 - epsilon]`, so that none costs more than `-log(epsilon)`; in (0, 0.5).
   * @defaultValue 1e-7
   */
  epsilon?: number;
}

/**
 * Options of {@link weightedLogLossMetric}.
 *
 * @inline
 */
export interface WeightedLogLossMetricOptions extends WeightedLogLossOptions {
  /**
   * Whether the model outputs logits (as this library's models do), to which a sigmoid is applied first.
   * @defaultValue true
   */
  fromLogits?: boolean;
}

/**
 * RSNA's weights: epidural, intraparenchymal, intraventricular, subarachnoid, subdural, and `any`, which counts twice.
 */
export const RSNA_LABEL_WEIGHTS: readonly number[] = [1, 1, 1, 1, 1, 2];

/**
 * Weighted multi-label log loss, the score of the RSNA 2019 challenge: lower is better, 0.693 for probabilities of 0.5.
 *
 * `-sum w [ y log p + (1-y) log(1-p) ] / sum w` over the labelled entries, where `w` is the weight of the entry's label
 * and `p` is clipped to `[epsilon, 1 - epsilon]`; equals scikit-learn's `log_loss` of the flattened entries, with `w`
 * as `sample_weight`.
 *
 * Shapes: `yTrue` and `probabilities` `[..., labels]`, equal, of rank 2 or more -> scalar. `yTrue` is 0 or 1, anything
 * between for smoothed labels, or -1 for "not labelled": such entries are ignored. NaN in a labelled entry gives NaN,
 * and so do a probability outside [0, 1], which may be a logit, an invalid label, and input without any labelled entry
 * or weight, since a tensor cannot be `undefined`.
 *
 * @throws ArgumentError for shapes that differ, empty tensors, or an invalid option.
 *
 * @example
 * ```ts
 * const score = weightedLogLoss(yTrue, tf.sigmoid(logits), { weights: RSNA_LABEL_WEIGHTS });
 * ```
 *
 * @see Flanders et al., "Construction of a Machine Learning Dataset through Collaboration: The RSNA 2019 Brain CT
 * Hemorrhage Challenge", Radiology: Artificial Intelligence 2020.
 */
export function weightedLogLoss(
  yTrue: tf.Tensor,
  probabilities: tf.Tensor,
  options: WeightedLogLossOptions = {},
): tf.Scalar {
  const fn = 'weightedLogLoss';
  const config = resolveOptions(fn, options, RULES);
  checkWeights(fn, config.weights, checkScores(fn, yTrue, probabilities));
  return tf.tidy(() => mean(summarize(yTrue, probabilities, tf.sub(1, probabilities), config)));
}

/**
 * {@link weightedLogLoss} over a whole epoch, batch by batch: exact for any batching and order, unlike a mean of batch
 * losses.
 *
 * Keeps two sums on the device, in float32, and reads nothing back before the result; `dispose()` frees them.
 *
 * @throws ArgumentError for an invalid option, shapes that differ, empty tensors or a batch with another number of
 * labels; `result()` also before the first `update()`, and for NaN or a value out of range in a labelled entry.
 *
 * @example
 * ```ts
 * const metric = new WeightedLogLoss({ weights: RSNA_LABEL_WEIGHTS });
 * for (const [yTrue, probabilities] of batches) metric.update(yTrue, probabilities);
 * const score = await metric.result();
 * metric.dispose();
 * ```
 */
export class WeightedLogLoss extends StreamingMetric<WeightedLogLossOptions & { epsilon: number }> {
  constructor(options: WeightedLogLossOptions = {}) {
    super('WeightedLogLoss', resolveOptions('WeightedLogLoss', options, RULES));
  }

  protected override checkFits(what: string, labels: number): void {
    checkWeights(what, this.config.weights, labels);
  }

  protected override summarize(yTrue: tf.Tensor, probabilities: tf.Tensor): tf.Tensor[] {
    return summarize(yTrue, probabilities, tf.sub(1, probabilities), this.config);
  }

  /** The loss over all batches since the start or the last reset; undefined without any labelled entry or weight. */
  async result(): Promise<number | undefined> {
    const [[loss], [weight]] = (await this.read())[0] as [Float32Array, Float32Array];
    check(
      Number.isFinite(loss),
      `${this.name}: labels and probabilities`,
      'numbers in labelled entries',
      loss,
    );
    return weight === 0 ? undefined : loss! / weight!;
  }
}

/**
 * {@link weightedLogLoss} as a metric for `model.compile`; it appears in the history as `weighted_log_loss` and
 * `val_weighted_log_loss`.
 *
 * tfjs reports the **mean over batches** of such a metric, which is not the loss of the epoch if batches differ in
 * size. Use it to monitor training; report {@link WeightedLogLoss}.
 *
 * Shapes: `yTrue` and the model's output `[..., labels]`, as in {@link weightedLogLoss} -> scalar.
 *
 * @throws ArgumentError for an invalid option; in training also for the output of a sigmoid, unless `fromLogits` is false.
 *
 * @example
 * ```ts
 * model.compile({
 *   optimizer: 'adam',
 *   loss: asymmetricLoss(),
 *   metrics: [weightedLogLossMetric({ weights: RSNA_LABEL_WEIGHTS })],
 * });
 * ```
 */
export function weightedLogLossMetric(options: WeightedLogLossMetricOptions = {}): ConfiguredFn {
  const what = 'weightedLogLossMetric';
  const rules = { ...RULES, fromLogits: FROM_LOGITS };
  const config = resolveOptions(what, options, rules);
  const metric = (yTrue: tf.Tensor, yPred: tf.Tensor) =>
    tf.tidy(() => {
      checkWeights(what, config.weights, checkScores(what, yTrue, yPred));
      const { fromLogits } = config;
      if (fromLogits) checkLogits(what, yPred);
      const present = fromLogits ? tf.sigmoid(yPred) : yPred;
      // from logits, 1 - p is more precise as sigmoid(-x)
      const absent = fromLogits ? tf.sigmoid(tf.neg(yPred)) : tf.sub(1, yPred);
      return mean(summarize(yTrue, present, absent, config));
    });
  return compiledMetric('weighted_log_loss', metric, what, config);
}

type Config = WeightedLogLossOptions & { epsilon: number };

const RULES = {
  weights: optional(
    rule<readonly number[]>(
      'numbers of at least 0, one per label, not all 0',
      (weights) =>
        Array.isArray(weights) &&
        weights.every((weight) => Number.isFinite(weight) && weight >= 0) &&
        weights.some((weight) => weight > 0),
    ),
  ),
  epsilon: optional(
    rule<number>('a number in (0, 0.5)', (value) => (value as number) > 0 && (value as number) < 0.5),
    1e-7,
  ),
};

/** The rule of weights, one per label. */
export const WEIGHTS = RULES.weights;

export function checkWeights(fn: string, weights: readonly number[] | undefined, labels: number): void {
  const fits = weights === undefined || weights.length === labels;
  check(fits, `${fn}: weights`, `one number for each of ${labels} labels`, weights);
}

/** The pooled loss of the labels, weighted by their weights and numbers of entries. */
export function pooledLogLoss(
  columns: readonly LabelledScores[],
  weights?: readonly number[],
  epsilon?: number,
): number | undefined {
  const count = ({ positives, negatives }: LabelledScores) => positives.length + negatives.length;
  return definedMean(
    columns.map((entries) => logLossOf(entries, epsilon)),
    columns.map((entries, label) => (weights?.[label] ?? 1) * count(entries)),
  );
}

/**
 * The sums over batches: the weighted loss of the labelled entries, and their weight.
 *
 * @param absent - One minus the probabilities `present`.
 */
function summarize(
  yTrue: tf.Tensor,
  present: tf.Tensor,
  absent: tf.Tensor,
  { epsilon, weights }: Config,
): [loss: tf.Tensor, weight: tf.Tensor] {
  const given = tf.cast(yTrue, 'float32');
  const y = inUnitRange(given);
  const cost = (p: tf.Tensor) => tf.neg(tf.log(tf.clipByValue(tf.cast(p, 'float32'), epsilon, 1 - epsilon)));
  const entropy = tf.add(tf.mul(y, cost(present)), tf.mul(tf.sub(1, y), cost(absent)));
  // restored, because not every backend's clip keeps NaN
  const loss = tf.where(tf.isNaN(inUnitRange(present)), tf.fill(y.shape, NaN), entropy);
  const labelled = tf.notEqual(given, IGNORED_LABEL);
  const weight = tf.mul(tf.cast(labelled, 'float32'), weights ? tf.tensor1d([...weights]) : 1);
  const counted = tf.where(labelled, loss, tf.zerosLike(loss));
  return [tf.sum(tf.mul(weight, counted)), tf.sum(weight)];
}

/** The mean; NaN if the total weight is 0. */
const mean = ([loss, weight]: [loss: tf.Tensor, weight: tf.Tensor]): tf.Scalar =>
  tf.where(tf.equal(weight, 0), tf.scalar(NaN), tf.div(loss, weight));
