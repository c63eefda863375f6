import { anything, oneOf, optional, positiveInteger, resolveOptions } from '../base/options';
import {
  BETA,
  countsOf,
  fBetaOf,
  fBetaWeights,
  poolCounts,
  type DecisionCounts,
} from '../metrics/decision_counts';
import {
  NAMED_ROWS,
  namedScores,
  pooledScores,
  positivePatients,
  type LabelledScores,
  type LabelRows,
} from '../metrics/labelled_scores';
import { scoreCuts } from '../metrics/score_curves';
import type { Labels } from '../base/types';

/**
 * Options of {@link chooseThresholds}.
 *
 * @inline
 */
export interface ChooseThresholdsOptions {
  /** Label names, in the order of the columns. */
  labels: Labels;
  /** `[samples][labels]`: 0, 1, or -1 for "not labelled". */
  yTrue: LabelRows;
  /** `[samples][labels]`, in [0, 1], of patients that the model was neither trained on nor will be tested on. */
  probabilities: LabelRows;
  /**
   * How many times as much recall counts as precision, above 0.
   * @defaultValue 2
   */
  beta?: number;
  /**
   * `'micro'` chooses the thresholds jointly for the F-beta of all entries pooled (the challenge's); `'macro'` each for
   * its own label.
   * @defaultValue 'micro'
   */
  average?: 'micro' | 'macro';
  /**
   * `[samples]`: the patient of each sample. If missing, each sample is a separate patient.
   * @defaultValue none
   */
  patients?: readonly string[];
  /**
   * A label that fewer patients have gets the pooled threshold, since the best one on so few is luck. At least 1.
   * @defaultValue 5
   */
  minPositives?: number;
}

/**
 * Thresholds, and the scores they give on the predictions they were chosen on: plain data.
 *
 * @inline
 */
export interface ChosenThresholds {
  /** One per label: the `thresholds` of a checkpoint's manifest. */
  thresholds: number[];
  /** F-beta of each label; undefined without any positive or any predicted positive. */
  scores: (number | undefined)[];
  /** F-beta of all entries pooled. */
  pooledScore: number | undefined;
  /**
   * The single threshold for all labels with the largest F-beta of all entries pooled; 0.5 unless another is better.
   */
  pooledThreshold: number;
  /** Labels that got the pooled threshold because too few patients have them. */
  guarded: string[];
}

/**
 * Chooses the decision threshold of each label for F-beta, on out-of-fold validation predictions only.
 *
 * Every cut between distinct scores is considered, in `O(n log n)`, and the best is found exactly: for `'macro'` per
 * label; for `'micro'` the best of all combinations, by Dinkelbach's method for ratios, which takes a few passes rather
 * than a search over combinations: `F = N / D` is largest where `N - F D`, a sum of one term per label, has the maximum 0.
 * The pooled threshold is kept unless another is better. Equal input gives equal thresholds.
 *
 * Scores are float32, like the model's, and equal ones get the same decision. A threshold lies halfway between the
 * scores it separates (leaving a margin for new patients), or on the upper one if there is no float32 between them:
 * `decide` makes exactly the decisions that were counted. "All positive" and "all negative" lie halfway to 0 and to 1.
 *
 * The returned scores are optimistic, since the thresholds were chosen on the same predictions: report scores of other
 * patients.
 *
 * @throws ArgumentError for rows that do not fit the labels, other label values, a labelled probability outside [0, 1],
 * or a bad option.
 *
 * @example
 * ```ts
 * const { thresholds } = chooseThresholds({ labels: CT_LABELS, yTrue, probabilities });
 * await saveCheckpoint('runs/chosen', model, { labels: study.labels, preprocessing, thresholds });
 * ```
 *
 * @see Dinkelbach, "On nonlinear fractional programming", Management Science 1967; Ye et al., "Optimizing F-measures: a
 * tale of two approaches", ICML 2012.
 */
