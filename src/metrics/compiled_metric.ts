import type * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import { isOutputOfSigmoid } from '../base/gradient_tape';
import { flag, optional } from '../base/options';
import type { ConfiguredFn, LossFn } from '../base/types';

/** The rule of the option `fromLogits`. */
export const FROM_LOGITS = optional(flag, true);

/** A metric for `model.compile` that knows its configuration, and appears in a history under `name`. */
export function compiledMetric(
  name: string,
  metric: LossFn,
  className: string,
  config: object,
): ConfiguredFn {
  // tfjs uses the function's name in the history, and a minifier would change it
  Object.defineProperty(metric, 'name', { value: name });
  return Object.assign(metric, { getClassName: () => className, getConfig: () => ({ ...config }) });
}

/** Refuses the output of a sigmoid, to which a metric of logits would apply another; known in training only. */
export function checkLogits(fn: string, logits: tf.Tensor): void {
  const expected = 'scores before the sigmoid, which the metric applies itself unless fromLogits is false';
  check(!isOutputOfSigmoid(logits), `${fn}: logits`, expected, 'the output of a sigmoid');
}
