import { check, checkKnownKeys, checkOneOf, isPositiveInteger, isRecord } from './checks';

/** What the values of one option may be. */
export interface Rule<T> {
  /** Throws an ArgumentError for any other value; `what` names the option. */
  readonly check: (value: unknown, what: string) => void;
  /** What stands for an option that is left out; a rule without this property needs the option. */
  readonly absent?: T | undefined;
}

/** A rule for each option: the compiler refuses a table that lacks one. */
export type Rules<Options extends object> = { readonly [Name in keyof Options]-?: Rule<Options[Name]> };

/** Options with what stands for those that are left out: undefined where their rule has nothing for that. */
export type Resolved<Options extends object, Table> = {
  [Name in keyof Table & keyof Options]: Table[Name] extends { readonly absent: undefined }
    ? Options[Name] | undefined
    : Exclude<Options[Name], undefined>;
};

/**
 * Options with what stands for those that are left out.
 *
 * @param what - Whose options, e.g. `'SliceConv1D'`.
 * @param passed - Names that belong to somebody else: known, but neither checked nor returned.
 * @throws ArgumentError for names that are not known and values that break their rule.
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

/** A rule of our own: `expected` says what passes `test`. */
export const rule = <T>(expected: string, test: (value: unknown) => boolean): Rule<T> => ({
  check: (value, what) => check(test(value), what, expected, value),
});

/** The same rule for an option that may be left out, for which `absent` then stands; none keeps it undefined. */
export function optional<T>(given: Rule<T>): Rule<T> & { readonly absent: undefined };
export function optional<T>(given: Rule<T>, absent: T): Rule<T> & { readonly absent: T };
export function optional<T>(given: Rule<T>, absent?: T): Rule<T> {
  return { ...given, absent };
}

/** The same rule, or this one value, which stands for something of its own. */
export const or = <T, const Value extends string | boolean>(
  other: Value,
  given: Rule<T>,
): Rule<T | Value> => ({
  check: (value, what) => {
    if (value !== other) given.check(value, what);
  },
});

/** Options within an option, by rules of their own. */
export const nested = <Options extends object>(rules: Rules<Options>): Rule<Options> => ({
  check: (value, what) => {
    check(isRecord(value), what, 'an object', value);
    resolveOptions(what, value as Options, rules);
  },
});

/** A list of values that each keep a rule. */
export const listOf = <T>(item: Rule<T>): Rule<readonly T[]> => ({
  check: (value, what) => {
    check(Array.isArray(value), what, 'a list', value);
    for (const one of value) item.check(one, what);
  },
});

/** For options that somebody else checks. */
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

/** Whether a value is a list of so many items, all of which pass `test`. */
export const isTuple = <T>(value: unknown, length: number, test: (item: unknown) => boolean): value is T[] =>
  Array.isArray(value) && value.length === length && value.every(test);
