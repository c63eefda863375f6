import { describe, shortened } from './describe';
import { ArgumentError } from './errors';
import { nearestName } from './nearest_name';

/**
 * Throws an ArgumentError unless `ok`.
 *
 * @param what - The argument, e.g. `'asymmetricLoss: clip'`.
 * @param rule - What was expected, e.g. `'a number in [0, 1)'`.
 * @param received - The value received.
 * @example
 * ```ts
 * const gamma = 2;
 * check(gamma >= 0, 'myLoss: gamma', 'a number of at least 0', gamma);
 * ```
 */
export function check(ok: boolean, what: string, rule: string, received: unknown): asserts ok {
  if (!ok) {
    throw new ArgumentError(`${what}: expected ${rule}, received ${describe(received)}`);
  }
}

/**
 * Throws an ArgumentError unless every key of `options` is one of `known`, so that a misspelt option is never silently
 * ignored.
 *
 * @param what - The function or class that takes the options, e.g. `'asymmetricLoss'`.
 * @example
 * ```ts
 * checkKnownKeys({ gammaNegative: 4 }, ['gammaNeg', 'gammaPos'], 'asymmetricLoss');
 * // asymmetricLoss: unknown option 'gammaNegative'; did you mean 'gammaNeg'? known: gammaNeg, gammaPos
 * ```
 */
export function checkKnownKeys(options: object, known: readonly string[], what: string): void {
  check(typeof options === 'object' && options !== null, `${what}: options`, 'an object', options);
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const meant = nearestName(key, known);
    const hint = meant === undefined ? ';' : `; did you mean '${meant}'?`;
    throw new ArgumentError(`${what}: unknown option '${shortened(key)}'${hint} known: ${known.join(', ')}`);
  }
}

/**
 * Throws an ArgumentError unless `value` is one of `names`; the message suggests the nearest.
 *
 * @param what - The argument, e.g. `'buildCtBrainModel: variant'`.
 * @example
 * ```ts
 * checkOneOf('vgg-16', BACKBONES, 'backbone');
 * // backbone: expected one of 'resnet18', 'squeezenet1_1', 'vgg16', received "vgg-16"; did you mean 'vgg16'?
 * ```
 */
export function checkOneOf<Name extends string>(
  value: unknown,
  names: readonly Name[],
  what: string,
): asserts value is Name {
  if (names.includes(value as Name)) return;
  const quoted = names.map((name) => `'${name}'`);
  const rule = names.length === 2 ? quoted.join(' or ') : `one of ${quoted.join(', ')}`;
  const meant = typeof value === 'string' ? nearestName(value, names) : undefined;
  const hint = meant === undefined ? '' : `; did you mean '${meant}'?`;
  throw new ArgumentError(`${what}: expected ${rule}, received ${describe(value)}${hint}`);
}

/** Whether a value is an integer of at least 1. */
export function isPositiveInteger(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1;
}

/** Whether a value is an object other than a list or null. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether tensors of this type hold real numbers. */
export function isNumeric(dtype: string): boolean {
  return dtype !== 'string' && dtype !== 'complex64';
}

/** Whether all values are numbers in [0, 1]; false for holes, and for null, as which JSON writes NaN. */
export function areProbabilities(values: ArrayLike<unknown>): boolean {
  return Array.from(values).every((value) => typeof value === 'number' && value >= 0 && value <= 1);
}
