import { optional, positiveInteger, resolveOptions } from '../base/options';
import {
  averageRule,
  labelledScoresOf,
  type Averaged,
  type LabelAverage,
  type LabelAverageOptions,
  type LabelledScores,
  scoreOfRows,
  type LabelRows,
} from './labelled_scores';

/**
 * Brier score: mean squared difference of probability and label, `mean (p - y)²`; lower is better, 0.25 for
 * probabilities of 0.5; equals scikit-learn's `brier_score_loss`.
 *
 * `yTrue` and `probabilities` are `[samples][labels]`. `yTrue` is 0 or 1, or -1 for "not labelled": such entries are
 * ignored. A label without any labelled entry has no score: it is `undefined`, and `'macro'` leaves it out.
 *
 * @throws ArgumentError for rows that differ in shape, other labels, a labelled entry that is not in [0, 1], or an
 * invalid option.
 *
 * @example
 * ```ts
 * const perLabel = brierScore(yTrue, probabilities, { average: 'none' });
 * ```
 *
 * @see Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 1950.
 */
export function brierScore<A extends LabelAverage = 'macro'>(
  yTrue: LabelRows,
  probabilities: LabelRows,
  options: LabelAverageOptions<A> = {},
): Averaged<A> {
  return scoreOfRows('brierScore', yTrue, probabilities, 'probability', options, brierScoreOf);
}

/**
 * Options of {@link reliabilityCurve} and {@link expectedCalibrationError}.
 *
 * @inline
 */
export interface CalibrationBinOptions {
  /**
   * Number of bins of equal width in [0, 1].
   * @defaultValue 15
   */
  bins?: number;
}

/**
 * Entries of similar probability, and how often they were positive.
 *
 * @inline
 */
export interface ReliabilityBin {
  /** Lower bound, exclusive (inclusive for the first bin). */
  low: number;
  /** Upper bound, inclusive. */
  high: number;
  /** Number of labelled entries in the bin; empty bins are left out. */
  count: number;
  /** Mean of their probabilities. */
  meanProbability: number;
  /** Share of positives among them. */
  positiveShare: number;
}

/**
 * How often a label was present, by its predicted probability: the points of a reliability diagram; equals
 * scikit-learn's `calibration_curve`.
 *
 * @param yTrue - 0, 1, or -1 for "not labelled", which is left out.
 * @param probabilities - One per label value.
 * @returns The non-empty bins, lowest first.
 *
 * @throws ArgumentError for lengths that differ, other labels, a labelled entry that is not in [0, 1], or an invalid
 * option.
 *
 * @example
 * ```ts
 * for (const { meanProbability, positiveShare } of reliabilityCurve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])) {
 *   console.log(meanProbability, positiveShare);
 * }
 * ```
 */
export function reliabilityCurve(
  yTrue: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  options: CalibrationBinOptions = {},
): ReliabilityBin[] {
  const { bins } = resolveOptions('reliabilityCurve', options, { bins: BINS });
  return reliabilityBins(labelledScoresOf('reliabilityCurve', yTrue, probabilities, 'probability'), bins);
}

/**
 * Expected calibration error: the difference between predicted probability and observed frequency per bin, averaged
 * over the entries.
 *
 * `ECE = sum_b n_b / n |positive share_b - mean probability_b|` over bins of equal width, as in {@link
 * reliabilityCurve}. It is computed for the probability that the label is present, not for the confidence of the
 * winning class, as in multi-class definitions. It depends on the number of bins, and is overestimated with few
 * entries.
 *
 * `yTrue` and `probabilities` are `[samples][labels]`. `yTrue` is 0 or 1, or -1 for "not labelled": such entries are
 * ignored. A label without any labelled entry has no error: it is `undefined`, and `'macro'` leaves it out.
 *
 * @throws ArgumentError for rows that differ in shape, other labels, a labelled entry that is not in [0, 1], or an
 * invalid option.
 *
 * @example
 * ```ts
 * const perLabel = expectedCalibrationError(yTrue, probabilities, { average: 'none', bins: 10 });
 * ```
 *
 * @see Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
 */
export function expectedCalibrationError<A extends LabelAverage = 'macro'>(
  yTrue: LabelRows,
  probabilities: LabelRows,
  options: LabelAverageOptions<A> & CalibrationBinOptions = {},
): Averaged<A> {
  const fn = 'expectedCalibrationError';
  const { average, bins } = resolveOptions(fn, options, { average: averageRule<A>(), bins: BINS });
  const scoreOf = (entries: LabelledScores) => calibrationErrorOf(entries, bins);
  return scoreOfRows(fn, yTrue, probabilities, 'probability', { average }, scoreOf);
}

/** The rule of the option `bins`. */
export const BINS = optional(positiveInteger, 15);

/** Brier score of one label. */
export const brierScoreOf = meanOf((p, y) => (p - y) ** 2);

/** Log loss of one label, with probabilities clipped to `[epsilon, 1 - epsilon]`. */
export const logLossOf = (entries: LabelledScores, epsilon = 1e-7) =>
  meanOf((p, y) => {
    const clipped = Math.min(Math.max(p, epsilon), 1 - epsilon);
    return -Math.log(y === 1 ? clipped : 1 - clipped);
  })(entries);

/** Expected calibration error of one label. */
export function calibrationErrorOf(entries: LabelledScores, bins: number): number | undefined {
  const count = entries.positives.length + entries.negatives.length;
  if (count === 0) return undefined;
  let sum = 0;
  for (const bin of reliabilityBins(entries, bins)) {
    sum += bin.count * Math.abs(bin.positiveShare - bin.meanProbability);
  }
  return sum / count;
}

/** Mean of a cost over the labelled entries; undefined without any. */
function meanOf(cost: (probability: number, label: 0 | 1) => number) {
  return ({ positives, negatives }: LabelledScores): number | undefined => {
    const count = positives.length + negatives.length;
    if (count === 0) return undefined;
    let sum = 0;
    for (let i = 0; i < positives.length; i++) sum += cost(positives[i]!, 1);
    for (let i = 0; i < negatives.length; i++) sum += cost(negatives[i]!, 0);
    return sum / count;
  };
}

function reliabilityBins({ positives, negatives }: LabelledScores, bins: number): ReliabilityBin[] {
  const sums = new Float64Array(bins);
  const counts = new Float64Array(bins);
  const present = new Float64Array(bins);
  const add = (p: number, label: 0 | 1) => {
    const bin = binOf(p, bins);
    sums[bin]! += p;
    counts[bin]! += 1;
    present[bin]! += label;
  };
  for (let i = 0; i < positives.length; i++) add(positives[i]!, 1);
  for (let i = 0; i < negatives.length; i++) add(negatives[i]!, 0);
  return Array.from(counts, (count, bin) => ({
    low: bin / bins,
    high: (bin + 1) / bins,
    count,
    meanProbability: sums[bin]! / count,
    positiveShare: present[bin]! / count,
  })).filter(({ count }) => count > 0);
}

/** The bin with `low < p <= high`; the product itself may be off by one at an edge. */
function binOf(p: number, bins: number): number {
  let bin = Math.min(Math.max(Math.ceil(p * bins) - 1, 0), bins - 1);
  if (bin > 0 && p <= bin / bins) bin--;
  else if (p > (bin + 1) / bins) bin++;
  return bin;
}
