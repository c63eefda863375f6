import { check } from '../base/checks';
import { anything, flag, oneOf, optional, positiveInteger, resolveOptions } from '../base/options';
import { logitsOf, type Calibration } from '../metrics/calibration';
import {
  NAMED_ROWS,
  namedScores,
  pooledScores,
  positivePatients,
  type LabelledScores,
  type LabelRows,
} from '../metrics/labelled_scores';
import type { Labels } from '../base/types';

/**
 * Options of {@link fitCalibration}.
 *
 * @inline
 */
export interface FitCalibrationOptions {
  /** Label names, in the order of the columns. */
  labels: Labels;
  /** `[samples][labels]`: 0, 1, or -1 for "not labelled". */
  yTrue: LabelRows;
  /** `[samples][labels]`, finite, of patients that the model was not trained on. */
  logits?: LabelRows;
  /**
   * `[samples][labels]`, in [0, 1]: instead of `logits`, clipped to [1e-7, 1 - 1e-7], the limit of float32's
   * resolution. */
  probabilities?: LabelRows;
  /**
   * `'temperature'` fits the scale of a label's logits; `'platt'` also their offset.
   * @defaultValue 'temperature'
   */
  method?: Calibration['method'];
  /**
   * Fits to `(P + 1) / (P + 2)` and `1 / (N + 2)` instead of 1 and 0, for P positives and N negatives: without it, data
   * that a threshold separates would lead to probabilities of 0 and 1.
   * @defaultValue true
   */
  smoothTargets?: boolean;
  /**
   * `[samples]`: the patient of each sample. If missing, each sample is a separate patient.
   * @defaultValue none
   */
  patients?: readonly string[];
  /**
   * A label with fewer positive patients, or fewer negative samples, gets the pooled fit of all labels. At least 1.
   * @defaultValue 10
   */
  minPositives?: number;
}

/**
 * A calibration, and its effect on the samples it was fitted on: plain data.
 *
 * @inline
 */
export interface FittedCalibration {
  /** For the `calibration` of a checkpoint's manifest; an uncalibrated label has scale 1 and offset 0. */
  calibration: Calibration;
  /**
   * Labels that were not calibrated, and why: `'few'` positives or negatives, also pooled; `'reversed'`: the best scale
   * would reverse their order; `'separable'`: without smoothed targets there is no best scale; `'no gain'`: the fit to
   * smoothed targets increases the log loss.
   */
  kept: { label: string; reason: 'few' | 'reversed' | 'separable' | 'no gain' }[];
  /** Labels that got the pooled fit of all labels, because too few patients have them. */
  pooled: string[];
  /** Log loss of each label before calibration; undefined if nothing is labelled. */
  logLossBefore: (number | undefined)[];
  /** Log loss of each label after calibration: never above the one before, except for a label with the pooled fit. */
  logLossAfter: (number | undefined)[];
}

/**
 * Fits a calibration on validation logits, per label, so that a share p of the samples with probability p is positive.
 *
 * Minimises the log loss of `sigmoid(scale * logit + offset)`, which is convex, by Newton's method with backtracking;
 * the scale stays above 0, so that ranking metrics do not change. Choose thresholds after calibration, on calibrated
 * probabilities.
 *
 * @throws ArgumentError for rows that do not fit the labels, other label values, a labelled logit that is not finite, a
 * probability outside [0, 1], or an invalid option.
 *
 * @example
 * ```ts
 * const { labels, yTrue, probabilities } = await collectPredictions(model, validation);
 * const { calibration, kept } = fitCalibration({ labels, yTrue, probabilities });
 * const calibrated = calibrateProbabilities(probabilities, calibration);
 * const { thresholds } = chooseThresholds({ labels, yTrue, probabilities: calibrated });
 * ```
 *
 * @see Platt, "Probabilistic Outputs for Support Vector Machines", 1999 (offset, targets); Lin, Lin and Weng, "A note
 * on Platt's probabilistic outputs for support vector machines", Machine Learning 2007 (Newton's method); Guo et al.,
 * "On Calibration of Modern Neural Networks", ICML 2017 (temperature).
 */
export function fitCalibration(options: FitCalibrationOptions): FittedCalibration {
  const fn = 'fitCalibration';
  const resolved = resolveOptions(fn, options, RULES);
  const { labels, yTrue, method, smoothTargets, patients, minPositives } = resolved;
  const columns = namedScores(fn, options, givenLogits(fn, options), 'logit');
  const fitOf = (entries: LabelledScores): Line | KeptReason => {
    if (!smoothTargets && isSeparable(entries, method)) return 'separable';
    const line = fitLine(entries, method, smoothTargets);
    if (line.scale <= 0) return 'reversed';
    return logLoss(entries, line)! > logLoss(entries, IDENTITY)! ? 'no gain' : line;
  };
  const all = pooledScores(columns);
  const enough = (positives: number, negatives: number) => Math.min(positives, negatives) >= minPositives;
  const together = enough(all.positives.length, all.negatives.length) ? fitOf(all) : 'few';
  const positives = positivePatients(fn, yTrue, patients);
  const own = columns.map(({ negatives }, i) => enough(positives[i]!, negatives.length));
  const fits = columns.map((entries, i) => (own[i] ? fitOf(entries) : together));
  const lines = fits.map((fit) => (typeof fit === 'string' ? IDENTITY : fit));
  return {
    calibration: {
      method,
      scale: lines.map(({ scale }) => scale),
      offset: lines.map(({ offset }) => offset),
    },
    kept: fits.flatMap((fit, i) => (typeof fit === 'string' ? [{ label: labels[i]!, reason: fit }] : [])),
    pooled: labels.filter((_, i) => !own[i] && typeof together !== 'string'),
    logLossBefore: columns.map((entries) => logLoss(entries, IDENTITY)),
    logLossAfter: columns.map((entries, i) => logLoss(entries, lines[i]!)),
  };
}

