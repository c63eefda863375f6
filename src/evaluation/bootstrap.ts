import { check } from '../base/checks';
import { integer, optional, positiveInteger, resolveOptions, rule } from '../base/options';
import { seededRandom } from '../base/random';

/**
 * Options of the bootstrap.
 *
 * @inline
 */
export interface BootstrapOptions {
  /**
   * Number of resamples of the patients.
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

/**
 * A value and its uncertainty over patients: plain data.
 *
 * @inline
 */
export interface BootstrapInterval {
  /** The value for all patients; undefined if they do not define it. */
  estimate: number | undefined;
  /** Lower end of the interval; undefined if no resample has a value. */
  low: number | undefined;
  /** Upper end of the interval; undefined if no resample has a value. */
  high: number | undefined;
  /** Number of resamples that have a value. If many have none, there are too few patients for a meaningful interval. */
  resamples: number;
}

/**
 * Percentile bootstrap interval of any score over patients: patients are drawn with replacement, each with all its
 * slices, which are too similar to be drawn individually.
 *
 * Resamples without a value are left out and counted. The interval covers only the sampling of patients, not another
 * training or hospital. With few patients, and at the ends of a score's range, it is too narrow; with one patient it
 * has no width.
 *
 * @param patients - The data that `statistic` needs of each patient, at least one.
 * @param statistic - The score of a sample; it is given the same array each time, filled anew, and must not keep it.
 * Undefined where the sample does not define the score.
 *
 * @throws ArgumentError without a patient, for an invalid option, or for a statistic that is not a finite number or
 * undefined.
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
 * @see Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
 */
export function bootstrapInterval<T>(
  patients: readonly T[],
  statistic: (sample: readonly T[]) => number | undefined,
  options: BootstrapOptions = {},
): BootstrapInterval {
  return interval('bootstrapInterval', patients, statistic, options);
}

/**
 * Percentile bootstrap interval of the difference of two scores, `first - second`, on the same resamples: for two
 * models on the same patients, whose separate intervals may overlap although one is better on nearly every resample.
 *
 * An interval that contains 0 means that these patients cannot distinguish the two, not that they are equal.
 *
 * @param patients - The data that both statistics need of each patient, at least one.
 * @param first - Score of one model.
 * @param second - Score of the other; a resample counts if both have a value.
 *
 * @throws ArgumentError as {@link bootstrapInterval}.
 *
 * @example
 * ```ts
 * const patients = [
 *   { ours: { tp: 3, fp: 1, fn: 0, tn: 8 }, theirs: { tp: 2, fp: 0, fn: 1, tn: 9 } },
 *   { ours: { tp: 1, fp: 2, fn: 1, tn: 8 }, theirs: { tp: 1, fp: 4, fn: 1, tn: 6 } },
 * ];
 * const { estimate, low, high } = bootstrapDifference(
 *   patients,
 *   (sample) => decisionRates(poolCounts(sample.map(({ ours }) => ours))).fBeta,
 *   (sample) => decisionRates(poolCounts(sample.map(({ theirs }) => theirs))).fBeta,
 * );
 * ```
 */
export function bootstrapDifference<T>(
  patients: readonly T[],
  first: (sample: readonly T[]) => number | undefined,
  second: (sample: readonly T[]) => number | undefined,
  options: BootstrapOptions = {},
): BootstrapInterval {
  const difference = (sample: readonly T[]) => {
    const [a, b] = [first(sample), second(sample)];
    return a === undefined || b === undefined ? undefined : a - b;
  };
  return interval('bootstrapDifference', patients, difference, options);
}

const RULES = {
  resamples: optional(positiveInteger, 2000),
  level: optional(
    rule<number>('a number in (0, 1)', (level) => (level as number) > 0 && (level as number) < 1),
    0.95,
  ),
  seed: optional(integer, 0),
};

function interval<T>(
  fn: string,
  patients: readonly T[],
  statistic: (sample: readonly T[]) => number | undefined,
  options: BootstrapOptions,
): BootstrapInterval {
  return bootstrapIntervals(fn, patients, (sample) => ({ value: statistic(sample) }), options).value;
}

/** {@link bootstrapInterval} of several scores on the same resamples, which can often be computed in one pass. */
export function bootstrapIntervals<T, K extends string>(
  fn: string,
  patients: readonly T[],
  statistic: (sample: readonly T[]) => Record<K, number | undefined>,
  options: BootstrapOptions,
): Record<K, BootstrapInterval> {
  const { resamples, level, seed } = resolveOptions(fn, options, RULES);
  check(patients.length > 0, `${fn}: patients`, 'at least one patient', patients);
  const scoresOf = (sample: readonly T[]) => {
    const scores = statistic(sample);
    for (const value of Object.values<number | undefined>(scores)) {
      const fits = value === undefined || Number.isFinite(value);
      check(fits, `${fn}: statistic`, 'a finite number or undefined', value);
    }
    return scores;
  };
  const random = seededRandom(seed);
  const sample = [...patients];
  const estimates = scoresOf(sample);
  const names = Object.keys(estimates) as K[];
  const values = names.map((): number[] => []);
  for (let resample = 0; resample < resamples; resample++) {
    for (let i = 0; i < sample.length; i++) sample[i] = patients[Math.floor(random() * patients.length)]!;
    const scores = scoresOf(sample);
    names.forEach((name, i) => {
      if (scores[name] !== undefined) values[i]!.push(scores[name]);
    });
  }
  const intervals = names.map((name, i) => {
    const sorted = Float64Array.from(values[i]!).sort();
    return [
      name,
      {
        estimate: estimates[name],
        low: quantile(sorted, (1 - level) / 2),
        high: quantile(sorted, (1 + level) / 2),
        resamples: sorted.length,
      },
    ] as const;
  });
  return Object.fromEntries(intervals) as Record<K, BootstrapInterval>;
}

/** Between the two nearest values, as NumPy's `quantile` does by default; undefined of nothing. */
function quantile(sorted: Float64Array, share: number): number | undefined {
  if (sorted.length === 0) return undefined;
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)]!;
  return below + (at - Math.floor(at)) * (sorted[Math.ceil(at)]! - below);
}
