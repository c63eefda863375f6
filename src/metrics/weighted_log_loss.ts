import * as tf from '@tensorflow/tfjs';
import { check, checkKnownKeys } from '../base/errors';
import { IGNORED_LABEL, type ConfiguredFn } from '../base/types';
import { checkScores } from './confusion_counts';
import { RunningSums } from './running_sums';

/** Options of {@link weightedLogLoss} and {@link WeightedLogLoss}. */
export interface WeightedLogLossOptions {
  /**
   * How much each label counts, at least 0 and not all 0.
   * @defaultValue 1 for each
   */
  weights?: readonly number[];
  /**
   * Probabilities are taken to lie in `[epsilon, 1 - epsilon]`, in (0, 0.5): none costs more than `-log(epsilon)`.
   * @defaultValue 1e-7
   */
  epsilon?: number;
}

/** Options of {@link weightedLogLossMetric}. */
export interface WeightedLogLossMetricOptions extends WeightedLogLossOptions {
  /**
   * Whether the model puts out logits (as this library's models do), to be sent through a sigmoid first.
   * @defaultValue true
   */
  fromLogits?: boolean;
}

/** RSNA's weights: epidural, intraparenchymal, intraventricular, subarachnoid, subdural, and `any`, which counts twice. */
export const RSNA_LABEL_WEIGHTS: readonly number[] = [1, 1, 1, 1, 1, 2];

/**
 * Weighted multi-label log loss, the score of the RSNA 2019 challenge: the lower the better, 0.693 for probabilities of 0.5.
 *
 * `-sum w [ y log p + (1-y) log(1-p) ] / sum w` over the labelled entries, `w` being the weight of the entry's label and `p`
 * clipped to `[epsilon, 1 - epsilon]`; scikit-learn's `log_loss` of the flattened entries, with `w` as `sample_weight`.
 *
 * Shapes: `yTrue` and `probabilities` `[..., labels]`, equal, of rank 2 or more -> scalar. `yTrue` is 0 or 1, anything between
 * for smoothed labels, or -1 for "not labelled": such entries are left out. NaN in a labelled entry gives NaN, and so do
 * entries of which none is labelled (or has a weight): there is no loss of nothing.
 *
 * @throws {@link ArgumentError} for shapes that differ, empty tensors, or a bad option.
 *
 * @example
 * ```ts
 * const score = weightedLogLoss(yTrue, tf.sigmoid(logits), { weights: RSNA_LABEL_WEIGHTS });
 * ```
 *
 * Flanders et al., "Construction of a Machine Learning Dataset through Collaboration: The RSNA 2019 Brain CT Hemorrhage
 * Challenge", Radiology: Artificial Intelligence 2020
 */
export function weightedLogLoss(
  yTrue: tf.Tensor,
  probabilities: tf.Tensor,
  options: WeightedLogLossOptions = {},
): tf.Scalar {
  const config = resolveOptions('weightedLogLoss', options);
  checkLabels('weightedLogLoss', checkScores('weightedLogLoss', yTrue, probabilities), config);
  return tf.tidy(() => mean(summarize(yTrue, probabilities, tf.sub(1, probabilities), config)));
}

/**
 * {@link weightedLogLoss} of a whole epoch, batch by batch: exact in any batching and order, unlike a mean of batch losses.
 *
 * Holds two sums on the device, in float32, and reads nothing back; `dispose()` frees them.
 *
 * @throws {@link ArgumentError} as {@link weightedLogLoss}; also for a batch with another number of labels, and for a
 * `result()` before the first `update()`.
 *
 * @example
 * ```ts
 * const metric = new WeightedLogLoss({ weights: RSNA_LABEL_WEIGHTS });
 * for (const [yTrue, probabilities] of batches) metric.update(yTrue, probabilities);
 * const [score] = await metric.result().data();
 * metric.reset();
 * ```
 */
export class WeightedLogLoss {
  private readonly config: Config;
  private readonly sums = new RunningSums<Sums>('WeightedLogLoss');

  constructor(options: WeightedLogLossOptions = {}) {
    this.config = resolveOptions('WeightedLogLoss', options);
  }

  /** Adds a batch; shapes as in {@link weightedLogLoss}, leading axes free to differ between batches. */
  update(yTrue: tf.Tensor, probabilities: tf.Tensor): void {
    const labels = checkScores('WeightedLogLoss.update', yTrue, probabilities);
    checkLabels('WeightedLogLoss.update', labels, this.config);
    this.sums.add(labels, probabilities, () =>
      summarize(yTrue, probabilities, tf.sub(1, probabilities), this.config),
    );
  }

  /** The loss of all batches since the start or the last reset: a new scalar. */
  result(): tf.Scalar {
    return tf.tidy(() => mean(this.sums.get()));
  }

