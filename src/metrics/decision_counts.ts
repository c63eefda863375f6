import { check } from '../base/checks';
import { optional, resolveOptions, rule, share as fraction } from '../base/options';
import { THRESHOLD, thresholdsOf, type ThresholdOptions } from './decide';
import {
  checkPatients,
  labelledScores,
  type LabelledScores,
  type LabelRows,
  type PatientRows,
} from './labelled_scores';

/**
 * True and false positives and negatives.
 *
 * @inline
 */
export interface DecisionCounts {
  /** Present and predicted. */
  tp: number;
  /** Absent but predicted. */
  fp: number;
  /** Present but missed. */
  fn: number;
  /** Absent and not predicted. */
  tn: number;
}

/**
 * Options of {@link decisionRates}.
 *
 * @inline
 */
export interface DecisionRatesOptions {
  /**
   * How many times as much recall counts as precision in F-beta, above 0.
   * @defaultValue 2
   */
  beta?: number;
  /**
   * Share of patients (or slices, if the counts are of slices) that have the label where the model will be used, in [0,
   * 1]. Without it, there are no predictive values.
   */
  prevalence?: number;
}

/**
 * Rates of {@link DecisionCounts}; undefined if the denominator is 0.
 *
 * @inline
 */
export interface DecisionRates {
  /** F-beta; undefined without any positive or any predicted positive. */
  fBeta: number | undefined;
  /** `tp / (tp + fp)`: share of predicted positives that have the label; undefined without any. */
  precision: number | undefined;
  /** `tp / (tp + fn)`, also called sensitivity: share of positives that were predicted; undefined without any. */
  recall: number | undefined;
  /** `tn / (tn + fp)`: share of negatives that were not predicted; undefined without any. */
  specificity: number | undefined;
  /** Positive predictive value at the given prevalence: share of predicted positives that have the label. */
  ppv: number | undefined;
  /** Negative predictive value at the given prevalence: share of predicted negatives that do not have the label. */
  npv: number | undefined;
}

/**
 * Counts decisions per label.
 *
 * @param yTrue - `[samples][labels]`, 0, 1, or -1 for "not labelled", which is ignored.
 * @param probabilities - `[samples][labels]`; compared as float32, as {@link decide} does.
 *
 * @throws ArgumentError for rows that differ in shape, other labels, a labelled entry or a threshold outside [0, 1].
 *
 * @example
 * ```ts
 * const [ich, sdh] = countDecisions([[1, 0], [0, 1]], [[0.9, 0.6], [0.2, 0.7]], { threshold: [0.5, 0.5] });
 * // ich { tp: 1, fp: 0, fn: 0, tn: 1 }, sdh { tp: 1, fp: 1, fn: 0, tn: 0 }
 * ```
 */
export function countDecisions(
  yTrue: LabelRows,
  probabilities: LabelRows,
  options: ThresholdOptions = {},
): DecisionCounts[] {
  return counted('countDecisions', yTrue, probabilities, options);
}

/**
 * {@link countDecisions} per patient, as needed for intervals that resample patients.
 *
 * @returns `[patients][labels]`, in the order in which the patients first appear.
 * @throws ArgumentError as {@link countDecisions}, and unless there is one patient per sample.
 *
 * @example
 * ```ts
 * const counts = countDecisionsByPatient(await collectPredictions(model, test), { threshold: thresholds });
 * const f2 = bootstrapInterval(counts.map(poolCounts), (sample) => decisionRates(poolCounts(sample)).fBeta);
 * ```
 */
export function countDecisionsByPatient(
  { patients, yTrue, probabilities }: PatientRows,
  options: ThresholdOptions = {},
): DecisionCounts[][] {
  const fn = 'countDecisionsByPatient';
  // checked all at once, so that an error has the caller's index of the sample
  counted(fn, yTrue, probabilities, options);
  checkPatients(fn, patients, yTrue.length);
  const samples = new Map<string, number[]>();
  patients.forEach((patient, i) => {
    const own = samples.get(patient);
    if (own) own.push(i);
    else samples.set(patient, [i]);
  });
  const of = (rows: LabelRows, own: readonly number[]) => own.map((i) => rows[i]!);
  return [...samples.values()].map((own) => counted(fn, of(yTrue, own), of(probabilities, own), options));
}

/**
 * Sum of counts over labels or patients.
 *
 * @example
 * ```ts
 * const perLabel = countDecisions([[1, 0]], [[0.9, 0.8]]);
 * poolCounts(perLabel); // { tp: 1, fp: 1, fn: 0, tn: 0 }
 * ```
 */
export function poolCounts(counts: readonly DecisionCounts[]): DecisionCounts {
  const sum = { tp: 0, fp: 0, fn: 0, tn: 0 };
  for (const { tp, fp, fn, tn } of counts) {
    sum.tp += tp;
    sum.fp += fp;
    sum.fn += fn;
    sum.tn += tn;
  }
  return sum;
}

