import { check } from '../../base/checks';
import { optional, resolveOptions, type Rules } from '../../base/options';
import { DRAW_RULES, patientGroups, SHARES } from './patient_groups';
import type { PatientGrouping, PatientLabels } from './patient_groups';

/**
 * Options of {@link splitMeasures}.
 *
 * @inline
 */
export interface SplitMeasuresOptions extends Pick<PatientGrouping, 'groupBy'> {
  /**
   * Share of the patients that each fold should have; their sum is 1.
   * @defaultValue equal shares
   */
  shares?: readonly number[];
}

const RULES = { shares: optional(SHARES), groupBy: DRAW_RULES.groupBy } satisfies Rules<SplitMeasuresOptions>;

/**
 * How evenly patients and labels are split; smaller is more even. See {@link splitMeasures}.
 *
 * @inline
 */
export interface SplitMeasures {
  /** LD: mean difference of the odds of a label between a fold and all patients. */
  labelDistribution: number;
  /** ED: mean difference between a fold's number of patients and the number it should have. */
  exampleDistribution: number;
  /** FZ: number of folds without a patient of at least one label. */
  foldsWithoutPositives: number;
  /** FLZ: number of pairs of a fold and a label that none of its patients has. */
  foldLabelPairsWithoutPositives: number;
}

/**
 * The measures of the paper on stratifying multi-label data, for folds `S_j` of all patients `D`:
 *
 * `LD = mean over labels i, mean over folds j of | p(S_j, i) / (|S_j| - p(S_j, i)) - p(D, i) / (|D| - p(D, i)) |`, `p`
 * being the number of patients with the label; `ED = mean over j of | |S_j| - share_j |D| |`.
 *
 * LD is infinite if all patients of a fold have a label, but not all of `D`. With `groupBy`, persons are counted.
 *
 * @param folds - The patients of each fold, such as the validation sides of `kFoldByPatient`; none may be in two folds.
 * @param stratifyBy - Labels of each patient.
 * @throws ArgumentError for an empty fold, a patient (person) in two folds, or labels that are not 0 and 1.
 * @example
 * ```ts
 * const folds = kFoldByPatient(study.patients, { seed: 1, stratifyBy });
 * splitMeasures(folds.map(({ validation }) => validation), stratifyBy).labelDistribution;
 * ```
 * @see Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-label Data" (2011), section 4.
 */
export function splitMeasures(
  folds: readonly (readonly string[])[],
  stratifyBy: PatientLabels,
  options: SplitMeasuresOptions = {},
): SplitMeasures {
  const fn = 'splitMeasures';
  const { shares: given, groupBy } = resolveOptions(fn, options, RULES);
  const areFolds =
    Array.isArray(folds) && folds.length > 0 && folds.every((fold) => Array.isArray(fold) && fold.length > 0);
  check(areFolds, `${fn}: folds`, 'a list of lists of at least one patient id', folds);
  const shares = given ?? folds.map(() => 1 / folds.length);
  const expected = `${folds.length} numbers, one for each fold`;
  check(shares.length === folds.length, `${fn}: shares`, expected, shares);

  const groups = patientGroups(fn, folds.flat(), { stratifyBy, groupBy });
  const members = folds.map((fold) => new Set(fold));
  const foldOf = groups.map(({ patients }) => {
    const found = members.flatMap((fold, j) => (patients.some((patient) => fold.has(patient)) ? [j] : []));
    check(found.length === 1, `${fn}: folds`, 'each patient (person) in one fold', patients);
    return found[0]!;
  });
  const sizes = folds.map((_, j) => foldOf.filter((fold) => fold === j).length);
  const positives = groups[0]!.labels!.map((_, label) =>
    folds.map((_, j) => groups.filter((group, i) => foldOf[i] === j && group.labels![label] === 1).length),
  );

  const oddsErrors = positives.map((inFolds) => {
    const all = odds(sum(inFolds), groups.length);
    return mean(inFolds.map((count, j) => difference(odds(count, sizes[j]!), all)));
  });
  return {
    labelDistribution: oddsErrors.length === 0 ? 0 : mean(oddsErrors),
    exampleDistribution: mean(sizes.map((size, j) => Math.abs(size - shares[j]! * groups.length))),
    foldsWithoutPositives: folds.filter((_, j) => positives.some((inFolds) => inFolds[j] === 0)).length,
    foldLabelPairsWithoutPositives: positives.flat().filter((count) => count === 0).length,
  };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]) => sum(values) / values.length;
const odds = (positive: number, all: number) => positive / (all - positive);
/** Infinite odds are equal to one another. */
const difference = (a: number, b: number) => (a === b ? 0 : Math.abs(a - b));
