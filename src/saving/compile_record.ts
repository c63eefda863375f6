import * as tf from '@tensorflow/tfjs';
import { check, isRecord } from '../base/checks';
import { anything, optional, resolveOptions, type Rules } from '../base/options';
import { asymmetricLoss } from '../losses/asymmetric_loss';
import { f2Metric } from '../metrics/f2_metric';
import { weightedLogLossMetric } from '../metrics/weighted_log_loss';
import type { ConfiguredFn, LossFn } from '../base/types';
import { checkOptimizerRecord, optimizerRecord, RECORD_RULES } from '../optimizers/optimizer_record';
import type { OptimizerRecord } from '../optimizers/optimizer_record';

/**
 * A loss or metric as plain data: a name that `model.compile` takes, a tfjs function as `tf.losses.NAME` or
 * `tf.metrics.NAME`, or the function that made it with its options.
 *
 * @inline
 */
export type FunctionRecord = string | { className: string; config: object };

/**
 * How a model is trained, as plain data. The optimizer's state is stored with the model's weights.
 *
 * @inline
 */
export interface CompileRecord {
  optimizer: OptimizerRecord;
  /** Missing if the optimizer belongs to a custom training loop and the model is not compiled. */
  loss?: FunctionRecord;
  metrics?: FunctionRecord[];
}

/** A loss or metric as `model.compile` takes it. */
export type NameOrFunction = string | LossFn;

/**
 * Loss, metrics and optimizer of a compiled model with one output.
 *
 * @throws ArgumentError for a loss, metric or optimizer that cannot be expressed as data.
 */
export function compileRecord(what: string, model: tf.LayersModel): CompileRecord {
  const losses = listOf(model.loss);
  check(losses.length === 1, `${what}: loss`, 'one, for the one output', model.loss);
  return {
    optimizer: optimizerRecord(what, model.optimizer),
    loss: functionRecord(`${what}: loss`, losses[0]!),
    metrics: listOf(model.metrics).map((metric) => functionRecord(`${what}: metric`, metric)),
  };
}

const RULES = {
  optimizer: anything,
  loss: optional(anything),
  metrics: optional(anything),
} satisfies Rules<CompileRecord>;

/**
 * Checks a record from a file, without creating tensors.
 *
 * @param labels - Number of labels of the model.
 * @throws ArgumentError that names the invalid field.
 */
export function checkCompileRecord(what: string, record: CompileRecord, labels: number): void {
  check(isRecord(record), what, 'an object', record);
  const { optimizer, loss, metrics } = resolveOptions(what, record, RULES);
  checkOptimizerRecord(`${what}.optimizer`, optimizer);
  check((loss === undefined) === (metrics === undefined), what, 'both loss and metrics, or none', record);
  if (loss === undefined || metrics === undefined) return;
  checkFunctionRecord(`${what}.loss`, loss, labels);
  check(Array.isArray(metrics), `${what}.metrics`, 'a list', metrics);
  metrics.forEach((metric, i) => checkFunctionRecord(`${what}.metrics[${i}]`, metric, labels));
}

/**
 * The loss or metric described by a record.
 *
 * @throws ArgumentError for an invalid record.
 */
export function functionFromRecord(what: string, record: FunctionRecord): NameOrFunction {
  if (typeof record === 'string') {
    const [, group, name] = /^tf\.(losses|metrics)\.(\w+)$/.exec(record) ?? [];
    // names of Object.prototype, which tfjs would find in its tables
    if (group === undefined) {
      check(!(record in {}), what, 'a name that tfjs knows', record);
      return record;
    }
    const functions = TFJS_FUNCTIONS[group as keyof typeof TFJS_FUNCTIONS];
    check(Object.hasOwn(functions, name!), what, `a function of tf.${group}`, record);
    return functions[name!]!;
  }
  check(isRecord(record), what, 'a name, or an object of className and config', record);
  const { className, config } = resolveOptions(what, record, RECORD_RULES);
  const known = Object.keys(MAKERS).join(', ');
  const isKnown = typeof className === 'string' && Object.hasOwn(MAKERS, className);
  check(isKnown, `${what}.className`, known, className);
  check(isRecord(config), `${what}.config`, 'an object', config);
  return MAKERS[className]!(config);
}

/** Our losses and metrics by their class names. */
const MAKERS: Record<string, (config: object) => ConfiguredFn> = {
  asymmetricLoss,
  f2Metric,
  weightedLogLossMetric,
};

const TFJS_FUNCTIONS = {
  losses: tf.losses as unknown as Record<string, LossFn>,
  metrics: tf.metrics as unknown as Record<string, LossFn>,
};

function checkFunctionRecord(what: string, record: FunctionRecord, labels: number): void {
  functionFromRecord(what, record);
  if (typeof record === 'string') return;
  const lists = Object.values(record.config).filter((value) => Array.isArray(value));
  const rule = `one number for each of ${labels} labels`;
  const fits = lists.every((list) => list.length === labels);
  check(fits, `${what}.config`, rule, record.config);
}

function functionRecord(what: string, fn: NameOrFunction): FunctionRecord {
  if (typeof fn === 'string') return fn;
  for (const [group, functions] of Object.entries(TFJS_FUNCTIONS)) {
    const name = Object.keys(functions).find((key) => functions[key] === fn);
    if (name !== undefined) return `tf.${group}.${name}`;
  }
  const { getClassName, getConfig } = fn as Partial<ConfiguredFn>;
  const className = getClassName?.();
  const rule = `a name or function of tfjs, or what ${Object.keys(MAKERS).join(', ')} give; leave it out with includeOptimizer: false`;
  check(className !== undefined && Object.hasOwn(MAKERS, className), what, rule, fn);
  return { className, config: getConfig!() };
}

/** An argument of `model.compile` in its several forms: one, a list, or one for each output by name. */
function listOf(value: unknown): NameOrFunction[] {
  if (value === undefined || value === null) return [];
  if (typeof value === 'object') return Object.values(value).flat() as NameOrFunction[];
  return [value as NameOrFunction];
}
