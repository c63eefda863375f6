import * as tf from '@tensorflow/tfjs';
import {
  disposeStack,
  prefetchPatients,
  type PatientProgress,
  type PatientSource,
} from '../data/patient_source';
import type { SlicePrediction } from '../data/predictions_table';
import { check, DataError } from '../errors';
import { checkThreshold, decide, type Threshold } from '../metrics/decide';
import { FBetaScore } from '../metrics/f_beta';
import type { LossFn } from '../types';
import { predictStack, type PredictOptions } from './predict';

export type { PatientProgress } from '../data/patient_source';

/** Options of {@link predictPatients}. */
export interface PredictPatientsOptions extends PredictOptions {
  /**
   * Probability from which on a label counts as present, one for all or one per label.
   * @defaultValue `0.5`
   */
  thresholds?: Threshold;
  /** Called after each patient. */
  onProgress?: (progress: PatientProgress) => void;
}

/**
 * Probabilities and decisions for every slice of every patient, one patient in memory at a time.
 *
 * @throws {@link ArgumentError} for a model or thresholds that do not fit the source's labels.
 * @example
 * ```ts
 * for await (const slices of predictPatients(model, source)) console.table(slices);
 * ```
 */
export async function* predictPatients(
  model: tf.LayersModel,
  source: PatientSource,
  options: PredictPatientsOptions = {},
): AsyncGenerator<SlicePrediction[], void, undefined> {
  const { thresholds = 0.5, onProgress, ...predictOptions } = options;
  checkModel('predictPatients', model, source, thresholds);
  let done = 0;
  for await (const stack of prefetchPatients(source, source.patients)) {
    const { patient, slices } = stack;
    let results: [tf.Tensor2D, tf.Tensor2D];
    try {
      results = tf.tidy(() => {
        const logits = predictStack(model, tf.expandDims(stack.images), predictOptions);
        const p = tf.sigmoid(tf.squeeze(logits, [0])) as tf.Tensor2D;
        return [p, decide(p, thresholds) as tf.Tensor2D];
      });
    } finally {
      disposeStack(stack);
    }
    const [p, d] = await Promise.all(results.map((tensor) => tensor.array()));
    tf.dispose(results);
    done++;
    onProgress?.({ patient, done, total: source.patients.length });
    yield slices.map((slice, i) => ({
      patient,
      slice,
      probabilities: p![i]!,
      decisions: d![i] as (0 | 1)[],
    }));
  }
}

/** Options of {@link evaluatePatients}. */
export interface EvaluateOptions extends PredictPatientsOptions {
  /** Loss from labels and logits; its mean over patients is reported. */
  loss?: LossFn;
}

/** How a model does on labelled patients. */
export interface Evaluation {
  /** F2 over all label bits of all slices, as the challenge counts. */
  f2: number;
  /** F2 of each label by itself, in the source's order. */
  f2PerLabel: number[];
  /** Mean over patients of the loss, if one was given. */
  loss?: number;
  patients: number;
  slices: number;
}

/**
 * F2 (pooled and per label) and the loss on labelled patients, one patient in memory at a time.
 *
 * @throws {@link ArgumentError} for a model or thresholds that do not fit the source's labels, or no patients.
 * @throws {@link DataError} for a patient without labels.
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
  const { thresholds: threshold = 0.5, onProgress, loss, ...predictOptions } = options;
  checkModel('evaluatePatients', model, source, threshold);
  check(source.patients.length > 0, 'evaluatePatients: source', 'at least one patient', source.patients);
  const pooled = new FBetaScore({ threshold });
  const perLabel = new FBetaScore({ threshold, average: 'none' });
  let lossSum = 0;
  let slices = 0;
  let done = 0;
  try {
    for await (const stack of prefetchPatients(source, source.patients)) {
      const { patient } = stack;
      slices += stack.slices.length;
      let batchLoss: tf.Scalar | undefined;
      try {
        batchLoss = tf.tidy(() => {
          if (!stack.labels)
            throw new DataError('the patient has no labels to evaluate against', { patient });
          const logits = predictStack(model, tf.expandDims(stack.images), predictOptions);
          const labels = tf.expandDims(stack.labels);
          const probabilities = tf.sigmoid(logits);
          pooled.update(labels, probabilities);
          perLabel.update(labels, probabilities);
          return loss && (tf.mean(loss(labels, logits)) as tf.Scalar);
        });
      } finally {
        disposeStack(stack);
      }
      if (batchLoss) {
        lossSum += (await batchLoss.data())[0]!;
        batchLoss.dispose();
      }
      done++;
      onProgress?.({ patient, done, total: source.patients.length });
    }
    const [f2, f2PerLabel] = await Promise.all([read(pooled), read(perLabel)]);
    return { f2: f2[0]!, f2PerLabel, ...(loss && { loss: lossSum / done }), patients: done, slices };
  } finally {
    pooled.dispose();
    perLabel.dispose();
  }
}

/** A metric's result, read back. */
export async function read(metric: FBetaScore): Promise<number[]> {
  const result = metric.result();
  const values = [...(await result.data())];
  result.dispose();
  return values;
}

function checkModel(fn: string, model: tf.LayersModel, source: PatientSource, thresholds: Threshold): void {
  const { shape } = model.outputs[0]!;
  const { labels } = source;
  check(
    shape.at(-1) === labels.length,
    `${fn}: model`,
    `one output for each of the labels ${labels.join(', ')}`,
    shape,
  );
  checkThreshold(fn, thresholds, labels.length);
}
