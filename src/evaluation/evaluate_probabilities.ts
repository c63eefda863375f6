import { check, checkKnownKeys } from '../base/errors';
import { averagePrecisionOf } from '../metrics/average_precision';
import { checkThreshold, type Threshold } from '../metrics/decide';
import {
  countsOf,
  decisionRates,
  fBetaOfCounts,
  poolCounts,
  type DecisionCounts,
} from '../metrics/decision_counts';
import {
  definedMean,
  labelledScores,
  pooledScores,
  type LabelledScores,
  type LabelRows,
} from '../metrics/labelled_scores';
import { predictiveValues } from '../metrics/predictive_values';
import { brierScoreOf, calibrationErrorOf, logLossOf } from '../metrics/probability_errors';
import { rocAucOf } from '../metrics/roc_auc';
import type { Labels } from '../base/types';

/** What {@link evaluateProbabilities} is given. */
export interface EvaluateProbabilitiesOptions {
  /** Label names, in the order of the columns. */
  labels: Labels;
  /** `[samples][labels]`: 0, 1, or -1 for "not labelled". */
  yTrue: LabelRows;
  /** `[samples][labels]`, in [0, 1]: of slices, or of patients (see {@link patientLevel}). */
  probabilities: LabelRows;
  /**
   * Probability from which on a label counts as present, one for all or one per label; chosen on other patients than these.
   * @defaultValue 0.5
   */
  thresholds?: Threshold;
  /**
   * How many times as much recall counts as precision, above 0.
   * @defaultValue 2
   */
  beta?: number;
  /**
   * Share of samples that have the label where the model will be used, one for all or one per label; in [0, 1]. Left out, there are no
   * predictive values.
   */
  prevalence?: number | readonly number[];
  /**
   * Bins of the calibration error.
   * @defaultValue 15
   */
  bins?: number;
  /**
   * How much each label counts in the pooled log loss, at least 0 and not all 0.
   * @defaultValue 1 for each
   */
  weights?: readonly number[];
}

/** Scores of decisions and probabilities; each is undefined where the data do not define it. */
export interface ProbabilityScores {
  /** F-beta of the decisions. */
  fBeta: number | undefined;
  /** Share of the found that have the label. */
  precision: number | undefined;
  /** Share of the positives that were found; also called sensitivity. */
  recall: number | undefined;
  /** Share of the negatives that were not found. */
  specificity: number | undefined;
  /** Average precision. */
  averagePrecision: number | undefined;
  /** Area under the ROC curve. */
  rocAuc: number | undefined;
  /** Mean squared difference of probability and label. */
  brierScore: number | undefined;
  /** Expected calibration error. */
  calibrationError: number | undefined;
  /** Log loss; of the pooled entries, weighted. */
  logLoss: number | undefined;
  /** Positive predictive value at the stated prevalence. */
  ppv: number | undefined;
  /** Negative predictive value at the stated prevalence. */
  npv: number | undefined;
}

/** Scores of one label, and what they rest on. */
export interface LabelReport extends ProbabilityScores {
  label: string;
  /** Labelled samples that have the label. */
  positives: number;
  /** Labelled samples that do not. */
  negatives: number;
  threshold: number;
  /** Share the predictive values are stated for, if one was given. */
  prevalence: number | undefined;
  /** The decisions, counted. */
  counts: DecisionCounts;
}

/** All scores of predictions: plain data, for a table or JSON (which drops what is undefined). */
export interface ProbabilityReport {
  beta: number;
  /** Each label by itself, in order. */
  labels: LabelReport[];
  /** The entries of all labels together ("micro"); no predictive values where labels have prevalences of their own. */
  pooled: ProbabilityScores & Pick<LabelReport, 'positives' | 'negatives' | 'counts'>;
  /** Mean over the labels that have the score ("macro"). */
  macro: ProbabilityScores;
}

/**
 * Every score of predictions in one call: of slices as they are, of patients after {@link patientLevel}.
 *
 * Entries labelled -1 are left out. A score that the data do not define is undefined, not 0: no recall without a positive, no
 * precision without a finding, no area under the ROC curve of one class.
 *
 * @throws {@link ArgumentError} for rows that do not fit the labels, other label values, a labelled probability outside [0, 1], or a
 * bad option.
 *
 * @example
 * ```ts
 * const { labels, pooled } = evaluateProbabilities({
 *   labels: CT_LABELS, yTrue, probabilities, thresholds: manifest.thresholds, prevalence: 0.06,
 * });
 * console.table(labels);
 * ```
 */
