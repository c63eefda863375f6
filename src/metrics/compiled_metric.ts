import { flag, optional } from '../base/options';
import type { ConfiguredFn, LossFn } from '../base/types';

/** The rule of the option `fromLogits`. */
export const FROM_LOGITS = optional(flag, true);

/** A metric for `model.compile` that says what made it, and shows in a history under `name`. */
export function compiledMetric(
  name: string,
  metric: LossFn,
  className: string,
  config: object,
): ConfiguredFn {
  // tfjs takes the name in the history from the function, and a minifier would take it away
  Object.defineProperty(metric, 'name', { value: name });
  return Object.assign(metric, { getClassName: () => className, getConfig: () => ({ ...config }) });
}
