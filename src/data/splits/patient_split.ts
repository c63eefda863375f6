import { check, isRecord } from '../../base/checks';
import { isNumberIn, optional, resolveOptions, rule, type Rules } from '../../base/options';
import { deriveSeed, seededRandom } from '../../base/random';
import { drawSubsets, DRAW_RULES, idsOf, patientGroups, SHARES } from './patient_groups';
import type { PatientGrouping } from './patient_groups';

export type { PatientGrouping, PatientLabels } from './patient_groups';

/**
 * Options of {@link splitByPatient}.
 *
 * @inline
 */
export interface PatientSplitOptions extends PatientGrouping {
  /**
   * Share of the patients (persons, with `groupBy`) that goes to validation, in (0, 1).
   * @defaultValue 0.1
   */
  validationFraction?: number;
  /** Any integer; equal seeds give equal splits of equal patients. */
  seed: number;
}

/**
 * Distinct patient ids of the two sides, each sorted.
 *
 * @inline
 */
export interface PatientSplit {
  train: string[];
  validation: string[];
}

const FRACTION = rule<number>(
  'a number in (0, 1)',
  (value) => isNumberIn(value, 0, 1) && value !== 0 && value !== 1,
);

const SPLIT_RULES = {
  ...DRAW_RULES,
  validationFraction: optional(FRACTION, 0.1),
} satisfies Rules<PatientSplitOptions>;

/**
 * Splits patients, never slices, into training and validation.
 *
 * The sides have no patient in common and together contain all of them; the result depends on the set of patients and
 * on the seed, not on their order. With two patients (or persons, with `groupBy`) or more, neither side is empty; a
 * single one is used for training. Without `stratifyBy`, `round(validationFraction * patients)` of them are for
 * validation; with it, the patients are assigned label by label, rarest first, to the side that lacks most of that
 * label, so that the number can differ by a few.
 *
 * @param patientIds - Patient ids; may repeat, e.g. one per slice.
 * @throws ArgumentError for no patient, or an invalid option.
 * @example
 * ```ts
 * const { train, validation } = splitByPatient(study.patients, {
 *   seed: 1,
 *   stratifyBy: (patient) => patientLabels(study, patient),
 *   groupBy: (patient) => study.groupOf?.(patient) ?? patient,
 * });
 * ```
 * @see Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-label Data" (2011).
 */
export function splitByPatient(patientIds: readonly string[], options: PatientSplitOptions): PatientSplit {
  const { validationFraction, seed, ...grouping } = resolveOptions('splitByPatient', options, SPLIT_RULES);
  const groups = patientGroups('splitByPatient', patientIds, grouping);
  if (groups.length === 1) return { train: idsOf(groups), validation: [] };

  const shares = [validationFraction, 1 - validationFraction];
  const random = seededRandom(deriveSeed(seed, 'splitByPatient'));
  const [validation, train] = drawSubsets(groups, shares, random).map(idsOf);
  return { train: train!, validation: validation! };
}

/**
 * Options of {@link splitByShares}.
 *
 * @inline
 */
export interface ShareSplitOptions<Side extends string> extends PatientGrouping {
  /** Share of the patients (persons, with `groupBy`) of each side, above 0; their sum is 1. */
  shares: Readonly<Record<Side, number>>;
  /** Any integer; equal seeds give equal splits of equal patients. */
  seed: number;
}

const SHARE_RULES = {
  ...DRAW_RULES,
  shares: {
    check: (value: unknown, what: string) => {
      check(isRecord(value), what, 'a record of numbers', value);
      SHARES.check(Object.values(value), what);
    },
  },
} satisfies Rules<ShareSplitOptions<string>>;

/**
 * Splits patients, never slices, into any number of sides, like {@link splitByPatient} for two.
 *
 * No side is empty. Equal options give equal splits, in any order of the patients, but not of the sides.
 *
 * @param patientIds - Patient ids; may repeat, e.g. one per slice.
 * @returns The distinct patient ids of each side, sorted.
 * @throws ArgumentError for fewer patients (persons) than sides, or an invalid option.
 * @example
 * ```ts
 * const { train, validation, test } = splitByShares(study.patients, {
 *   shares: { train: 0.7, validation: 0.15, test: 0.15 },
 *   seed: 1,
 *   stratifyBy: (patient) => patientLabels(study, patient),
 * });
 * ```
 */
export function splitByShares<Side extends string>(
  patientIds: readonly string[],
  options: ShareSplitOptions<Side>,
): Record<Side, string[]> {
  const given: ShareSplitOptions<string> = options;
  const { shares, seed, ...grouping } = resolveOptions('splitByShares', given, SHARE_RULES);
  const groups = patientGroups('splitByShares', patientIds, grouping);
  const sides = Object.keys(shares) as Side[];
  const values = sides.map((side) => shares[side]!);
  const expected = `at least one patient (person) for each of ${sides.length} sides`;
  check(groups.length >= sides.length, 'splitByShares: patientIds', expected, patientIds);
  const random = seededRandom(deriveSeed(seed, 'splitByShares'));
  const subsets = drawSubsets(groups, values, random);
  return Object.fromEntries(sides.map((side, i) => [side, idsOf(subsets[i]!)])) as Record<Side, string[]>;
}
