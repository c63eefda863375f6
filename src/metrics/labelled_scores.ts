import { check } from '../base/checks';
import { anything, oneOf, optional, resolveOptions, rule, type Rule } from '../base/options';
import { IGNORED_LABEL, type Labels } from '../base/types';

/**
 * `[samples][labels]`: labels (0, 1, or -1 for "not labelled") or scores, as returned by `await tensor.array()`.
 *
 * @inline
 */
export type LabelRows = readonly (readonly number[])[];

/**
 * Truth and probabilities of the slices of patients, as returned by `collectPredictions`.
 *
 * @inline
 */
export interface PatientRows {
  /** `[samples]`: the patient of each sample; a patient's samples need not be adjacent. */
  patients: readonly string[];
  /** `[samples][labels]`: 0, 1, or -1 for "not labelled". */
  yTrue: LabelRows;
  /** `[samples][labels]`, in [0, 1]. */
  probabilities: LabelRows;
}

/**
 * How the values of the labels are averaged, as in scikit-learn. `'micro'` pools the entries of all labels; `'macro'`
 * is the mean over the labels that have a value, `'weighted'` that mean weighted by the number of positives; `'none'`
 * returns one value per label.
 *
 * @inline
 */
export type LabelAverage = 'micro' | 'macro' | 'weighted' | 'none';

/**
 * Options of metrics that are computed per label.
 *
 * @inline
 */
export interface LabelAverageOptions<A extends LabelAverage = LabelAverage> {
  /**
   * How the values of the labels are averaged.
   * @defaultValue 'macro'
   */
  average?: A;
}

/**
 * A value per label or one for all; undefined if the data do not define it.
 *
 * @inline
 */
export type Averaged<A extends LabelAverage> = A extends 'none' ? (number | undefined)[] : number | undefined;

/** The labelled entries of a label: scores of those that have it, and of those that do not. */
export interface LabelledScores {
  positives: ArrayLike<number>;
  negatives: ArrayLike<number>;
}

/** Valid scores: `'probability'` for numbers in [0, 1], `'logit'` and `'score'` for any finite number. */
export type ScoreKind = 'probability' | 'logit' | 'score';

/**
 * Labelled entries of each label, in the order of the rows.
 *
 * @throws ArgumentError for rows that are missing or differ in shape, a label other than 0, 1 and -1, or an invalid
 * score of a labelled entry: NaN is always invalid.
 */
export function labelledScores(
  fn: string,
  yTrue: LabelRows,
  scores: LabelRows,
  kind: ScoreKind,
): LabelledScores[] {
  const { name, form } = KINDS[kind];
  check(
    Array.isArray(scores as unknown) && scores.length > 0 && (scores[0]?.length ?? 0) > 0,
    `${fn}: ${name}`,
    `rows of ${form}, one number per label, at least one row`,
    scores,
  );
  const labels = scores[0]!.length;
  check(
    Array.isArray(yTrue as unknown) && yTrue.length === scores.length,
    `${fn}: yTrue`,
    `${scores.length} rows, as the ${name} have`,
    yTrue,
  );
  const columns = Array.from({ length: labels }, () => ({
    positives: [] as number[],
    negatives: [] as number[],
  }));
  scores.forEach((row, i) => {
    const truth = yTrue[i]!;
    check(row.length === labels, `${fn}: ${name}[${i}]`, `${labels} numbers, as in the first row`, row);
    check(truth.length === labels, `${fn}: yTrue[${i}]`, `${labels} labels, as the ${name} have`, truth);
    for (let label = 0; label < labels; label++) {
      const side = sideOf(fn, truth[label]!, row[label]!, kind);
      if (side) columns[label]![side].push(row[label]!);
    }
  });
  return columns;
}

/**
 * A score of rows: per label by `scoreOf`, and averaged according to the option.
 *
 * @throws ArgumentError as {@link labelledScores}, and for an invalid option.
 */
export function scoreOfRows<A extends LabelAverage>(
  fn: string,
  yTrue: LabelRows,
  scores: LabelRows,
  kind: ScoreKind,
  options: LabelAverageOptions<A>,
  scoreOf: (entries: LabelledScores) => number | undefined,
): Averaged<A> {
  const { average } = resolveOptions(fn, options, { average: averageRule<A>() });
  return averaged(labelledScores(fn, yTrue, scores, kind), scoreOf, average);
}

