import { flag, optional, resolveOptions } from '../base/options';
import { labelledScoresOf, type LabelledScores } from './labelled_scores';

/**
 * Precision and recall at every score of a label, from the lowest threshold to the highest, then the end point (1, 0).
 *
 * @inline
 */
export interface PrecisionRecallCurve {
  precision: number[];
  recall: number[];
  /** Scores from which an entry counts as positive; one fewer than points. */
  thresholds: number[];
}

/**
 * False and true positive rate at every score of a label, from the highest threshold to the lowest.
 *
 * @inline
 */
export interface RocCurve {
  /** False positive rate, `1 - specificity`. */
  fpr: number[];
  /** True positive rate, the recall or sensitivity. */
  tpr: number[];
  /** Scores from which an entry counts as positive; the first, for "no positives", is `Infinity` (`null` in JSON). */
  thresholds: number[];
}

/**
 * Options of {@link rocCurve} and {@link precisionRecallCurve}.
 *
 * @inline
 */
export interface CurveOptions {
  /**
   * Whether to drop points that lie on a straight line between others (for {@link precisionRecallCurve}: points between
   * others with the same number of true positives), which does not change how the curve looks.
   * @defaultValue `true` for {@link rocCurve}, `false` for {@link precisionRecallCurve}
   */
  dropIntermediate?: boolean;
}

/**
 * Precision-recall curve of one label; equals scikit-learn's `precision_recall_curve`.
 *
 * @param yTrue - 0, 1, or -1 for "not labelled", which is ignored.
 * @param scores - Probabilities or logits, one per label value.
 * @returns undefined without a positive, since recall is undefined.
 *
 * @throws ArgumentError for lengths that differ, other labels, or a score that is not a finite number.
 *
 * @example
 * ```ts
 * const curve = precisionRecallCurve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]);
 * // precision [0.5, 0.67, 0.5, 1, 1], recall [1, 1, 0.5, 0.5, 0], thresholds [0.1, 0.35, 0.4, 0.8]
 * ```
 */
export function precisionRecallCurve(
  yTrue: ArrayLike<number>,
  scores: ArrayLike<number>,
  options: CurveOptions = {},
): PrecisionRecallCurve | undefined {
  const fn = 'precisionRecallCurve';
  const rules = { dropIntermediate: optional(flag, false) };
  const { dropIntermediate } = resolveOptions(fn, options, rules);
  const entries = labelledScoresOf(fn, yTrue, scores);
  const total = entries.positives.length;
  if (total === 0) return undefined;
  const { thresholds, tp, fp } = scoreCuts(entries);
  const points = indices(thresholds.length).filter(
    (i, _, all) =>
      !dropIntermediate || i === 0 || i === all.length - 1 || tp[i - 1] !== tp[i] || tp[i] !== tp[i + 1],
  );
  points.reverse();
  return {
    precision: [...points.map((i) => tp[i]! / (tp[i]! + fp[i]!)), 1],
    recall: [...points.map((i) => tp[i]! / total), 0],
    thresholds: points.map((i) => thresholds[i]!),
  };
}

/**
 * ROC curve of one label; equals scikit-learn's `roc_curve`.
 *
 * @param yTrue - 0, 1, or -1 for "not labelled", which is ignored.
 * @param scores - Probabilities or logits, one per label value.
 * @returns undefined without a positive or without a negative, since one of the rates is undefined.
 *
 * @throws ArgumentError for lengths that differ, other labels, or a score that is not a finite number.
 *
 * @example
 * ```ts
 * const { fpr, tpr } = rocCurve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])!;
 * // fpr [0, 0, 0.5, 0.5, 1], tpr [0, 0.5, 0.5, 1, 1]
 * ```
 */
export function rocCurve(
  yTrue: ArrayLike<number>,
  scores: ArrayLike<number>,
  options: CurveOptions = {},
): RocCurve | undefined {
  const fn = 'rocCurve';
  const rules = { dropIntermediate: optional(flag, true) };
  const { dropIntermediate } = resolveOptions(fn, options, rules);
  const entries = labelledScoresOf(fn, yTrue, scores);
  const [positives, negatives] = [entries.positives.length, entries.negatives.length];
  if (positives === 0 || negatives === 0) return undefined;
  const { thresholds, tp, fp } = scoreCuts(entries);
  // as in scikit-learn, applied before the point (0, 0) is prepended
  const bends = (i: number) =>
    tp[i]! - tp[i - 1]! !== tp[i + 1]! - tp[i]! || fp[i]! - fp[i - 1]! !== fp[i + 1]! - fp[i]!;
  const points = indices(thresholds.length).filter(
    (i, _, all) => !dropIntermediate || i === 0 || i === all.length - 1 || bends(i),
  );
  return {
    fpr: [0, ...points.map((i) => fp[i]! / negatives)],
    tpr: [0, ...points.map((i) => tp[i]! / positives)],
    thresholds: [Infinity, ...points.map((i) => thresholds[i]!)],
  };
}

/** Counts at each distinct score, highest score first. */
export interface ScoreCuts {
  /** The distinct scores in descending order. */
  thresholds: number[];
  /** Positives with at least that score. */
  tp: number[];
  /** Negatives with at least that score. */
  fp: number[];
}

/** Counts of true and false positives at every distinct score, in `O(n log n)`. */
export function scoreCuts(entries: LabelledScores): ScoreCuts {
  // typed arrays sort by value, much faster than with a comparison function
  const positives = Float64Array.from(entries.positives).sort();
  const negatives = Float64Array.from(entries.negatives).sort();
  const cuts: ScoreCuts = { thresholds: [], tp: [], fp: [] };
  let [p, n] = [positives.length, negatives.length];
  while (p > 0 || n > 0) {
    const score = Math.max(positives[p - 1] ?? -Infinity, negatives[n - 1] ?? -Infinity);
    while (p > 0 && positives[p - 1] === score) p--;
    while (n > 0 && negatives[n - 1] === score) n--;
    cuts.thresholds.push(score);
    cuts.tp.push(positives.length - p);
    cuts.fp.push(negatives.length - n);
  }
  return cuts;
}

const indices = (length: number) => Array.from({ length }, (_, i) => i);
