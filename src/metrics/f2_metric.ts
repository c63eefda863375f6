import * as tf from '@tensorflow/tfjs';
import { resolveOptions } from '../base/options';
import type { ConfiguredFn } from '../base/types';
import { checkLogits, compiledMetric, FROM_LOGITS } from './compiled_metric';
import { THRESHOLD, type ThresholdOptions } from './decide';
import { fBetaScore } from './f_beta';

/**
 * Options of {@link f2Metric}.
 *
 * @inline
 */
export interface F2MetricOptions extends ThresholdOptions {
  /**
   * Whether the model outputs logits (as this library's models do), to which a sigmoid is applied first.
   * @defaultValue true
   */
  fromLogits?: boolean;
}

/**
 * The challenge's F2 (`beta` 2, micro) as a metric for `model.compile`; it appears in the history as `f2` and `val_f2`.
 *
 * tfjs reports the **mean over batches** of such a metric, which is not the F2 of the epoch: it depends on the
 * batching, and a batch without positives scores 0. Use it to monitor training; report `FBetaScore`.
 *
 * Shapes: `yTrue` and the model's output `[..., labels]`, as in `fBetaScore` -> scalar.
 *
 * @throws ArgumentError for an invalid option; in training also for the output of a sigmoid, unless `fromLogits` is false.
 *
 * @example
 * ```ts
 * model.compile({ optimizer: 'adam', loss: asymmetricLoss(), metrics: [f2Metric()] });
 * ```
 */
export function f2Metric(options: F2MetricOptions = {}): ConfiguredFn {
  const rules = { threshold: THRESHOLD, fromLogits: FROM_LOGITS };
  const { threshold, fromLogits } = resolveOptions('f2Metric', options, rules);
  const metric = (yTrue: tf.Tensor, yPred: tf.Tensor) =>
    tf.tidy(() => {
      if (fromLogits) checkLogits('f2Metric', yPred);
      return fBetaScore(yTrue, fromLogits ? tf.sigmoid(yPred) : yPred, { threshold });
    });
  return compiledMetric('f2', metric, 'f2Metric', { threshold, fromLogits });
}