  /** Starts over and frees the sums. */
  reset(): void {
    this.sums.reset();
  }

  /** Frees the sums; the same as {@link WeightedLogLoss.reset}. */
  dispose(): void {
    this.reset();
  }

  /** Every option, defaults filled in: plain JSON. */
  getConfig(): WeightedLogLossOptions {
    return copyOf(this.config);
  }
}

/**
 * {@link weightedLogLoss} as a metric for `model.compile`; its history shows as `weighted_log_loss` and
 * `val_weighted_log_loss`.
 *
 * tfjs reports the **mean over batches** of such a metric, which is not the loss of the epoch where batches differ in size.
 * Watch training with it; report {@link WeightedLogLoss}.
 *
 * Shapes: `yTrue` and the model's output `[..., labels]`, as in {@link weightedLogLoss} -> scalar.
 *
 * @throws {@link ArgumentError} for a bad option.
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
  checkKnownKeys(options, ['weights', 'epsilon', 'fromLogits'], what);
  const { fromLogits = true, ...rest } = options;
  check(typeof fromLogits === 'boolean', `${what}: fromLogits`, 'a boolean', fromLogits);
  const config = resolveOptions(what, rest);
  const metric = (yTrue: tf.Tensor, yPred: tf.Tensor) =>
    tf.tidy(() => {
      checkLabels(what, checkScores(what, yTrue, yPred), config);
      const present = fromLogits ? tf.sigmoid(yPred) : yPred;
      // of logits, 1 - p has more digits as a sigmoid of its own
      const absent = fromLogits ? tf.sigmoid(tf.neg(yPred)) : tf.sub(1, yPred);
      return mean(summarize(yTrue, present, absent, config));
    });
  // tfjs takes the name in the history from the function, and a minifier would take it away
  Object.defineProperty(metric, 'name', { value: 'weighted_log_loss' });
  return Object.assign(metric, {
    getClassName: () => 'weightedLogLossMetric',
    getConfig: () => ({ ...copyOf(config), fromLogits }),
  });
}

type Config = Required<Pick<WeightedLogLossOptions, 'epsilon'>> & Pick<WeightedLogLossOptions, 'weights'>;

function resolveOptions(fn: string, options: WeightedLogLossOptions): Config {
  checkKnownKeys(options, ['weights', 'epsilon'], fn);
  const { weights, epsilon = 1e-7 } = options;
  check(epsilon > 0 && epsilon < 0.5, `${fn}: epsilon`, 'a number in (0, 0.5)', epsilon);
  const usable =
    weights === undefined ||
    (Array.isArray(weights) &&
      weights.every((weight) => Number.isFinite(weight) && weight >= 0) &&
      weights.some((weight) => weight > 0));
  check(usable, `${fn}: weights`, 'numbers of at least 0, one per label, not all 0', weights);
  return { epsilon, ...(weights && { weights: [...weights] }) };
}

const copyOf = ({ weights, epsilon }: Config): Config => ({
  ...(weights && { weights: [...weights] }),
  epsilon,
});

function checkLabels(fn: string, labels: number, { weights }: Config): void {
  const fits = weights === undefined || weights.length === labels;
  check(fits, `${fn}: weights`, `one number for each of ${labels} labels`, weights);
}

/** What batches add up in: the weighted loss of the labelled entries, and their weight. */
type Sums = { loss: tf.Scalar; weight: tf.Scalar };

/** @param absent - One minus the probabilities `present`. */
function summarize(yTrue: tf.Tensor, present: tf.Tensor, absent: tf.Tensor, config: Config): Sums {
  const { epsilon, weights } = config;
  const y = tf.cast(yTrue, 'float32');
  const cost = (p: tf.Tensor) => tf.neg(tf.log(tf.clipByValue(tf.cast(p, 'float32'), epsilon, 1 - epsilon)));
  const entropy = tf.add(tf.mul(y, cost(present)), tf.mul(tf.sub(1, y), cost(absent)));
  // said again, because not every backend's clip keeps NaN
  const loss = tf.where(tf.isNaN(present), tf.fill(y.shape, NaN), entropy);
  const labelled = tf.notEqual(y, IGNORED_LABEL);
  const weight = tf.mul(tf.cast(labelled, 'float32'), weights ? tf.tensor1d([...weights]) : 1);
  const counted = tf.where(labelled, loss, tf.zerosLike(loss));
  return { loss: tf.sum(tf.mul(weight, counted)), weight: tf.sum(weight) };
}

function mean({ loss, weight }: Sums): tf.Scalar {
  return tf.where(tf.equal(weight, 0), tf.scalar(NaN), tf.div(loss, weight));
}
