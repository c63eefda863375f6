import * as tf from '@tensorflow/tfjs';
import { check, checkKnownKeys } from '../base/errors';
import type { ConfiguredFn } from '../base/types';
import { checkThreshold, type Threshold } from './decide';
import { fBetaScore } from './f_beta';

/** Options of {@link f2Metric}. */
export interface F2MetricOptions {
  /**
   * Probability from which on a label counts as present, one for all labels or one per label.
   * @defaultValue 0.5
   */
  threshold?: Threshold;
  /**
   * Whether the model puts out logits (as this library's models do), to be sent through a sigmoid first.
   * @defaultValue true
   */
  fromLogits?: boolean;
}

/**
 * The challenge's F2 (`beta` 2, micro) as a metric for `model.compile`; its history shows as `f2` and `val_f2`.
 *
 * tfjs reports the **mean over batches** of such a metric, which is not the F2 of the epoch: it wobbles with the
 * batching, and a batch without positives scores 0. Watch training with it; report `FBetaScore`.
 *
 * Shapes: `yTrue` and the model's output `[..., labels]`, as in `fBetaScore` -> scalar.
 *
 * @throws {@link ArgumentError} for a bad option.
 *
 * @example
 * ```ts
 * model.compile({ optimizer: 'adam', loss: asymmetricLoss(), metrics: [f2Metric()] });
 * ```
 */
export function f2Metric(options: F2MetricOptions = {}): ConfiguredFn {
  checkKnownKeys(options, ['threshold', 'fromLogits'], 'f2Metric');
  const { threshold = 0.5, fromLogits = true } = options;
  check(typeof fromLogits === 'boolean', 'f2Metric: fromLogits', 'a boolean', fromLogits);
  checkThreshold('f2Metric', threshold);
  const metric = (yTrue: tf.Tensor, yPred: tf.Tensor) =>
    tf.tidy(() => fBetaScore(yTrue, fromLogits ? tf.sigmoid(yPred) : yPred, { threshold }));
  // tfjs takes the name in the history from the function, and a minifier would take it away
  Object.defineProperty(metric, 'name', { value: 'f2' });
  return Object.assign(metric, {
    getClassName: () => 'f2Metric',
    getConfig: () => ({ threshold: Array.isArray(threshold) ? [...threshold] : threshold, fromLogits }),
  });
}