export function chooseThresholds(options: ChooseThresholdsOptions): ChosenThresholds {
  const fn = 'chooseThresholds';
  const resolved = resolveOptions(fn, options, RULES);
  const { labels, yTrue, probabilities, beta, average, patients, minPositives } = resolved;
  const columns = namedScores(fn, options, probabilities, 'probability');
  const pooledThreshold = bestPooledCut(columns, beta).threshold;
  const guarded = positivePatients(fn, yTrue, patients).map((count) => count < minPositives);
  const candidates = columns.map((entries, i) => {
    const byDefault = { threshold: pooledThreshold, ...countsOf(entries, pooledThreshold) };
    return guarded[i] ? [byDefault] : [byDefault, ...allCuts(entries)];
  });
  const chosen =
    average === 'macro'
      ? candidates.flatMap((cuts) => bestTogether([cuts], beta))
      : bestTogether(candidates, beta);
  return {
    thresholds: chosen.map(({ threshold }) => threshold),
    scores: chosen.map((cut) => fBetaOf(cut, beta)),
    pooledScore: fBetaOf(poolCounts(chosen), beta),
    pooledThreshold,
    guarded: labels.filter((_, i) => guarded[i]),
  };
}

const RULES = {
  ...NAMED_ROWS,
  beta: BETA,
  average: optional(oneOf(['micro', 'macro']), 'micro'),
  patients: optional(anything),
  minPositives: optional(positiveInteger, 5),
};

/** The single cut for all labels with the largest F-beta of all entries pooled; 0.5 unless another is better. */
export function bestPooledCut(columns: readonly LabelledScores[], beta = 2): Cut {
  const pooled = pooledScores(columns);
  const byDefault = { threshold: 0.5, ...countsOf(pooled, 0.5) };
  if (pooled.positives.length + pooled.negatives.length === 0) return byDefault;
  return bestTogether([[byDefault, ...allCuts(pooled)]], beta)[0]!;
}

/** A threshold, and the counts of its decisions. */
export interface Cut extends DecisionCounts {
  threshold: number;
}

/** Every cut of a label's scores, from "all negative" to "all positive". */
function allCuts({ positives, negatives }: LabelledScores): Cut[] {
  const {
    thresholds: scores,
    tp,
    fp,
  } = scoreCuts({
    positives: Float32Array.from(positives),
    negatives: Float32Array.from(negatives),
  });
  const cut = (threshold: number, tps: number, fps: number): Cut => ({
    threshold,
    tp: tps,
    fp: fps,
    fn: positives.length - tps,
    tn: negatives.length - fps,
  });
  const cuts = scores.map((score, i) => cut(between(scores[i + 1] ?? 0, score), tp[i]!, fp[i]!));
  // a score of 1 reaches every threshold
  return scores[0]! < 1 ? [cut(between(scores[0]!, 1), 0, 0), ...cuts] : cuts;
}

/** The float32 halfway between two, or the upper one if there is none between. */
function between(low: number, high: number): number {
  const middle = Math.fround((low + high) / 2);
  return middle > low ? middle : high;
}

/** The cuts, one per label, with the largest pooled F-beta; the first of each label unless another is better. */
function bestTogether(candidates: readonly (readonly Cut[])[], beta: number): Cut[] {
  let best = candidates.map(([first]) => first!);
  for (;;) {
    const score = fBetaOf(poolCounts(best), beta) ?? 0;
    const better = candidates.map((cuts) => mostGain(cuts, score, beta));
    if ((fBetaOf(poolCounts(better), beta) ?? 0) <= score) return best;
    best = better;
  }
}

/**
 * The cut that adds most to `N - score * D`, where F-beta is `N / D` with `N = (1 + beta²) tp` and
 * `D = tp + fp + beta² positives`, whose last term is the same for every cut.
 */
function mostGain(cuts: readonly Cut[], score: number, beta: number): Cut {
  const { hit } = fBetaWeights(beta);
  const gain = ({ tp, fp }: Cut) => hit * tp - score * (tp + fp);
  return cuts.reduce((best, cut) => (gain(cut) > gain(best) ? cut : best));
}
