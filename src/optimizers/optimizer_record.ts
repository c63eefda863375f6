import * as tf from '@tensorflow/tfjs';
import { check, isRecord } from '../base/checks';
import { anything, flag, numberFrom0 as rate, resolveOptions, share } from '../base/options';
import type { Rule, Rules } from '../base/options';
import { Adam } from './adam';

/**
 * An optimizer as plain data, without its state.
 *
 * @inline
 */
export interface OptimizerRecord {
  /** Its class name in tfjs, e.g. `'Adam'`. */
  className: string;
  /** The result of its `getConfig`. */
  config: Record<string, number | boolean>;
}

/**
 * Class and configuration of an optimizer.
 *
 * @throws ArgumentError for a custom class, or one whose state tfjs does not expose (Adamax).
 */
export function optimizerRecord(what: string, optimizer: tf.Optimizer): OptimizerRecord {
  const kind = kindOf(optimizer);
  const rule = `one of ${Object.keys(KINDS).join(', ')}; leave it out with includeOptimizer: false`;
  check(kind !== undefined, `${what}: optimizer`, rule, optimizer);
  return { className: kind, config: optimizer.getConfig() as OptimizerRecord['config'] };
}

/** For a record of an object made by a class or function. */
export const RECORD_RULES = { className: anything, config: anything } satisfies Rules<OptimizerRecord>;

/**
 * Checks a record that came from a file, without making the optimizer.
 *
 * @throws ArgumentError that names the field at fault.
 */
export function checkOptimizerRecord(what: string, record: OptimizerRecord): void {
  check(isRecord(record), what, 'an object', record);
  const { className, config } = resolveOptions(what, record, RECORD_RULES);
  const known = typeof className === 'string' && Object.hasOwn(KINDS, className);
  check(known, `${what}.className`, `one of ${Object.keys(KINDS).join(', ')}`, className);
  check(isRecord(config), `${what}.config`, 'an object', config);
  resolveOptions(`${what}.config`, config, KINDS[className]!.rules);
}

/** A new optimizer of a checked record, without state. */
export function optimizerFromRecord({ className, config }: OptimizerRecord): tf.Optimizer {
  const [optimizerClass] = KINDS[className]!.classes;
  return optimizerClass.fromConfig(optimizerClass, config);
}

/** Number of moments that an optimizer keeps per variable; undefined for a custom class. */
export function momentsOf(optimizer: tf.Optimizer): number | undefined {
  const kind = kindOf(optimizer);
  if (kind === undefined) return undefined;
  return KINDS[kind]!.moments + (optimizer.getConfig()['centered'] === true ? 1 : 0);
}

type OptimizerClass = tf.serialization.SerializableConstructor<tf.Optimizer> & {
  fromConfig: typeof tf.AdamOptimizer.fromConfig;
};

interface OptimizerKind {
  /** The first is the one that is created; the others give the same results. */
  classes: [OptimizerClass, ...OptimizerClass[]];
  /** Rules for the result of `getConfig`. */
  rules: Record<string, Rule<number | boolean>>;
  /** Number of moments per variable. */
  moments: number;
}

/** By tfjs's class names. Adam is created as ours, which gives the same results faster. */
const KINDS: Record<string, OptimizerKind> = {
  Adam: {
    classes: [Adam, tf.AdamOptimizer],
    rules: { learningRate: rate, epsilon: rate, beta1: share, beta2: share },
    moments: 2,
  },
  SGD: { classes: [tf.SGDOptimizer], rules: { learningRate: rate }, moments: 0 },
  Momentum: {
    classes: [tf.MomentumOptimizer],
    rules: { learningRate: rate, momentum: share, useNesterov: flag },
    moments: 1,
  },
  RMSProp: {
    classes: [tf.RMSPropOptimizer],
    rules: { learningRate: rate, epsilon: rate, decay: share, momentum: share, centered: flag },
    moments: 2, // and one more where it is centered
  },
  Adagrad: {
    classes: [tf.AdagradOptimizer],
    rules: { learningRate: rate, initialAccumulatorValue: rate },
    moments: 1,
  },
  Adadelta: {
    classes: [tf.AdadeltaOptimizer],
    rules: { learningRate: rate, epsilon: rate, rho: share },
    moments: 2,
  },
};

/** By the class itself: subclasses inherit the name, and `instanceof` is true for every optimizer of tfjs. */
const kindOf = (optimizer: tf.Optimizer): string | undefined =>
  Object.keys(KINDS).find((kind) => (KINDS[kind]!.classes as unknown[]).includes(optimizer.constructor));