/**
 * F-beta, precision, recall (sensitivity) and specificity of counts, and the predictive values at a given prevalence.
 *
 * `F = (1 + beta²) tp / ((1 + beta²) tp + beta² fn + fp)`, undefined where `fBetaScore` returns `zeroDivision`.
 *
 * Predictive values tell what a decision means where the model will be used, rather than in the test set, whose share
 * of positives is often larger: `PPV = sens * prev / (sens * prev + (1 - spec) (1 - prev))`,
 * `NPV = spec (1 - prev) / (spec (1 - prev) + (1 - sens) prev)` (Bayes). Good ranking is not enough: a model with an
 * area under the ROC curve of .84 (sensitivity 73%, specificity 79%) had a positive predictive value of 19% in an
 * emergency department where 6% of the scans showed a hemorrhage (Abrigo et al.).
 *
 * @throws ArgumentError for counts that are not numbers of at least 0, or an invalid option.
 *
 * @example
 * ```ts
 * decisionRates({ tp: 8, fp: 2, fn: 2, tn: 88 }); // { fBeta: 0.8, precision: 0.8, recall: 0.8, specificity: 0.977…, … }
 * decisionRates({ tp: 73, fp: 21, fn: 27, tn: 79 }, { prevalence: 0.061 }).ppv; // 0.18
 * ```
 *
 * @see van Rijsbergen, "Information Retrieval", 1979, chapter 7; Altman and Bland, "Diagnostic tests 2: Predictive
 * values", BMJ 1994; Abrigo et al., "Artificial intelligence for detection of intracranial haemorrhage on head computed
 * tomography scans: diagnostic accuracy in Hong Kong", Hong Kong Medical Journal 2023.
 */
export function decisionRates(counts: DecisionCounts, options: DecisionRatesOptions = {}): DecisionRates {
  const name = 'decisionRates';
  const { beta, prevalence } = resolveOptions(name, options, RULES);
  const { tp, fp, fn, tn } = counts;
  const areCounts = [tp, fp, fn, tn].every((count) => Number.isFinite(count) && count >= 0);
  check(areCounts, `${name}: counts`, 'numbers of at least 0', counts);
  const recall = share(tp, fn);
  const specificity = share(tn, fp);
  const knows = recall !== undefined && specificity !== undefined && prevalence !== undefined;
  return {
    fBeta: fBetaOf(counts, beta),
    precision: share(tp, fp),
    recall,
    specificity,
    ppv: knows ? share(recall * prevalence, (1 - specificity) * (1 - prevalence)) : undefined,
    npv: knows ? share(specificity * (1 - prevalence), (1 - recall) * prevalence) : undefined,
  };
}

const share = (part: number, rest: number) => (part + rest === 0 ? undefined : part / (part + rest));

/** The rule of the option `beta`. */
export const BETA = optional(
  rule<number>('a finite number above 0', (beta) => Number.isFinite(beta) && (beta as number) > 0),
  2,
);

const RULES = {
  beta: BETA,
  prevalence: optional(fraction),
};

/** Weights of a true positive and a false negative in F-beta, relative to a false positive. */
export function fBetaWeights(beta: number): { hit: number; miss: number } {
  // beyond this, F-beta equals the recall to float precision, and the square overflows
  const miss = Math.min(beta ** 2, 1e20);
  return { hit: 1 + miss, miss };
}

/** F-beta of counts; undefined without any positive or any predicted positive. */
export function fBetaOf(
  { tp, fp, fn }: Pick<DecisionCounts, 'tp' | 'fp' | 'fn'>,
  beta = 2,
): number | undefined {
  const { hit, miss } = fBetaWeights(beta);
  return share(hit * tp, miss * fn + fp);
}

/** F2 of all labels pooled and per label; undefined for a label without a positive. */
export const f2OfLabels = (counts: readonly DecisionCounts[]) => ({
  f2: fBetaOf(poolCounts(counts)),
  f2PerLabel: counts.map((count) => (count.tp + count.fn === 0 ? undefined : fBetaOf(count))),
});

function counted(
  fn: string,
  yTrue: LabelRows,
  probabilities: LabelRows,
  options: ThresholdOptions,
): DecisionCounts[] {
  const { threshold } = resolveOptions(fn, options, { threshold: THRESHOLD });
  const columns = labelledScores(fn, yTrue, probabilities, 'probability');
  const thresholds = thresholdsOf(`${fn}: threshold`, threshold, columns.length);
  return columns.map((entries, label) => countsOf(entries, thresholds[label]!));
}

/** Counts for one label. */
export function countsOf({ positives, negatives }: LabelledScores, threshold: number): DecisionCounts {
  const limit = Math.fround(threshold);
  const found = (scores: ArrayLike<number>) => {
    let count = 0;
    for (let i = 0; i < scores.length; i++) if (Math.fround(scores[i]!) >= limit) count++;
    return count;
  };
  const [tp, fp] = [found(positives), found(negatives)];
  return { tp, fp, fn: positives.length - tp, tn: negatives.length - fp };
}
