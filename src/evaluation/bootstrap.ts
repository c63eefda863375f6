import { check, checkKnownKeys, isPositiveInteger } from '../base/errors';
import { fBetaOfCounts, type DecisionCounts } from '../metrics/decision_counts';
import { seededRandom } from '../base/random';

/** Options of the bootstrap. */
export interface BootstrapOptions {
  /**
   * How many times the patients are drawn anew.
   * @defaultValue 2000
   */
  resamples?: number;
  /**
   * Share of the resampled values that lies inside the interval, in (0, 1).
   * @defaultValue 0.95
   */
  level?: number;
  /**
   * Seed of the draws: equal seeds give equal intervals.
   * @defaultValue 0
   */
  seed?: number;
}

/** Options of the bootstrap of F-beta. */
export interface BootstrapFBetaOptions extends BootstrapOptions {
  /**
   * How many times as much recall counts as precision, above 0.
   * @defaultValue 2
   */
  beta?: number;
}

/** A value and how far it would move with other patients: plain data. */
export interface BootstrapInterval {
  /** The value of all patients; undefined where they do not define it. */
  estimate: number | undefined;
  /** Lower end of the interval; undefined where no resample has a value. */
  low: number | undefined;
  /** Upper end of the interval; undefined where no resample has a value. */
  high: number | undefined;
  /** Resamples that have a value. Where many have none, the patients are too few for the interval to mean much. */
  resamples: number;
}

/**
 * Percentile bootstrap interval of any score, over patients: they are drawn with replacement, each with all its slices, which are too
 * alike to be drawn one by one.
 *
 * Resamples without a value are left out and counted. The interval is of the patients' chance alone: not of another training or
 * hospital. With few patients, and at the ends of a score's range, it is too narrow; of one patient it has no width.
 *
 * @param patients - Whatever `statistic` needs of each patient, at least one.
 * @param statistic - The score of a sample; it is given the same array each time, filled anew, and must not keep it. Undefined where
 * the sample does not define the score.
 *
 * @throws {@link ArgumentError} without a patient, for a bad option, or for a statistic that is not a finite number or undefined.
 *
 * @example
 * ```ts
 * const patients = [
 *   { yTrue: [1, 0], probabilities: [0.9, 0.2] },
 *   { yTrue: [0, 1], probabilities: [0.3, 0.6] },
 * ];
 * const { estimate, low, high } = bootstrapInterval(patients, (sample) =>
 *   rocAuc(sample.map(({ yTrue }) => yTrue), sample.map(({ probabilities }) => probabilities)),
 * );
 * ```
 *
 * Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13
 */
export function bootstrapInterval<T>(
  patients: readonly T[],
  statistic: (sample: readonly T[]) => number | undefined,
  options: BootstrapOptions = {},
): BootstrapInterval {
  const fn = 'bootstrapInterval';
  return interval(fn, patients.length, ofSamples(fn, patients, statistic), options);
}

/**
 * Percentile bootstrap interval of the difference of two scores, `first - second`, on the same resamples: for two models on the same
 * patients, whose intervals by themselves may overlap although one is better on nearly every resample.
 *
 * An interval that holds 0 means that these patients do not tell the two apart, not that they are equal.
 *
 * @param patients - What both statistics need of each patient, at least one.
 * @param first - Score of one model.
 * @param second - Score of the other; a resample counts where both have a value.
 *
 * @throws {@link ArgumentError} as {@link bootstrapInterval}.
 *
 * @example
 * ```ts
 * const patients = [
 *   { ours: { tp: 3, fp: 1, fn: 0, tn: 8 }, theirs: { tp: 2, fp: 0, fn: 1, tn: 9 } },
 *   { ours: { tp: 1, fp: 2, fn: 1, tn: 8 }, theirs: { tp: 1, fp: 4, fn: 1, tn: 6 } },
 * ];
 * const { estimate, low, high } = bootstrapDifference(
 *   patients,
 *   (sample) => fBetaOfCounts(poolCounts(sample.map(({ ours }) => ours))),
 *   (sample) => fBetaOfCounts(poolCounts(sample.map(({ theirs }) => theirs))),
 * );
 * ```
 */
export function bootstrapDifference<T>(
  patients: readonly T[],
  first: (sample: readonly T[]) => number | undefined,
  second: (sample: readonly T[]) => number | undefined,
  options: BootstrapOptions = {},
): BootstrapInterval {
  const fn = 'bootstrapDifference';
  const difference = (sample: readonly T[]) => subtract(first(sample), second(sample));
  return interval(fn, patients.length, ofSamples(fn, patients, difference), options);
}

/**
 * {@link bootstrapInterval} of the pooled F-beta, from each patient's counts: the same interval, faster.
 *
 * @param patients - Counts of each patient's decisions, all labels together (or those of one label), at least one patient.
 *
 * @throws {@link ArgumentError} without a patient, for counts that are not numbers of at least 0, or a bad option.
 *
 * @example
 * ```ts
 * const { patients, yTrue, probabilities } = await collectPredictions(model, test);
 * const counts = countDecisionsByPatient(patients, yTrue, probabilities, thresholds);
 * const { estimate, low, high } = bootstrapFBeta(counts.map(poolCounts));
 * ```
 */
