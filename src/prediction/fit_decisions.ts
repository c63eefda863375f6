import type * as tf from '@tensorflow/tfjs';
import { fitCalibration, type FittedCalibration } from '../evaluation/calibration';
import { chooseThresholds, type ChosenThresholds } from '../evaluation/thresholds';
import { anything, callback, optional, resolveOptions, type Rules } from '../base/options';
import type { LossFn } from '../base/types';
import type { PatientSource } from '../data/sources/patient_source';
import { calibrateProbabilities, type Calibration } from '../metrics/calibration';
import { positivePatients, type LabelRows } from '../metrics/labelled_scores';
import { COLLECT_RULES, collectPredictions, type CollectPredictionsOptions } from './collect_predictions';
import { impliedThreshold } from './implied_threshold';

/**
 * Options of {@link fitDecisions}.
 *
 * @inline
 */
export interface FitDecisionsOptions extends Omit<CollectPredictionsOptions, 'calibration'> {
  /**
   * Method of the calibration, see {@link fitCalibration}; `false` fits thresholds only.
   * @defaultValue 'platt'
   */
  calibration?: Calibration['method'] | false;
  /**
   * Loss that the model was trained with, from labels and logits. With it, thresholds of labels with few patients are
   * shrunk towards the one that the loss implies.
   * @defaultValue none: thresholds are those that are best on the patients
   */
  loss?: LossFn;
}

const RULES = {
  ...COLLECT_RULES,
  calibration: optional<Calibration['method'] | false>(anything, 'platt'),
  loss: optional(callback),
} satisfies Rules<FitDecisionsOptions>;

/**
 * What a checkpoint needs for decisions: plain data.
 *
 * @inline
 */
export interface FittedDecisions {
  /** One per label; for calibrated probabilities, if there is a calibration. */
  thresholds: number[];
  calibration?: Calibration;
  /** The best thresholds on the patients. */
  chosen: ChosenThresholds;
  /** The threshold that the loss implies, before calibration; missing without `loss`, or if nothing is predicted. */
  implied?: number;
  /** Details of the calibration's fit. */
  fit?: FittedCalibration;
}

/**
 * Fits a model's calibration, then its thresholds for F2, on labelled patients that neither its backbone nor its head
 * was trained on.
 *
 * A label that too few of the patients have gets the pooled threshold.
 *
 * What is best on a handful of patients is luck, so with `loss` a threshold chosen on `n` patients who have the label
 * (or, pooled, any label) is averaged, as a logit, with the one that the loss implies, with weights `n / (n + 10)` and
 * `10 / (n + 10)`: F2 is largest if a label counts as present from a chance of `F2 / 5` up, and the loss determines
 * which probability the model gives to that chance.
 *
 * @throws DataError for a patient without labels.
 * @throws ArgumentError for a source without patients, or a model that does not match.
 * @example
 * ```ts
 * const { thresholds, calibration } = await fitDecisions(model, validation);
 * await saveCheckpoint('decided', model, { labels: validation.labels, preprocessing, thresholds, calibration });
 * ```
 *
 * @see Ye et al., "Optimizing F-measures: a tale of two approaches", ICML 2012, for the chance of `F2 / 5`.
 */
export async function fitDecisions(
  model: tf.LayersModel,
  source: PatientSource,
  options: FitDecisionsOptions = {},
): Promise<FittedDecisions> {
  const { calibration: method, loss, ...collect } = resolveOptions('fitDecisions', options, RULES);
  const { labels, patients: stacks, yTrue, probabilities } = await collectPredictions(model, source, collect);
  const patients = stacks.map((stack) => source.groupOf?.(stack) ?? stack);
  const fit =
    method === false ? undefined : fitCalibration({ labels, yTrue, probabilities, patients, method });
  const decided = fit ? calibrateProbabilities(probabilities, fit.calibration) : probabilities;
  const chosen = chooseThresholds({ labels, yTrue, probabilities: decided, patients });
  const implied =
    loss && chosen.pooledScore ? await impliedThreshold(loss, chosen.pooledScore / 5) : undefined;
  const counts = positivesOf(labels, chosen, yTrue, patients);
  const drawn = implied === undefined ? undefined : calibrated(labels, implied, fit?.calibration);
  return {
    thresholds: chosen.thresholds.map((threshold, l) =>
      drawn === undefined
        ? threshold
        : between(drawn[l]!, threshold, counts[l]! / (counts[l]! + PRIOR_PATIENTS)),
    ),
    chosen,
    implied,
    fit,
    calibration: fit?.calibration,
  };
}

/** Number of patients that have the same weight as the threshold that the loss implies. */
const PRIOR_PATIENTS = 10;

/** Patients that a label's threshold was chosen on: those who have it, or any label for the pooled threshold. */
function positivesOf(
  labels: readonly string[],
  { guarded }: ChosenThresholds,
  yTrue: LabelRows,
  patients: readonly string[],
): number[] {
  const fn = 'fitDecisions';
  const any = yTrue.map((row) => [row.includes(1) ? 1 : 0]);
  const [pooled] = positivePatients(fn, any, patients) as [number];
  const own = positivePatients(fn, yTrue, patients);
  return labels.map((label, l) => (guarded.includes(label) ? pooled : own[l]!));
}

/** A probability after calibration, per label. */
const calibrated = (labels: readonly string[], probability: number, calibration: Calibration | undefined) => {
  const row = labels.map(() => probability);
  return calibration === undefined ? row : Array.from(calibrateProbabilities([row], calibration)[0]!);
};

/** Interpolates between two probabilities, as logits. */
function between(from: number, to: number, share: number): number {
  const [a, b] = [from, to].map((p) => {
    const inside = Math.min(Math.max(p, 1e-6), 1 - 1e-6);
    return Math.log(inside / (1 - inside));
  }) as [number, number];
  return Math.fround(1 / (1 + Math.exp(-(a + share * (b - a)))));
}
