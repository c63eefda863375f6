import { fBetaOfCounts, type DecisionCounts } from '../metrics/decision_counts';

/** Decisions on one patient: what F2 is made of. */
export type PatientCounts = Pick<DecisionCounts, 'tp' | 'fp' | 'fn'>;

/**
 * Standard error of the difference between two pooled F2 of the same patients: how much it depends on which patients there are.
 *
 * Delete-one jackknife over patients, `sqrt((n - 1) / n * sum((d_i - mean(d))^2))`, where `d_i` is the difference without patient `i`.
 *
 * @param a - Counts of each patient, from one set of predictions.
 * @param b - Of the same patients in the same order, from another.
 * @returns 0 for fewer than two patients.
 *
 * Efron and Stein, "The jackknife estimate of variance", Annals of Statistics 1981
 */
export function f2DifferenceNoise(a: readonly PatientCounts[], b: readonly PatientCounts[]): number {
  const n = a.length;
  if (n < 2) return 0;
  const [allA, allB] = [total(a), total(b)];
  const differences = a.map((own, i) => f2Without(allA, own) - f2Without(allB, b[i]!));
  const mean = differences.reduce((sum, d) => sum + d, 0) / n;
  return Math.sqrt(((n - 1) / n) * differences.reduce((sum, d) => sum + (d - mean) ** 2, 0));
}

const total = (counts: readonly PatientCounts[]): PatientCounts =>
  counts.reduce((sum, { tp, fp, fn }) => ({ tp: sum.tp + tp, fp: sum.fp + fp, fn: sum.fn + fn }), {
    tp: 0,
    fp: 0,
    fn: 0,
  });

const f2Without = (all: PatientCounts, { tp, fp, fn }: PatientCounts) =>
  fBetaOfCounts({ tp: all.tp - tp, fp: all.fp - fp, fn: all.fn - fn }) ?? 0;
