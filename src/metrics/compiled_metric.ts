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
