import { check, checkKnownKeys, checkOneOf, isPositiveInteger, isRecord } from './checks';

/** The valid values of one option. */
export interface Rule<T> {
  /** Throws an ArgumentError for any other value; `what` names the option. */
  readonly check: (value: unknown, what: string) => void;
  /** Default of the option; without this property the option is required. */
  readonly absent?: T | undefined;
}

/** One rule per option: a table that lacks one does not compile. */
export type Rules<Options extends object> = { readonly [Name in keyof Options]-?: Rule<Options[Name]> };

/** Options with defaults filled in: undefined if the rule has no default. */
export type Resolved<Options extends object, Table> = {
  [Name in keyof Table & keyof Options]: Table[Name] extends { readonly absent: undefined }
    ? Options[Name] | undefined
    : Exclude<Options[Name], undefined>;
};

/**
 * Checks options and fills in defaults.
 *
 * @param what - The function or class that takes the options, e.g. `'SliceConv1D'`.
 * @param passed - Names of options that others handle: accepted, but neither checked nor returned.
 * @throws ArgumentError for unknown names and invalid values.
 */
export function resolveOptions<Options extends object, const Table extends Rules<Options> = Rules<Options>>(
  what: string,
  options: Options,
  rules: Table,
  passed: readonly string[] = [],
): Resolved<Options, Table> {
  checkKnownKeys(options, [...Object.keys(rules), ...passed], what);
  const given = options as Record<string, unknown>;
  const resolved = Object.entries<Rule<unknown>>(rules).map(([name, rule]) => {
    const value = given[name];
    if (value === undefined && 'absent' in rule) return [name, rule.absent];
    rule.check(value, `${what}: ${name}`);
    return [name, value];
  });
  return Object.fromEntries(resolved) as Resolved<Options, Table>;
}

/** A custom rule: `expected` describes the values that pass `test`. */
export const rule = <T>(expected: string, test: (value: unknown) => boolean): Rule<T> => ({
  check: (value, what) => check(test(value), what, expected, value),
});

/** The same rule for an optional option with default `absent`; without `absent` the option stays undefined. */
export function optional<T>(given: Rule<T>): Rule<T> & { readonly absent: undefined };
export function optional<T>(given: Rule<T>, absent: T): Rule<T> & { readonly absent: T };
export function optional<T>(given: Rule<T>, absent?: T): Rule<T> {
  return { ...given, absent };
}

/** The same rule, or one additional value with a special meaning. */
export const or = <T, const Value extends string | boolean>(
  other: Value,
  given: Rule<T>,
): Rule<T | Value> => ({
  check: (value, what) => {
    if (value !== other) given.check(value, what);
  },
});

/** Options nested in an option, with their own rules. */
export const nested = <Options extends object>(rules: Rules<Options>): Rule<Options> => ({
  check: (value, what) => {
    check(isRecord(value), what, 'an object', value);
    resolveOptions(what, value as Options, rules);
  },
});

/** A list whose items follow a rule. */
export const listOf = <T>(item: Rule<T>): Rule<readonly T[]> => ({
  check: (value, what) => {
    check(Array.isArray(value), what, 'a list', value);
    for (const one of value) item.check(one, what);
  },
});

/** For options that are checked elsewhere. */
export const anything: Rule<never> = { check: () => undefined };

export const callback = rule<never>('a function', (value) => typeof value === 'function');

export const flag = rule<boolean>('a boolean', (value) => typeof value === 'boolean');

export const finiteNumber = rule<number>('a finite number', Number.isFinite);

export const numberAbove0 = rule<number>('a number above 0', (value) => isNumberIn(value, Number.MIN_VALUE));

export const numberFrom0 = rule<number>('a number of at least 0', (value) => isNumberIn(value, 0));

export const share = rule<number>('a number in [0, 1]', (value) => isNumberIn(value, 0, 1));

export const integer = rule<number>('an integer', Number.isInteger);

export const integerFrom0 = rule<number>(
  'an integer of at least 0',
  (value) => Number.isInteger(value) && isNumberIn(value, 0),
);

export const positiveInteger = rule<number>('a positive integer', isPositiveInteger);

export const integerIn = (low: number, high: number): Rule<number> =>
  rule(`an integer in ${low}..${high}`, (value) => Number.isInteger(value) && isNumberIn(value, low, high));

export const oneOf = <const Name extends string>(names: readonly Name[]): Rule<Name> => ({
  check: (value, what) => checkOneOf(value, names, what),
});

/** Whether a value is a finite number from `low` to `high`, both included. */
export const isNumberIn = (value: unknown, low: number, high = Infinity): boolean =>
  Number.isFinite(value) && (value as number) >= low && (value as number) <= high;

/** Whether a value is a list of `length` items that all pass `test`. */
export const isTuple = <T>(value: unknown, length: number, test: (item: unknown) => boolean): value is T[] =>
  Array.isArray(value) && value.length === length && value.every(test);
