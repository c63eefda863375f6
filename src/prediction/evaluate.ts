import * as tf from '@tensorflow/tfjs';
import {
  checkSomePatients,
  disposeStack,
  patientTargets,
  prefetchPatients,
  type PatientSource,
  type PatientStack,
} from '../data/sources/patient_source';
import { DataError, NonFiniteError } from '../base/errors';
import { anything, callback, optional, resolveOptions, type Rules } from '../base/options';
import { bestPooledCut } from '../evaluation/thresholds';
import { thresholdsOf, type Threshold } from '../metrics/decide';
import { countsOf, f2OfLabels } from '../metrics/decision_counts';
import { labelledScores, type LabelRows } from '../metrics/labelled_scores';
import type { LossFn } from '../base/types';
import { outputLevel, type OutputLevel } from '../models/output_level';
import { checkStepLabels } from '../models/step_inputs';
import {
  calibratedLogits,
  checkFinite,
  checkModel,
  PREDICT_PATIENTS_RULES,
  type PredictPatientsOptions,
} from './predict_patients';

/**
 * Options of {@link evaluatePatients}.
 *
 * @inline
 */
export interface EvaluateOptions extends Omit<PredictPatientsOptions, 'threshold'> {
  /**
   * Probability from which a label counts as present, one for all or one per label; `'best'`: the single one with the
   * largest F2 on these patients.
   * @defaultValue 0.5
   */
  threshold?: number | readonly number[] | 'best';
  /** Loss from labels and logits; its mean over patients is reported. */
  loss?: LossFn;
}

const EVALUATE_RULES = {
  ...PREDICT_PATIENTS_RULES,
  threshold: optional<Threshold | 'best'>(anything, 0.5),
  loss: optional(callback),
} satisfies Rules<EvaluateOptions>;

/** Scores of a model on labelled patients. */
export interface Evaluation {
  /** Whether slices or patients were scored, according to the model's outputs. */
  level: OutputLevel;
  /**
   * F2 over all labels of all slices, as in the challenge, or of all patients; 0 without any positive or any predicted
   * positive, as in `fBetaScore`.
   */
  f2: number;
  /** F2 per label, in the source's order; undefined for a label that none of the patients has. */
  f2PerLabel: (number | undefined)[];
  /** The threshold of F2, one for all labels or one per label. */
  threshold: number | readonly number[];
  /** Mean over patients of the loss, if one was given. */
  loss?: number;
  patients: number;
  slices: number;
}

/**
 * Computes F2 (pooled and per label) and the loss on labelled patients, with one patient in memory at a time.
 *
 * A patient-level model is evaluated against `patientLabels`, and slices need no labels; if some slices are not
 * labelled and no other has the label, that label of the patient is ignored.
 *
 * @throws ArgumentError for a model, a threshold or a calibration that do not fit the source's labels, or no patients.
 * @throws DataError for a patient without labels, with labels other than 0, 1 and -1, or with pixels outside 0..1;
 * NonFiniteError for a pixel, an output or a loss that is not finite.
 * @example
 * ```ts
 * const { f2, f2PerLabel } = await evaluatePatients(model, validation);
 * ```
 */
export async function evaluatePatients(
  model: tf.LayersModel,
  source: PatientSource,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const fn = 'evaluatePatients';
  const resolved = resolveOptions(fn, options, EVALUATE_RULES);
  const { threshold, calibration, onProgress, loss, ...predictOptions } = resolved;
  checkModel(fn, model, source, threshold === 'best' ? 0.5 : threshold, calibration);
  checkSomePatients(`${fn}: source`, source);
  const level = outputLevel(model);
  const yTrue: number[][] = [];
  const probabilities: number[][] = [];
  let lossSum = 0;
  let slices = 0;
  let done = 0;
  for await (const stack of prefetchPatients(source, source.patients)) {
    const { patient } = stack;
    slices += stack.slices.length;
    let results: tf.Tensor[];
    try {
      results = tf.tidy(() => {
        const labels = truth(level, source, stack);
        const logits = calibratedLogits(model, stack, calibration, predictOptions);
        checkStepLabels('evaluatePatients', model, tf.expandDims(stack.images), labels);
        const rows = [labels, tf.sigmoid(logits)].map((x) => tf.reshape(x, [-1, source.labels.length]));
        return loss ? [...rows, tf.mean(loss(labels, logits))] : rows;
      });
    } finally {
      disposeStack(stack);
    }
    const [truthRows, rows, batchLoss] = await Promise.all(results.map((tensor) => tensor.array()));
    tf.dispose(results);
    checkFinite(stack, (rows as number[][]).flat(), (rows as number[][]).length);
    const lossOk = batchLoss === undefined || Number.isFinite(batchLoss);
    if (!lossOk) throw new NonFiniteError(`the loss is ${String(batchLoss)}`, { patient });
    for (const row of truthRows as number[][]) yTrue.push(row);
    for (const row of rows as number[][]) probabilities.push(row);
    if (batchLoss !== undefined) lossSum += batchLoss as number;
    done++;
    onProgress?.({ patient, done, total: source.patients.length });
  }
  const scores = scoreRows(fn, yTrue, probabilities, threshold);
  return { level, ...scores, loss: loss && lossSum / done, patients: done, slices };
}

/** F2 over rows, pooled and per label. */
function scoreRows(
  fn: string,
  yTrue: LabelRows,
  probabilities: LabelRows,
  threshold: Threshold | 'best',
): Pick<Evaluation, 'f2' | 'f2PerLabel' | 'threshold'> {
  const columns = labelledScores(fn, yTrue, probabilities, 'probability');
  const at = threshold === 'best' ? bestPooledCut(columns).threshold : threshold;
  const thresholds = thresholdsOf(`${fn}: threshold`, at, columns.length);
  const { f2 = 0, f2PerLabel } = f2OfLabels(columns.map((entries, l) => countsOf(entries, thresholds[l]!)));
  return { f2, f2PerLabel, threshold: at };
}

/** Labels in the shape of the model's logits. */
function truth(level: OutputLevel, source: PatientSource, { patient, labels }: PatientStack): tf.Tensor {
  if (level === 'patients') return tf.tensor2d([patientTargets(source, patient)]);
  if (!labels) throw new DataError('the patient has no labels to evaluate against', { patient });
  return tf.expandDims(labels);
}
