import { check } from '../../base/checks';
import { anything, optional, positiveInteger, resolveOptions, type Rules } from '../../base/options';
import { deriveSeed, seededRandom, type Random } from '../../base/random';
import { drawSubsets, DRAW_RULES, idsOf, patientGroups } from './patient_groups';
import type { PatientGroup, PatientGrouping } from './patient_groups';

/**
 * Options of {@link kFoldByPatient}.
 *
 * @inline
 */
export interface KFoldOptions extends PatientGrouping {
  /**
   * Number of folds, from 2 to the number of patients (or persons, with `groupBy`).
   * @defaultValue 5
   */
  folds?: number;
  /**
   * Number of times that all patients are divided into new folds.
   * @defaultValue 1
   */
  repeats?: number;
  /** Any integer; equal seeds give equal folds of equal patients. */
  seed: number;
}

/**
 * One fold of {@link kFoldByPatient}; ids are distinct and sorted.
 *
 * @inline
 */
export interface PatientFold {
  /** The draw, from 0. */
  repeat: number;
  /** The fold within its draw, from 0. */
  fold: number;
  /** Patients of all other folds. */
  train: string[];
  /** Patients of this fold. */
  validation: string[];
}

const RULES = {
  ...DRAW_RULES,
  folds: optional(anything, 5), // checked below, since the number of patients is the limit
  repeats: optional(positiveInteger, 1),
} satisfies Rules<KFoldOptions>;

/**
 * Splits patients, never slices, into folds for cross-validation: each is in the validation side once per repeat.
 *
 * With `stratifyBy` the patients are assigned label by label, rarest first, to the fold that lacks most of that label:
 * the label assigned first is in every fold if it has as many patients as there are folds. Without it, the folds differ
 * by one patient at most. No fold is empty. The draw depends on the set of patients and on the seed, not on their
 * order.
 *
 * @param patientIds - Patient ids; may repeat, e.g. one per slice.
 * @returns The folds of the first repeat, then those of the second, and so on.
 * @throws ArgumentError for fewer patients (persons) than folds, or an invalid option.
 * @example
 * ```ts
 * const folds = kFoldByPatient(study.patients, {
 *   folds: 5,
 *   seed: 1,
 *   stratifyBy: (patient) => patientLabels(study, patient),
 *   groupBy: (patient) => study.groupOf?.(patient) ?? patient,
 * });
 * for (const { train, validation } of folds) console.log(train.length, validation.length);
 * ```
 * @see Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-label Data" (2011).
 */
export function kFoldByPatient(patientIds: readonly string[], options: KFoldOptions): PatientFold[] {
  const fn = 'kFoldByPatient';
  const { folds, repeats, seed, ...grouping } = resolveOptions(fn, options, RULES);
  const groups = patientGroups(fn, patientIds, grouping);
  checkFolds(`${fn}: folds`, folds, groups.length);
  return Array.from({ length: repeats }, (_, repeat) =>
    drawFolds(groups, folds, seededRandom(deriveSeed(seed, fn, repeat))).map(({ rest, held }, fold) => ({
      repeat,
      fold,
      train: idsOf(rest),
      validation: idsOf(held),
    })),
  ).flat();
}

/**
 * Options of {@link nestedKFoldByPatient}.
 *
 * @inline
 */
export interface NestedKFoldOptions extends PatientGrouping {
  /**
   * Number of outer folds, each the test side once, from 2 to the number of patients (or persons, with `groupBy`).
   * @defaultValue 5
   */
  outerFolds?: number;
  /**
   * Number of folds that each outer training side is divided into, from 2 to the number of its patients (persons).
   * @defaultValue 4
   */
  innerFolds?: number;
  /** Any integer; equal seeds give equal folds of equal patients. */
  seed: number;
}

/**
 * One outer fold of {@link nestedKFoldByPatient}; ids are distinct and sorted.
 *
 * @inline
 */
export interface NestedPatientFold {
  /** The outer fold, from 0. */
  fold: number;
  /** Patients of all other outer folds. */
  train: string[];
  /** Patients of this outer fold, which are in none of its inner folds. */
  test: string[];
  /** Folds within `train`. */
  inner: {
    /** The inner fold, from 0. */
    fold: number;
    /** Patients of all other inner folds. */
    train: string[];
    /** Patients of this inner fold. */
    validation: string[];
  }[];
}

const NESTED_RULES = {
  ...DRAW_RULES,
  ...{ outerFolds: optional(anything, 5), innerFolds: optional(anything, 4) }, // checked below
} satisfies Rules<NestedKFoldOptions>;

/**
 * Nested cross-validation by patient: outer folds for the estimate, and within each outer training side inner folds for
 * choices (thresholds, epochs, options), so that no choice depends on the test side.
 *
 * Both levels are drawn as in {@link kFoldByPatient}.
 *
 * @param patientIds - Patient ids; may repeat, e.g. one per slice.
 * @throws ArgumentError for too few patients (persons) for the folds, or an invalid option.
 * @example
 * ```ts
 * for (const { train, test, inner } of nestedKFoldByPatient(study.patients, { seed: 1 })) {
 *   for (const { train, validation } of inner) console.log(train.length, validation.length); // choose settings here
 *   console.log(train.length, test.length); // train with them, and report
 * }
 * ```
 */
export function nestedKFoldByPatient(
  patientIds: readonly string[],
  options: NestedKFoldOptions,
): NestedPatientFold[] {
  const fn = 'nestedKFoldByPatient';
  const { outerFolds, innerFolds, seed, ...grouping } = resolveOptions(fn, options, NESTED_RULES);
  const groups = patientGroups(fn, patientIds, grouping);
  checkFolds(`${fn}: outerFolds`, outerFolds, groups.length);
  const outer = drawFolds(groups, outerFolds, seededRandom(deriveSeed(seed, fn)));
  return outer.map(({ rest, held }, fold) => {
    checkFolds(`${fn}: innerFolds`, innerFolds, rest.length);
    const inner = drawFolds(rest, innerFolds, seededRandom(deriveSeed(seed, fn, fold)));
    return {
      fold,
      train: idsOf(rest),
      test: idsOf(held),
      inner: inner.map((division, i) => ({
        fold: i,
        train: idsOf(division.rest),
        validation: idsOf(division.held),
      })),
    };
  });
}

/** Divides groups into folds at random; returns each fold with the groups of all others. */
function drawFolds(groups: readonly PatientGroup[], folds: number, random: Random) {
  const drawn = drawSubsets(groups, Array<number>(folds).fill(1 / folds), random);
  return drawn.map((held, fold) => ({ held, rest: drawn.filter((_, other) => other !== fold).flat() }));
}

function checkFolds(what: string, folds: number, groups: number): void {
  const possible = Number.isInteger(folds) && folds >= 2 && folds <= groups;
  check(possible, what, `an integer from 2 to the number of patients (persons), which is ${groups}`, folds);
}
