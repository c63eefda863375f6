import type * as tf from '@tensorflow/tfjs';
import { fitCalibration, type FittedCalibration } from '../evaluation/calibration';
import { chooseThresholds, type ChosenThresholds } from '../evaluation/thresholds';
import { checkKnownKeys } from '../base/errors';
import type { PatientSource } from '../data/sources/patient_source';
import { calibrateProbabilities, type Calibration } from '../metrics/calibration';
import { collectPredictions, type CollectPredictionsOptions } from './collect_predictions';

/** Options of {@link fitDecisions}. */
export interface FitDecisionsOptions extends Omit<CollectPredictionsOptions, 'calibration'> {
  /**
   * Form of the calibration, see {@link fitCalibration}; `false` fits thresholds only.
   * @defaultValue `'platt'`
   */
  calibration?: Calibration['method'] | false;
}

/** What a checkpoint needs to decide: plain data. */
export interface FittedDecisions {
  /** One per label; of calibrated probabilities, where there is a calibration. */
  thresholds: number[];
  calibration?: Calibration;
  /** How the thresholds were chosen. */
  chosen: ChosenThresholds;
  /** How the calibration was fitted. */
  fit?: FittedCalibration;
}

/**
 * Fits a model's calibration, then its thresholds for F2, on labelled patients that neither its backbone nor its head was trained on.
 *
 * A label that too few of the patients have takes what fits all labels pooled.
 *
 * @throws {@link DataError} for a patient without labels.
 * @throws {@link ArgumentError} for a source without patients, or a model that does not fit.
 * @example
 * ```ts
 * const { thresholds, calibration } = await fitDecisions(model, validation);
 * await saveCheckpoint('decided', model, { labels: validation.labels, preprocessing, thresholds, calibration });
 * ```
 */
export async function fitDecisions(
  model: tf.LayersModel,
  source: PatientSource,
  options: FitDecisionsOptions = {},
): Promise<FittedDecisions> {
  checkKnownKeys(options, OPTIONS, 'fitDecisions');
  const { calibration: method = 'platt', ...collect } = options;
  const { labels, patients: stacks, yTrue, probabilities } = await collectPredictions(model, source, collect);
  const patients = stacks.map((stack) => source.groupOf?.(stack) ?? stack);
  const fit =
    method === false ? undefined : fitCalibration({ labels, yTrue, probabilities, patients, method });
  const decided = fit ? calibrateProbabilities(probabilities, fit.calibration) : probabilities;
  const chosen = chooseThresholds({ labels, yTrue, probabilities: decided, patients });
  return {
    thresholds: chosen.thresholds,
    chosen,
    ...(fit && { fit, calibration: fit.calibration }),
  };
}

const OPTIONS = [
  ...['calibration', 'level', 'onProgress', 'memoryBudget', 'chunkSlices', 'flips', 'fromFeatures'],
];
