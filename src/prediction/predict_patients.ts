import * as tf from '@tensorflow/tfjs';
import {
  disposeStack,
  prefetchPatients,
  type PatientProgress,
  type PatientSource,
  type PatientStack,
} from '../data/sources/patient_source';
import { byLabel } from '../data/labels/labels';
import type { PredictedLabels, PredictedPatient, PredictedSlice } from '../data/tables/predictions_table';
import { check } from '../base/checks';
import { NonFiniteError } from '../base/errors';
import { anything, callback, optional, resolveOptions, type Rules } from '../base/options';
import { applyCalibration, checkCalibration, type Calibration } from '../metrics/calibration';
import { checkThreshold, decide, type Threshold, type ThresholdOptions } from '../metrics/decide';
import type { Labels } from '../base/types';
import { firstOutside } from '../kernels/host_values';
import type { CtBrainModel } from '../models/ct_brain_model';
import { checkSourceFits } from '../models/model_record';
import { outputLevel } from '../models/output_level';
import { PREDICT_RULES, predictStack, type PredictOptions } from './predict';

/**
 * Options of {@link predictPatients} and {@link predictPatientLevel}.
 *
 * @inline
 */
export interface PredictPatientsOptions extends PredictOptions, ThresholdOptions {
  /**
   * Calibration of the logits, applied before probabilities, decisions, scores and the loss are computed.
   * @defaultValue none
   */
  calibration?: Calibration | undefined;
  /** Called after each patient. */
  onProgress?: (progress: PatientProgress) => void;
}

/** Options that depend on the labels are checked against them. */
export const PREDICT_PATIENTS_RULES = {
  ...PREDICT_RULES,
  threshold: optional(anything, 0.5),
  calibration: optional(anything),
  onProgress: optional(callback),
} satisfies Rules<PredictPatientsOptions>;

/**
 * Predicts probabilities and decisions for every slice of every patient, with one patient in memory at a time.
 *
 * @throws ArgumentError for a model, a threshold or a calibration that does not match the source's labels, a model that
 * was saved with other labels, another label order or another preprocessing than the source's, a patient-level model,
 * or images of another size than the model's; NonFiniteError for a pixel or an output that is not finite and DataError
 * for pixels outside 0..1, with patient and slice.
 * @example
 * ```ts
 * const study = await openKaggleFolder('data', { preprocessing, labels: ['ich', 'sdh'] });
 * for await (const slices of predictPatients(model, study)) {
 *   for (const { slice, labels } of slices) console.log(slice, labels.ich.probability, labels.sdh.present);
 * }
 * ```
 */
export async function* predictPatients<L extends Labels>(
  model: CtBrainModel<NoInfer<L>>,
  source: PatientSource<L>,
  options: PredictPatientsOptions = {},
): AsyncGenerator<PredictedSlice<L>[], void, undefined> {
  const expected =
    'a model with logits per slice, [batch, slices, labels] (see predictPatientLevel for patient-level models)';
  check(outputLevel(model) === 'slices', 'predictPatients: model', expected, model.outputs[0]!.shape);
  for await (const { patient, slices, probabilities, decisions } of predictStacks(
    'predictPatients',
    model,
    source,
    options,
  )) {
    yield slices.map((slice, i) => ({
      patient,
      slice,
      probabilities: probabilities[i]!,
      decisions: decisions[i]!,
      labels: named(source.labels, probabilities[i]!, decisions[i]!),
    }));
  }
}

/**
 * Predicts probabilities and decisions per patient, with one patient in memory at a time.
 *
 * For a patient-level model they are its outputs; for a slice-level model, the largest probability of each label over
 * the slices.
 *
 * @throws ArgumentError for a model, a threshold or a calibration that does not match the source's labels, or a model
 * that was saved with other labels, another label order or another preprocessing than the source's.
 * @throws NonFiniteError and DataError as {@link predictPatients}.
 * @example
 * ```ts
 * for await (const { patient, labels } of predictPatientLevel(model, study)) console.log(patient, labels.ich.present);
 * ```
 */