export function evaluateProbabilities(options: EvaluateProbabilitiesOptions): ProbabilityReport {
  const fn = 'evaluateProbabilities';
  checkKnownKeys(options, OPTIONS, fn);
  const {
    labels,
    yTrue,
    probabilities,
    thresholds = 0.5,
    beta = 2,
    prevalence,
    bins = 15,
    weights,
  } = options;
  const columns = labelledScores(fn, yTrue, probabilities, 'probability');
  check(labels.length === columns.length, `${fn}: labels`, `${columns.length} names, one per column`, labels);
  checkThreshold(fn, thresholds, columns.length);
  check(Number.isFinite(beta) && beta > 0, `${fn}: beta`, 'a finite number above 0', beta);
  check(Number.isInteger(bins) && bins > 0, `${fn}: bins`, 'an integer of at least 1', bins);
  checkPrevalence(fn, prevalence, columns.length);
  checkWeights(fn, weights, columns.length);

  const perLabel = columns.map((entries, i): LabelReport => {
    const threshold = typeof thresholds === 'number' ? thresholds : thresholds[i]!;
    const share = typeof prevalence === 'object' ? prevalence[i]! : prevalence;
    const counts = countsOf(entries, threshold);
    return {
      label: labels[i]!,
      ...support(entries),
      threshold,
      prevalence: share,
      counts,
      ...scoresOf(entries, counts, { beta, bins, prevalence: share }),
    };
  });
  const all = pooledScores(columns);
  const counts = poolCounts(perLabel.map((report) => report.counts));
  const share = typeof prevalence === 'number' ? prevalence : undefined;
  return {
    beta,
    labels: perLabel,
    pooled: {
      ...support(all),
      counts,
      ...scoresOf(all, counts, { beta, bins, prevalence: share }),
      logLoss: pooledLogLoss(perLabel, weights),
    },
    macro: macroScores(perLabel),
  };
}

const OPTIONS = ['labels', 'yTrue', 'probabilities', 'thresholds', 'beta', 'prevalence', 'bins', 'weights'];

const support = ({ positives, negatives }: LabelledScores) => ({
  positives: positives.length,
  negatives: negatives.length,
});

function scoresOf(
  entries: LabelledScores,
  counts: DecisionCounts,
  { beta, bins, prevalence }: { beta: number; bins: number; prevalence: number | undefined },
): ProbabilityScores {
  const rates = decisionRates(counts);
  const unknown = { ppv: undefined, npv: undefined };
  return {
    fBeta: fBetaOfCounts(counts, beta),
    ...rates,
    averagePrecision: averagePrecisionOf(entries),
    rocAuc: rocAucOf(entries),
    brierScore: brierScoreOf(entries),
    calibrationError: calibrationErrorOf(entries, bins),
    logLoss: logLossOf(entries),
    ...(prevalence === undefined ? unknown : predictiveValues(rates.recall, rates.specificity, prevalence)),
  };
}

/** Labels' losses together: a label counts by its weight and its number of entries, as in `weightedLogLoss`. */
function pooledLogLoss(
  labels: readonly LabelReport[],
  weights: readonly number[] = labels.map(() => 1),
): number | undefined {
  return definedMean(
    labels.map(({ logLoss }) => logLoss),
    labels.map(({ positives, negatives }, i) => weights[i]! * (positives + negatives)),
  );
}

function macroScores(labels: readonly LabelReport[]): ProbabilityScores {
  const mean = (score: keyof ProbabilityScores) => definedMean(labels.map((report) => report[score]));
  return {
    fBeta: mean('fBeta'),
    precision: mean('precision'),
    recall: mean('recall'),
    specificity: mean('specificity'),
    averagePrecision: mean('averagePrecision'),
    rocAuc: mean('rocAuc'),
    brierScore: mean('brierScore'),
    calibrationError: mean('calibrationError'),
    logLoss: mean('logLoss'),
    ppv: mean('ppv'),
    npv: mean('npv'),
  };
}

function checkPrevalence(
  fn: string,
  prevalence: number | readonly number[] | undefined,
  labels: number,
): void {
  const values = typeof prevalence === 'number' ? [prevalence] : (prevalence ?? []);
  const fits =
    values.every((value) => value >= 0 && value <= 1) &&
    (typeof prevalence !== 'object' || values.length === labels);
  check(fits, `${fn}: prevalence`, `a number in [0, 1], or one for each of ${labels} labels`, prevalence);
}

function checkWeights(fn: string, weights: readonly number[] | undefined, labels: number): void {
  const fits =
    weights === undefined ||
    (weights.length === labels &&
      weights.every((weight) => Number.isFinite(weight) && weight >= 0) &&
      weights.some((weight) => weight > 0));
  check(fits, `${fn}: weights`, `${labels} numbers of at least 0, one per label, not all 0`, weights);
}
