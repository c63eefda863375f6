import { areProbabilities, check } from '../base/checks';
import { anything, optional, resolveOptions } from '../base/options';
import type { Labels } from '../base/types';
import { THRESHOLD, thresholdsOf, type ThresholdOptions } from '../metrics/decide';
import {
  BETA,
  countsOf,
  decisionRates,
  poolCounts,
  type DecisionCounts,
  type DecisionRates,
  type DecisionRatesOptions,
} from '../metrics/decision_counts';
import {
  definedMean,
  NAMED_ROWS,
  namedScores,
  pooledScores,
  type LabelledScores,
  type LabelRows,
} from '../metrics/labelled_scores';
import { BINS, brierScoreOf, calibrationErrorOf, logLossOf } from '../metrics/probability_errors';
import { averagePrecisionOf, rocAucOf } from '../metrics/ranking_metrics';
import { checkWeights, pooledLogLoss, WEIGHTS } from '../metrics/weighted_log_loss';

/**
 * Options of {@link evaluateProbabilities}.
 *
 * @inline
 */
export interface EvaluateProbabilitiesOptions extends ThresholdOptions {
  /** Label names, in the order of the columns. */
  labels: Labels;
  /** `[samples][labels]`: 0, 1, or -1 for "not labelled". */
  yTrue: LabelRows;
  /**
   * `[samples][labels]`, in [0, 1]: of slices, or of patients (see `patientLevel`), other than those the thresholds
   * were chosen on.
   */
  probabilities: LabelRows;
  /**
   * How many times as much recall counts as precision, above 0.
   * @defaultValue 2
   */
  beta?: number;
  /**
   * Share of samples that have the label where the model will be used, one for all or one per label; in [0, 1]. Without
   * it, there are no predictive values.
   */
  prevalence?: number | readonly number[];
  /**
   * Bins of the calibration error.
   * @defaultValue 15
   */
  bins?: number;
  /**
   * Weight of each label in the pooled log loss, at least 0 and not all 0.
   * @defaultValue 1 for each
   */
  weights?: readonly number[];
}

/**
 * Scores of decisions and probabilities; each is undefined if the data do not define it.
 *
 * @inline
 */
export interface ProbabilityScores extends DecisionRates {
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
}

/**
 * Scores of one label, and the data behind them.
 *
 * @inline
 */
export interface LabelReport extends ProbabilityScores {
  label: string;
  /** Labelled samples that have the label. */
  positives: number;
  /** Labelled samples that do not. */
  negatives: number;
  threshold: number;
  /** Prevalence of the predictive values, if one was given. */
  prevalence: number | undefined;
  /** The decisions, counted. */
  counts: DecisionCounts;
}

/** All scores of predictions: plain data, for a table or JSON (which drops undefined values). */
export interface ProbabilityReport {
  beta: number;
  /** One report per label, in order. */
  labels: LabelReport[];
  /** The entries of all labels pooled ("micro"); no predictive values if labels have separate prevalences. */
  pooled: ProbabilityScores & Pick<LabelReport, 'positives' | 'negatives' | 'counts'>;
  /** Mean over the labels that have the score ("macro"). */
  macro: ProbabilityScores;
}

/**
 * Computes every score of predictions in one call: for slices directly, for patients after `patientLevel`.
 *
 * Entries labelled -1 are ignored. A score that the data do not define is undefined, not 0: recall without a positive,
 * precision without a predicted positive, area under the ROC curve with one class.
 *
 * @throws ArgumentError for rows that do not fit the labels, other label values, a labelled probability outside [0, 1],
 * or a bad option.
 *
 * @example
 * ```ts
 * const { labels, pooled } = evaluateProbabilities({
 *   labels: CT_LABELS, yTrue, probabilities, threshold: manifest.thresholds, prevalence: 0.06,
 * });
 * console.table(labels);
 * ```
 */
export function evaluateProbabilities(options: EvaluateProbabilitiesOptions): ProbabilityReport {
  const fn = 'evaluateProbabilities';
  const resolved = resolveOptions(fn, options, RULES);
  const { labels, probabilities, beta, bins, weights } = resolved;
  const prevalence = resolved.prevalence as number | readonly number[] | undefined;
  const columns = namedScores(fn, options, probabilities, 'probability');
  const thresholds = thresholdsOf(`${fn}: threshold`, resolved.threshold, columns.length);
  checkPrevalence(fn, prevalence, columns.length);
  checkWeights(fn, weights, columns.length);

  const perLabel = columns.map((entries, i): LabelReport => {
    const share = typeof prevalence === 'object' ? prevalence[i]! : prevalence;
    const counts = countsOf(entries, thresholds[i]!);
    return {
      label: labels[i]!,
      ...support(entries),
      threshold: thresholds[i]!,
      prevalence: share,
      counts,
      ...scoresOf(entries, counts, { beta, prevalence: share }, bins),
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
      ...scoresOf(all, counts, { beta, prevalence: share }, bins),
      logLoss: pooledLogLoss(columns, weights),
    },
    macro: macroScores(perLabel),
  };
}

const RULES = {
  ...NAMED_ROWS,
  threshold: THRESHOLD,
  beta: BETA,
  prevalence: optional(anything),
  bins: BINS,
  weights: WEIGHTS,
};

const support = ({ positives, negatives }: LabelledScores) => ({
  positives: positives.length,
  negatives: negatives.length,
});

function scoresOf(
  entries: LabelledScores,
  counts: DecisionCounts,
  options: DecisionRatesOptions,
  bins: number,
): ProbabilityScores {
  return {
    ...decisionRates(counts, options),
    averagePrecision: averagePrecisionOf(entries),
    rocAuc: rocAucOf(entries),
    brierScore: brierScoreOf(entries),
    calibrationError: calibrationErrorOf(entries, bins),
    logLoss: logLossOf(entries),
  };
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
  const fits = areProbabilities(values) && (typeof prevalence !== 'object' || values.length === labels);
  check(fits, `${fn}: prevalence`, `a number in [0, 1], or one for each of ${labels} labels`, prevalence);
}