/** The given `logits`, or `probabilities` as logits. */
function givenLogits(fn: string, { logits, probabilities }: FitCalibrationOptions): LabelRows {
  const given = [logits, probabilities].filter((rows) => rows !== undefined);
  check(
    given.length === 1,
    `${fn}: logits, probabilities`,
    'one of them',
    given.length === 0 ? undefined : 'both',
  );
  return logits ?? logitsOf(probabilities!);
}

const RULES = {
  ...NAMED_ROWS,
  logits: anything,
  method: optional(oneOf(['temperature', 'platt']), 'temperature'),
  smoothTargets: optional(flag, true),
  patients: optional(anything),
  minPositives: optional(positiveInteger, 10),
};

type KeptReason = FittedCalibration['kept'][number]['reason'];

interface Line {
  scale: number;
  offset: number;
}
const IDENTITY: Line = { scale: 1, offset: 0 };

/** `log(1 + exp(x))` without overflow. */
const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** Mean log loss, undefined if nothing is labelled; `target` replaces the labels 1 and 0. */
function logLoss(
  { positives, negatives }: LabelledScores,
  { scale, offset }: Line,
  target = { positive: 1, negative: 0 },
): number | undefined {
  const count = positives.length + negatives.length;
  if (count === 0) return undefined;
  let sum = 0;
  const add = (logits: ArrayLike<number>, t: number) => {
    for (let i = 0; i < logits.length; i++) {
      const z = scale * logits[i]! + offset;
      // for t = 1 and t = 0, a term as large as z is omitted rather than cancelled
      sum += (t === 0 ? 0 : t * softplus(-z)) + (t === 1 ? 0 : (1 - t) * softplus(z));
    }
  };
  add(positives, target.positive);
  add(negatives, target.negative);
  return sum / count;
}

/** Whether a scale has no best value, since the log loss keeps decreasing as it grows. */
function isSeparable({ positives, negatives }: LabelledScores, method: Calibration['method']): boolean {
  const least = Array.from(positives).reduce((a, b) => Math.min(a, b));
  const most = Array.from(negatives).reduce((a, b) => Math.max(a, b));
  return method === 'platt' ? least >= most : least >= 0 && most <= 0;
}

/** Newton's method on the mean log loss; each step is halved until it decreases the loss. */
function fitLine(entries: LabelledScores, method: Calibration['method'], smooth: boolean): Line {
  const [p, n] = [entries.positives.length, entries.negatives.length];
  const target = smooth
    ? { positive: (p + 1) / (p + 2), negative: 1 / (n + 2) }
    : { positive: 1, negative: 0 };
  // starts where the sigmoid is not flat, however large the logits are: Newton's steps are reliable there
  let line: Line = { scale: 1 / (rootMeanSquare(entries) || 1), offset: 0 };
  let loss = logLoss(entries, line, target)!;
  for (let iteration = 0; iteration < 200; iteration++) {
    const { direction, slope } = newtonStep(entries, line, target, method);
    const moved = (step: number): Line => ({
      scale: line.scale + step * direction.scale,
      offset: line.offset + step * direction.offset,
    });
    // so close that one more step reaches the minimum within rounding
    if (slope * (p + n) > -1e-8) return moved(1);
    let next: Line | undefined;
    for (let step = 1; step > 1e-10 && next === undefined; step /= 2) {
      const reached = logLoss(entries, moved(step), target)!;
      if (reached < loss && reached <= loss + 1e-4 * step * slope) {
        next = moved(step);
        loss = reached;
      }
    }
    // the remaining gain is below rounding
    if (next === undefined) break;
    line = next;
  }
  return line;
}

function rootMeanSquare({ positives, negatives }: LabelledScores): number {
  let sum = 0;
  for (let i = 0; i < positives.length; i++) sum += positives[i]! ** 2;
  for (let i = 0; i < negatives.length; i++) sum += negatives[i]! ** 2;
  return Math.sqrt(sum / (positives.length + negatives.length));
}

/** The direction of Newton's step at `line`, and the slope of the loss in it. */
function newtonStep(
  { positives, negatives }: LabelledScores,
  { scale, offset }: Line,
  target: { positive: number; negative: number },
  method: Calibration['method'],
): { direction: Line; slope: number } {
  // gradient (g1, g2) and second derivatives by scale and offset
  let [g1, g2, h11, h12, h22] = [0, 0, 0, 0, 0];
  const add = (logits: ArrayLike<number>, t: number) => {
    for (let i = 0; i < logits.length; i++) {
      const x = logits[i]!;
      const p = 1 / (1 + Math.exp(-(scale * x + offset)));
      const w = p * (1 - p);
      g1 += (p - t) * x;
      g2 += p - t;
      h11 += w * x * x;
      h12 += w * x;
      h22 += w;
    }
  };
  add(positives, target.positive);
  add(negatives, target.negative);
  if (method === 'temperature') [g2, h12, h22] = [0, 0, 1];
  // if all logits are equal, scale and offset cannot be distinguished; a small diagonal term makes this solvable
  h11 += 1e-10 * h11 + 1e-12;
  h22 += 1e-10 * h22 + 1e-12;
  const determinant = h11 * h22 - h12 * h12;
  const direction = {
    scale: (h12 * g2 - h22 * g1) / determinant,
    offset: (h12 * g1 - h11 * g2) / determinant,
  };
  const count = positives.length + negatives.length;
  return { direction, slope: (g1 * direction.scale + g2 * direction.offset) / count };
}