/** {@link labelledScores} of rows whose columns have names. */
export function namedScores(
  fn: string,
  { labels, yTrue }: { labels: Labels; yTrue: LabelRows },
  scores: LabelRows,
  kind: ScoreKind,
): LabelledScores[] {
  const columns = labelledScores(fn, yTrue, scores, kind);
  check(labels.length === columns.length, `${fn}: labels`, `${columns.length} names, one per column`, labels);
  return columns;
}

/** Rules of the options that {@link namedScores} checks. */
export const NAMED_ROWS = {
  labels: rule<Labels>('a list of names', Array.isArray),
  yTrue: anything,
  probabilities: anything,
};

/** {@link labelledScores} for a single label. */
export function labelledScoresOf(
  fn: string,
  yTrue: ArrayLike<number>,
  scores: ArrayLike<number>,
  kind: ScoreKind = 'score',
): LabelledScores {
  check(yTrue.length === scores.length, `${fn}: yTrue`, `${scores.length} labels, one per score`, yTrue);
  const positives: number[] = [];
  const negatives: number[] = [];
  for (let i = 0; i < scores.length; i++) {
    const side = sideOf(fn, yTrue[i]!, scores[i]!, kind);
    if (side) (side === 'positives' ? positives : negatives).push(scores[i]!);
  }
  return { positives, negatives };
}

/** The class of an entry; undefined if it is not labelled. */
function sideOf(fn: string, label: number, score: number, kind: ScoreKind): keyof LabelledScores | undefined {
  if (label === IGNORED_LABEL) return undefined;
  check(label === 0 || label === 1, `${fn}: yTrue`, '0, 1, or -1 for "not labelled"', label);
  const { name, form } = KINDS[kind];
  // JSON makes null of NaN, which compares as 0
  const fits = Number.isFinite(score) && (kind !== 'probability' || (score >= 0 && score <= 1));
  check(fits, `${fn}: ${name}`, form, score);
  return label === 1 ? 'positives' : 'negatives';
}

/**
 * The number of patients with each label.
 *
 * @param patients - `[samples]`: the patient of each sample; if missing, each sample is a separate patient.
 * @throws ArgumentError unless there is one patient per sample.
 */
export function positivePatients(
  fn: string,
  yTrue: LabelRows,
  patients: readonly string[] | undefined,
): number[] {
  if (patients !== undefined) checkPatients(fn, patients, yTrue.length);
  return yTrue[0]!.map((_, label) => {
    const positive = yTrue.flatMap((row, i) => (row[label] === 1 ? [patients?.[i] ?? i] : []));
    return new Set(positive).size;
  });
}

/** Checks that there is one patient per sample. */
export function checkPatients(fn: string, patients: readonly string[], samples: number): void {
  const fits = Array.isArray(patients as unknown) && patients.length === samples;
  check(fits, `${fn}: patients`, `one for each of ${samples} samples`, patients);
}

/** The entries of all labels pooled. */
export function pooledScores(columns: readonly LabelledScores[]): LabelledScores {
  const pool = (side: keyof LabelledScores) => columns.flatMap((column) => Array.from(column[side]));
  return { positives: pool('positives'), negatives: pool('negatives') };
}

/** A metric of one label, averaged over labels. */
function averaged<A extends LabelAverage>(
  columns: readonly LabelledScores[],
  metric: (scores: LabelledScores) => number | undefined,
  average: A,
): Averaged<A> {
  if (average === 'micro') return metric(pooledScores(columns)) as Averaged<A>;
  const values = columns.map(metric);
  if (average === 'none') return values as Averaged<A>;
  const weights = columns.map(({ positives }) => (average === 'weighted' ? positives.length : 1));
  return definedMean(values, weights) as Averaged<A>;
}

/** Weighted mean of the defined values; undefined if there are none or all weights are 0. */
export function definedMean(
  values: readonly (number | undefined)[],
  weights: readonly number[] = values.map(() => 1),
): number | undefined {
  let [sum, total] = [0, 0];
  values.forEach((value, i) => {
    if (value === undefined) return;
    sum += value * weights[i]!;
    total += weights[i]!;
  });
  return total === 0 ? undefined : sum / total;
}

/** The rule of the option `average`. */
export const averageRule = <A extends LabelAverage>() =>
  optional(oneOf(['micro', 'macro', 'weighted', 'none']), 'macro') as Rule<LabelAverage> as Rule<A>;

const KINDS: Record<ScoreKind, { name: string; form: string }> = {
  probability: { name: 'probabilities', form: 'numbers in [0, 1]' },
  logit: { name: 'logits', form: 'finite numbers' },
  score: { name: 'scores', form: 'finite numbers' },
};