export function bootstrapFBeta(
  patients: readonly DecisionCounts[],
  options: BootstrapFBetaOptions = {},
): BootstrapInterval {
  const { beta, ...rest } = ofFBeta('bootstrapFBeta', options);
  return interval('bootstrapFBeta', patients.length, ofCounts('bootstrapFBeta', patients, beta), rest);
}

/**
 * {@link bootstrapDifference} of two models' pooled F-beta, `first - second`, from each patient's counts.
 *
 * @param first - Counts of one model, one per patient.
 * @param second - Counts of the other, of the same patients in the same order.
 *
 * @throws {@link ArgumentError} as {@link bootstrapFBeta}, and for lists of different length.
 * @example
 * ```ts
 * const counted = async (of: CtBrainModel<CtLabels>) => {
 *   const { patients, yTrue, probabilities } = await collectPredictions(of, test);
 *   return countDecisionsByPatient(patients, yTrue, probabilities).map(poolCounts);
 * };
 * const other = buildCtBrainModel({ variant: 'VGG16', backbone });
 * const { estimate, low, high } = bootstrapFBetaDifference(await counted(model), await counted(other), { seed: 1 });
 * ```
 */
export function bootstrapFBetaDifference(
  first: readonly DecisionCounts[],
  second: readonly DecisionCounts[],
  options: BootstrapFBetaOptions = {},
): BootstrapInterval {
  const fn = 'bootstrapFBetaDifference';
  const { beta, ...rest } = ofFBeta(fn, options);
  check(
    second.length === first.length,
    `${fn}: second`,
    `counts of ${first.length} patients, as first`,
    second,
  );
  const [ofFirst, ofSecond] = [ofCounts(fn, first, beta), ofCounts(fn, second, beta)];
  return interval(fn, first.length, (drawn) => subtract(ofFirst(drawn), ofSecond(drawn)), rest);
}

/** The score of the patients at these places. */
type ScoreOfDraw = (drawn: Uint32Array) => number | undefined;

const OPTIONS = ['resamples', 'level', 'seed'];

/** The options of an F-beta, and what is left of them for {@link interval}. */
function ofFBeta(fn: string, options: BootstrapFBetaOptions): BootstrapOptions & { beta: number } {
  checkKnownKeys(options, [...OPTIONS, 'beta'], fn);
  const { beta = 2 } = options;
  return { ...options, beta };
}

function interval(
  fn: string,
  patients: number,
  scoreOf: ScoreOfDraw,
  options: BootstrapOptions,
): BootstrapInterval {
  checkKnownKeys(options, OPTIONS, fn);
  const { resamples = 2000, level = 0.95, seed = 0 } = options;
  check(patients > 0, `${fn}: patients`, 'at least one patient', patients);
  check(isPositiveInteger(resamples), `${fn}: resamples`, 'an integer of at least 1', resamples);
  check(level > 0 && level < 1, `${fn}: level`, 'a number in (0, 1)', level);
  check(Number.isInteger(seed), `${fn}: seed`, 'an integer', seed);
  const random = seededRandom(seed);
  const drawn = Uint32Array.from({ length: patients }, (_, i) => i);
  const estimate = scoreOf(drawn);
  const values: number[] = [];
  for (let resample = 0; resample < resamples; resample++) {
    for (let i = 0; i < patients; i++) drawn[i] = Math.floor(random() * patients);
    const value = scoreOf(drawn);
    if (value !== undefined) values.push(value);
  }
  const sorted = Float64Array.from(values).sort();
  return {
    estimate,
    low: quantile(sorted, (1 - level) / 2),
    high: quantile(sorted, (1 + level) / 2),
    resamples: sorted.length,
  };
}

function ofSamples<T>(
  fn: string,
  patients: readonly T[],
  statistic: (sample: readonly T[]) => number | undefined,
): ScoreOfDraw {
  const sample = [...patients];
  return (drawn) => {
    for (let i = 0; i < drawn.length; i++) sample[i] = patients[drawn[i]!]!;
    const value = statistic(sample);
    check(
      value === undefined || Number.isFinite(value),
      `${fn}: statistic`,
      'a finite number or undefined',
      value,
    );
    return value;
  };
}

function ofCounts(fn: string, patients: readonly DecisionCounts[], beta: number): ScoreOfDraw {
  check(Number.isFinite(beta) && beta > 0, `${fn}: beta`, 'a finite number above 0', beta);
  const column = (kind: 'tp' | 'fp' | 'fn') =>
    Float64Array.from(patients, (counts) => {
      check(
        Number.isFinite(counts[kind]) && counts[kind] >= 0,
        `${fn}: counts`,
        'numbers of at least 0',
        counts,
      );
      return counts[kind];
    });
  const [found, wrong, missed] = [column('tp'), column('fp'), column('fn')];
  return (drawn) => {
    const sum = { tp: 0, fp: 0, fn: 0 };
    for (const i of drawn) {
      sum.tp += found[i]!;
      sum.fp += wrong[i]!;
      sum.fn += missed[i]!;
    }
    return fBetaOfCounts(sum, beta);
  };
}

const subtract = (a: number | undefined, b: number | undefined) =>
  a === undefined || b === undefined ? undefined : a - b;

/** Between the two nearest values, as NumPy's `quantile` does by default; undefined of nothing. */
function quantile(sorted: Float64Array, share: number): number | undefined {
  if (sorted.length === 0) return undefined;
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)]!;
  return below + (at - Math.floor(at)) * (sorted[Math.ceil(at)]! - below);
}
