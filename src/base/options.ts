import { check, checkKnownKeys, checkOneOf, isPositiveInteger } from './errors';

/** What the values of one option may be. */
export interface Rule<T> {
  /** Throws an {@link ArgumentError} for any other value; `what` names the option. */
  readonly check: (value: unknown, what: string) => void;
  /** What stands for an option that is left out; a rule without this property needs the option. */
  readonly absent?: T | undefined;
}

/** A rule for each option: the compiler refuses a table that lacks one. */
export type Rules<Options extends object> = { readonly [Name in keyof Options]-?: Rule<Options[Name]> };

/**
 * Options with what stands for those that are left out.
 *
 * @param what - Whose options, e.g. `'SliceConv1D'`.
 * @param passed - Names that belong to somebody else: known, but neither checked nor returned.
 * @throws {@link ArgumentError} for names that are not known and values that break their rule.
 */
export function resolveOptions<Options extends object>(
  what: string,
  options: object,
  rules: Rules<Options>,
  passed: readonly string[] = [],
): Required<Options> {
  checkKnownKeys(options, [...Object.keys(rules), ...passed], what);
  const given = options as Record<string, unknown>;
  const resolved = Object.entries<Rule<unknown>>(rules).map(([name, rule]) => {
    const value = given[name];
    const isAbsent = value === undefined || (value === null && rule.absent === undefined);
    if (isAbsent && 'absent' in rule) return [name, rule.absent];
    rule.check(value, `${what}: ${name}`);
    return [name, value];
  });
  return Object.fromEntries(resolved) as Required<Options>;
}

/** A rule of our own: `expected` says what passes `test`. */
export const rule = <T>(expected: string, test: (value: unknown) => boolean): Rule<T> => ({
  check: (value, what) => check(test(value), what, expected, value),
});

/** The same rule for an option that may be left out, for which `absent` then stands; none keeps it undefined. */
export const optional = <T>(given: Rule<T>, absent?: T): Rule<T> => ({ ...given, absent });

/** For options that somebody else checks. */
export const anything: Rule<never> = { check: () => undefined };

export const positiveInteger = rule<number>('a positive integer', isPositiveInteger);

export const flag = rule<boolean>('a boolean', (value) => typeof value === 'boolean');

export const finiteNumber = rule<number>('a finite number', Number.isFinite);

export const oneOf = <const Name extends string>(names: readonly Name[]): Rule<Name> => ({
  check: (value, what) => checkOneOf(value, names, what),
});
