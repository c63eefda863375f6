import { check } from '../base/errors';
import { checkThreshold, type Threshold } from './decide';
import { labelledScores, type LabelledScores, type LabelRows } from './labelled_scores';

/** True and false positives and negatives, as plain numbers. */
export interface DecisionCounts {
  /** Present and found. */
  tp: number;
  /** Absent but found. */
  fp: number;
  /** Present but missed. */
  fn: number;
  /** Absent and not found. */
  tn: number;
}

/** Rates of {@link DecisionCounts}; undefined where there is nothing to take a share of. */
export interface DecisionRates {
  /** `tp / (tp + fp)`: share of the found that have the label; undefined where nothing was found. */
  precision: number | undefined;
  /** `tp / (tp + fn)`, also called sensitivity: share of the positives that were found; undefined without a positive. */
  recall: number | undefined;
  /** `tn / (tn + fp)`: share of the negatives that were not found; undefined without a negative. */
  specificity: number | undefined;
}

/**
 * Counts decisions on plain numbers, label by label: what {@link confusionCounts} does on tensors, with the same decisions.
 *
 * @param yTrue - `[samples][labels]`, 0, 1, or -1 for "not labelled", which counts nowhere.
 * @param probabilities - `[samples][labels]`; compared as float32, as {@link decide} does.
 * @param threshold - One for all labels, or one per label.
 *
 * @throws {@link ArgumentError} for rows that differ in shape, other labels, a labelled entry or a threshold outside [0, 1].
 *
 * @example
 * ```ts
 * const [ich, sdh] = countDecisions([[1, 0], [0, 1]], [[0.9, 0.6], [0.2, 0.7]], [0.5, 0.5]);
 * // ich { tp: 1, fp: 0, fn: 0, tn: 1 }, sdh { tp: 1, fp: 1, fn: 0, tn: 0 }
 * ```
 */
export function countDecisions(
  yTrue: LabelRows,
  probabilities: LabelRows,
  threshold: Threshold = 0.5,
): DecisionCounts[] {
  const columns = labelledScores('countDecisions', yTrue, probabilities, 'probability');
  checkThreshold('countDecisions', threshold, columns.length);
  return columns.map((entries, label) =>
    countsOf(entries, typeof threshold === 'number' ? threshold : threshold[label]!),
  );
}

/**
 * {@link countDecisions} for each patient by itself: what intervals that draw patients anew are made from.
 *
 * @param patients - `[samples]`: whose each sample is; a patient's samples may lie apart.
 * @param yTrue - `[samples][labels]`, as {@link countDecisions} takes it, and the others too.
 *
 * @returns `[patients][labels]`, in the order in which the patients first come.
 * @throws {@link ArgumentError} as {@link countDecisions}, or unless there is one patient a sample.
 *
 * @example
 * ```ts
 * const { patients, yTrue, probabilities } = await collectPredictions(model, test);
 * const counts = countDecisionsByPatient(patients, yTrue, probabilities, thresholds);
 * const { estimate, low, high } = bootstrapFBeta(counts.map(poolCounts));
 * ```
 */
export function countDecisionsByPatient(
  patients: readonly string[],
  yTrue: LabelRows,
  probabilities: LabelRows,
  threshold: Threshold = 0.5,
): DecisionCounts[][] {
  const fn = 'countDecisionsByPatient';
  // of all at once, so that an error names the sample as the caller counts it
  const labels = labelledScores(fn, yTrue, probabilities, 'probability').length;
  checkThreshold(fn, threshold, labels);
  const fits = Array.isArray(patients as unknown) && patients.length === yTrue.length;
  check(fits, `${fn}: patients`, `one for each of ${yTrue.length} samples`, patients);
  const samples = new Map<string, number[]>();
  patients.forEach((patient, i) => {
    const own = samples.get(patient);
    if (own) own.push(i);
    else samples.set(patient, [i]);
  });
  return [...samples.values()].map((own) =>
    countDecisions(
      own.map((i) => yTrue[i]!),
      own.map((i) => probabilities[i]!),
      threshold,
    ),
  );
}

/**
 * Sum of counts, of labels or of patients.
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
 * Precision, recall (sensitivity) and specificity of counts.
 *
 * @example
 * ```ts
 * decisionRates({ tp: 8, fp: 2, fn: 2, tn: 88 }); // { precision: 0.8, recall: 0.8, specificity: 0.977… }
 * ```
 */
export function decisionRates({ tp, fp, fn, tn }: DecisionCounts): DecisionRates {
  const share = (part: number, rest: number) => (part + rest === 0 ? undefined : part / (part + rest));
  return { precision: share(tp, fp), recall: share(tp, fn), specificity: share(tn, fp) };
}

/**
 * F-beta of counts, `(1 + beta²) tp / ((1 + beta²) tp + beta² fn + fp)`; undefined where there is neither a positive nor a finding
 * (where {@link fBetaScore} has its `zeroDivision`).
 *
 * @example
 * ```ts
 * fBetaOfCounts({ tp: 8, fp: 4, fn: 2 }); // 0.769…, F2
 * fBetaOfCounts({ tp: 0, fp: 0, fn: 0 }); // undefined
 * ```
 */
export function fBetaOfCounts(
  { tp, fp, fn }: Pick<DecisionCounts, 'tp' | 'fp' | 'fn'>,
  beta = 2,
): number | undefined {
  const weight = beta ** 2;
  const total = (1 + weight) * tp + weight * fn + fp;
  return total === 0 ? undefined : ((1 + weight) * tp) / total;
}

/** Counts of one label. */
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