export async function* predictPatientLevel<L extends Labels>(
  model: CtBrainModel<NoInfer<L>>,
  source: PatientSource<L>,
  options: PredictPatientsOptions = {},
): AsyncGenerator<PredictedPatient<L>, void, undefined> {
  const largest = <T extends number>(rows: T[][]): T[] =>
    source.labels.map((_, label) => Math.max(...rows.map((row) => row[label]!)) as T);
  for await (const rows of predictStacks('predictPatientLevel', model, source, options)) {
    const { patient } = rows;
    const [probabilities, decisions] = [largest(rows.probabilities), largest(rows.decisions)];
    yield { patient, probabilities, decisions, labels: named(source.labels, probabilities, decisions) };
  }
}

/** One row of probabilities and decisions by label name. */
function named<L extends Labels>(
  labels: L,
  probabilities: readonly number[],
  decisions: readonly (0 | 1)[],
): PredictedLabels<L> {
  const row = probabilities.map((probability, i) => ({ probability, present: decisions[i] === 1 }));
  return byLabel(labels, row);
}

/** Rows of probabilities and decisions of each stack: one per slice, or a single one. */
async function* predictStacks(
  fn: string,
  model: tf.LayersModel,
  source: PatientSource,
  options: PredictPatientsOptions,
): AsyncGenerator<Rows, void, undefined> {
  const resolved = resolveOptions(fn, options, PREDICT_PATIENTS_RULES);
  const { threshold, calibration, onProgress, ...predictOptions } = resolved;
  checkModel(fn, model, source, threshold, calibration);
  let done = 0;
  for await (const stack of prefetchPatients(source, source.patients)) {
    const { patient, slices } = stack;
    let result: tf.Tensor2D;
    try {
      result = tf.tidy(() => {
        const logits = calibratedLogits(model, stack, calibration, predictOptions);
        return tf.sigmoid(tf.reshape(logits, [-1, source.labels.length]));
      });
    } finally {
      disposeStack(stack);
    }
    const probabilities = await result.array();
    result.dispose();
    checkFinite(stack, probabilities.flat(), probabilities.length);
    const decisions = decide(probabilities, { threshold });
    done++;
    onProgress?.({ patient, done, total: source.patients.length });
    yield { patient, slices, probabilities, decisions };
  }
}

interface Rows {
  patient: string;
  slices: string[];
  probabilities: number[][];
  decisions: (0 | 1)[][];
}

/** Throws if one of `rows` rows of logits or probabilities is not finite, since it would count as "absent". */
export function checkFinite(
  { patient, slices }: PatientStack,
  values: ArrayLike<number>,
  rows: number,
): void {
  const place = firstOutside(values);
  if (place === -1) return;
  const ofPatient = rows === 1 && slices.length > 1;
  const slice = ofPatient ? undefined : slices[Math.floor((place * rows) / values.length)];
  throw new NonFiniteError(`the model's output is ${values[place]}`, { patient, slice });
}

/** Logits of a stack's slices, or of its patient. */
export function calibratedLogits(
  model: tf.LayersModel,
  { images }: PatientStack,
  calibration: Calibration | undefined,
  options: PredictOptions,
): tf.Tensor {
  const logits = predictStack(model, tf.expandDims(images), options);
  return calibration ? applyCalibration(logits, calibration) : logits;
}

/** Refuses a model, a threshold or a calibration that does not match the labels of a source. */
export function checkModel(
  fn: string,
  model: tf.LayersModel,
  source: PatientSource,
  threshold: Threshold,
  calibration: Calibration | undefined,
): void {
  const { shape } = model.outputs[0]!;
  const { labels } = source;
  const expected = `one output for each of the labels ${labels.join(', ')}`;
  check(shape.at(-1) === labels.length, `${fn}: model`, expected, shape);
  checkSourceFits(`${fn}: source`, model, source);
  checkThreshold(`${fn}: threshold`, threshold, labels.length);
  if (calibration !== undefined) checkCalibration(`${fn}: calibration`, calibration, labels.length);
}
