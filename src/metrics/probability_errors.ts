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
 * Brier score: mean squared difference of probability and label, `mean (p - y)²`; the lower the better, 0.25 for probabilities of 0.5;
 * scikit-learn's `brier_score_loss`.
 *
 * `yTrue` and `probabilities` are `[samples][labels]`. `yTrue` is 0 or 1, or -1 for "not labelled": such entries are left out. A label
 * of which nothing is labelled has no score: `undefined`, and `'macro'` leaves it out.
 *
 * @throws ArgumentError for rows that differ in shape, other labels, a labelled entry that is not in [0, 1], or a bad option.
 *
 * @example
 * ```ts
 * const perLabel = brierScore(yTrue, probabilities, { average: 'none' });
 * ```
 *
 * Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 1950
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
   * Bins of equal width that [0, 1] is divided into.
   * @defaultValue 15
   */
  bins?: number;
}

/**
 * Entries of like probability, and how often they were positive.
 *
 * @inline
 */
export interface ReliabilityBin {
  /** The bin holds probabilities above this one (the first bin 0 as well), */
  low: number;
  /** and up to this one. */
  high: number;
  /** Labelled entries in the bin; bins without any are left out. */
  count: number;
  /** Mean of their probabilities. */
  meanProbability: number;
  /** Share of them that is positive. */
  positiveShare: number;
}

/**
 * How often one label was present, by what was predicted for it: points of a reliability diagram; scikit-learn's `calibration_curve`.
 *
 * @param yTrue - 0, 1, or -1 for "not labelled", which is left out.
 * @param probabilities - One per label value.
 * @returns The bins that hold an entry, lowest first.
 *
 * @throws ArgumentError for lengths that differ, other labels, a labelled entry that is not in [0, 1], or a bad option.
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
 * Expected calibration error: how far the probabilities of a bin are from how often they came true, on average over the entries.
 *
 * `ECE = sum_b n_b / n |positive share_b - mean probability_b|` over bins of equal width, as {@link reliabilityCurve} has them. It is of
 * the probability that the label is present, not of a winning class's confidence, as it is defined for many classes. It depends
 * on the number of bins, and few entries make it larger than it is.
 *
 * `yTrue` and `probabilities` are `[samples][labels]`. `yTrue` is 0 or 1, or -1 for "not labelled": such entries are left out. A label
 * of which nothing is labelled has no error: `undefined`, and `'macro'` leaves it out.
 *
 * @throws ArgumentError for rows that differ in shape, other labels, a labelled entry that is not in [0, 1], or a bad option.
 *
 * @example
 * ```ts
 * const perLabel = expectedCalibrationError(yTrue, probabilities, { average: 'none', bins: 10 });
 * ```
 *
 * Guo et al., "On Calibration of Modern Neural Networks", ICML 2017
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

/** Log loss of one label, probabilities taken to lie in `[epsilon, 1 - epsilon]`. */
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

/** Mean of a cost over the labelled entries, undefined where there are none. */
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

/** The bin with `low < p <= high`; the product alone may be off by one at an edge. */
function binOf(p: number, bins: number): number {
  let bin = Math.min(Math.max(Math.ceil(p * bins) - 1, 0), bins - 1);
  if (bin > 0 && p <= bin / bins) bin--;
  else if (p > (bin + 1) / bins) bin++;
  return bin;
}
