import * as tf from '@tensorflow/tfjs';
import { check, checkKnownKeys, isRecord } from '../base/errors';
import { Adam } from './adam';

/** An optimizer as plain data, without its state. */
export interface OptimizerRecord {
  /** tfjs's name of it, e.g. `'Adam'`. */
  className: string;
  /** What its `getConfig` says. */
  config: Record<string, number | boolean>;
}

/**
 * Class and configuration of an optimizer.
 *
 * @throws {@link ArgumentError} for a custom class, or one whose state tfjs does not reveal (Adamax).
 */
export function optimizerRecord(what: string, optimizer: tf.Optimizer): OptimizerRecord {
  const kind = kindOf(optimizer);
  const rule = `one of ${Object.keys(KINDS).join(', ')}; leave it out with includeOptimizer: false`;
  check(kind !== undefined, `${what}: optimizer`, rule, optimizer);
  return { className: kind, config: optimizer.getConfig() as OptimizerRecord['config'] };
}

/**
 * Checks a record that came from a file, without making the optimizer.
 *
 * @throws {@link ArgumentError} that names the field at fault.
 */
export function checkOptimizerRecord(what: string, record: OptimizerRecord): void {
  check(isRecord(record), what, 'an object', record);
  checkKnownKeys(record, ['className', 'config'], what);
  const { className, config } = record;
  const known = typeof className === 'string' && Object.hasOwn(KINDS, className);
  check(known, `${what}.className`, `one of ${Object.keys(KINDS).join(', ')}`, className);
  check(isRecord(config), `${what}.config`, 'an object', config);
  const { rates, shares, flags } = KINDS[className]!;
  checkKnownKeys(config, [...rates, ...shares, ...flags], `${what}.config`);
  const isRate = (value: unknown) => Number.isFinite(value) && (value as number) >= 0;
  for (const [key, value] of [...rates, ...shares, ...flags].map((name) => [name, config[name]] as const)) {
    const where = `${what}.config.${key}`;
    if (flags.includes(key)) check(typeof value === 'boolean', where, 'a boolean', value);
    else if (rates.includes(key)) check(isRate(value), where, 'a number of at least 0', value);
    else check(isRate(value) && (value as number) <= 1, where, 'a number in [0, 1]', value);
  }
}

/** A new optimizer of a checked record, without state. */
export function optimizerFromRecord({ className, config }: OptimizerRecord): tf.Optimizer {
  const [optimizerClass] = KINDS[className]!.classes;
  return optimizerClass.fromConfig(optimizerClass, config);
}

/** How many moments an optimizer keeps of each variable; undefined for a custom class. */
export function momentsOf(optimizer: tf.Optimizer): number | undefined {
  const kind = kindOf(optimizer);
  if (kind === undefined) return undefined;
  return KINDS[kind]!.moments + (optimizer.getConfig()['centered'] === true ? 1 : 0);
}

type OptimizerClass = tf.serialization.SerializableConstructor<tf.Optimizer> & {
  fromConfig: typeof tf.AdamOptimizer.fromConfig;
};

interface OptimizerKind {
  /** The first is the one that is made; the others have the same results. */
  classes: [OptimizerClass, ...OptimizerClass[]];
  /** Numbers of at least 0. */
  rates: string[];
  /** Numbers in [0, 1]. */
  shares: string[];
  flags: string[];
  /** Kept of each variable. */
  moments: number;
}

/** By tfjs's class names. Adam is made as ours, which gives the results of tfjs's, faster. */
const KINDS: Record<string, OptimizerKind> = {
  Adam: {
    classes: [Adam, tf.AdamOptimizer],
    rates: ['learningRate', 'epsilon'],
    shares: ['beta1', 'beta2'],
    flags: [],
    moments: 2,
  },
  SGD: { classes: [tf.SGDOptimizer], rates: ['learningRate'], shares: [], flags: [], moments: 0 },
  Momentum: {
    classes: [tf.MomentumOptimizer],
    rates: ['learningRate'],
    shares: ['momentum'],
    flags: ['useNesterov'],
    moments: 1,
  },
  RMSProp: {
    classes: [tf.RMSPropOptimizer],
    rates: ['learningRate', 'epsilon'],
    shares: ['decay', 'momentum'],
    flags: ['centered'],
    moments: 2, // and one more where it is centered
  },
  Adagrad: {
    classes: [tf.AdagradOptimizer],
    rates: ['learningRate', 'initialAccumulatorValue'],
    shares: [],
    flags: [],
    moments: 1,
  },
  Adadelta: {
    classes: [tf.AdadeltaOptimizer],
    rates: ['learningRate', 'epsilon'],
    shares: ['rho'],
    flags: [],
    moments: 2,
  },
};

/** By the class itself: subclasses inherit the name, and `instanceof` holds for every optimizer of tfjs. */
const kindOf = (optimizer: tf.Optimizer): string | undefined =>
  Object.keys(KINDS).find((kind) => (KINDS[kind]!.classes as unknown[]).includes(optimizer.constructor));
