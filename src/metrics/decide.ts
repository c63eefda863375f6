import { areProbabilities, check } from '../base/checks';
import { optional, resolveOptions, type Rule } from '../base/options';
import type { LabelRows } from './labelled_scores';

/**
 * Options of functions that decide whether a label counts as present.
 *
 * @inline
 */
export interface ThresholdOptions {
  /**
   * Probability in [0, 1] from which a label counts as present, one for all labels or one per label.
   * @defaultValue 0.5
   */
  threshold?: number | readonly number[];
}

/** One for all labels, or one per label. */
export type Threshold = NonNullable<ThresholdOptions['threshold']>;

/** The rule of the option `threshold`, before the number of labels is known. */
export const THRESHOLD: Rule<Threshold> = optional(
  { check: (value, what) => checkThreshold(what, value as Threshold) },
  0.5,
);

/**
 * Turns probabilities into decisions: 1 where `probability >= threshold`, else 0.
 *
 * Both sides are compared as float32, so an entry equal to a threshold chosen from float32 probabilities reaches it.
 * All metrics decide this way.
 *
 * @param probabilities - `[samples][labels]`, in [0, 1].
 * @throws ArgumentError for other values, rows that differ in length, or an invalid threshold.
 *
 * @example
 * ```ts
 * const findings = decide([[0.9, 0.3, 0.1]], { threshold: [0.5, 0.3, 0.2] }); // [[1, 1, 0]]
 * ```
 */
export function decide(probabilities: LabelRows, options: ThresholdOptions = {}): (0 | 1)[][] {
  const fn = 'decide';
  const { threshold } = resolveOptions(fn, options, { threshold: THRESHOLD });
  const labels = probabilities[0]?.length ?? 0;
  const limits = thresholdsOf(`${fn}: threshold`, threshold, labels).map(Math.fround);
  return probabilities.map((row, i) => {
    const fits = row.length === labels && areProbabilities(row);
    check(fits, `${fn}: probabilities[${i}]`, `${labels} numbers in [0, 1]`, row);
    return row.map((p, label) => (Math.fround(p) >= limits[label]! ? 1 : 0));
  });
}

/** The threshold of each label. Throws as {@link checkThreshold}. */
export function thresholdsOf(what: string, threshold: Threshold, labels: number): number[] {
  checkThreshold(what, threshold, labels);
  return typeof threshold === 'number' ? Array<number>(labels).fill(threshold) : [...threshold];
}

/**
 * Refuses a threshold that is neither a number in [0, 1] nor a list of them, one per label.
 *
 * @param what - Name of the argument, e.g. `'decide: threshold'`.
 * @param labels - Number of labels; if omitted, any length of at least 1 is valid.
 */
export function checkThreshold(what: string, threshold: Threshold, labels?: number): void {
  const inRange = (value: unknown) => typeof value === 'number' && value >= 0 && value <= 1;
  if (!Array.isArray(threshold)) {
    check(inRange(threshold), what, 'a number in [0, 1], or a list of one per label', threshold);
    return;
  }
  const fits = threshold.length > 0 && threshold.every(inRange);
  check(fits, what, 'numbers in [0, 1], one per label', threshold);
  const rule = `one number for each of ${labels} labels`;
  check(labels === undefined || threshold.length === labels, what, rule, threshold);
}
