import type * as tf from '@tensorflow/tfjs';
import { check } from '../../base/checks';
import { callback, integerFrom0, optional, resolveOptions, type Rules } from '../../base/options';
import { patientTargets, type PatientProgress, type PatientSource } from '../../data/sources/patient_source';
import { backboneOf } from '../../models/model_parts';
import { outputLevel } from '../../models/output_level';
import { setOutputBias } from '../../models/output_bias';
import { patientBatches, patientSteps } from '../batches/batches';
import { extractFeatures, featureSource } from '../batches/features';
import type { EpochLog } from './stage_log';
import { checkStudiesFit, runStage } from './stage';
import { checkSequence, TRAIN_PATIENTS_RULES, type TrainPatientsOptions } from './train_patients';

/**
 * Options of {@link warmUpHead}.
 *
 * @inline
 */
export interface WarmUpOptions extends TrainPatientsOptions {
  /**
   * Number of augmented versions of each training stack to extract features from, in addition to the original images.
   * @defaultValue 4
   */
  versions?: number;
  /** Called while features are extracted. */
  onExtract?: (progress: PatientProgress) => void;
}

export const WARM_UP_RULES = {
  ...TRAIN_PATIENTS_RULES,
  versions: optional(integerFrom0),
  onExtract: optional(callback),
} satisfies Rules<WarmUpOptions>;

/**
 * Stage between the two published ones: trains the layers above the backbone (slice dependency, neck, decoder) on
 * features of the frozen backbone, extracted once.
 *
 * A randomly initialised head distorts a trained backbone's features if both are trained together, and at the low
 * learning rate that the backbone needs it hardly learns. The output biases start at the labels' log-odds.
 *
 * @param model - As `buildCtBrainModel` makes it; its backbone must be trained already.
 * @returns Every epoch's log; the model has the best epoch's weights.
 * @throws ArgumentError for a loaded model and a study with other labels, another label order or another preprocessing;
 * NonFiniteError if a loss is not finite.
 * @example
 * ```ts
 * await warmUpHead(model, { train, validation, seed: 1, epochs: 15 });
 * await trainPatients(model, { train, validation, seed: 1, epochs: 3 });
 * ```
 *
 * @see Kumar et al., "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution", ICLR 2022,
 * https://arxiv.org/abs/2202.10054.
 */
export async function warmUpHead(model: tf.LayersModel, options: WarmUpOptions): Promise<EpochLog[]> {
  const fn = 'warmUpHead';
  const { versions, onExtract, ...rest } = resolveOptions(fn, options, WARM_UP_RULES);
  const { augmentSequence, singles, sliceClassifierWeight, ...training } = rest;
  const { train, validation, seed, augment, memoryBudget } = training;
  check(augment !== false || !versions, `${fn}: versions`, 'none without augmentation', versions);
  checkStudiesFit(fn, model, training);
  const level = outputLevel(model);
  checkSequence(fn, augmentSequence, level);
  const sequence = { augmentSequence, singles };
  const backbone = backboneOf(model);
  const total = train.patients.length + validation.patients.length;
  let done = 0;
  const extracted = async (source: PatientSource, count: number) => {
    const features = await extractFeatures(backbone, source, {
      ...{ versions: count, seed, augment: augment === false ? undefined : augment, memoryBudget },
      onProgress: ({ patient }) => onExtract?.({ patient, done: ++done, total }),
    });
    return featureSource(source, features);
  };
  const trainFeatures = await extracted(train, augment === false ? 0 : (versions ?? 4));
  const validationFeatures = await extracted(validation, 0);
  if (!training.resume) setOutputBias(model, labelCounts(train, level));
  return runStage(
    'warm-up',
    model,
    { ...training, train: trainFeatures, validation: validationFeatures },
    {
      learningRate: 5e-4,
      fromFeatures: true,
      sliceClassifierWeight,
      steps: (epoch, batch) => patientSteps(trainFeatures, epoch, { ...batch, ...sequence }, level),
      batches: (epoch, batch) => patientBatches(trainFeatures, epoch, { ...batch, ...sequence }, level),
    },
  );
}

/** Per label: entries that have it and entries that do not. */
export function labelCounts(
  source: PatientSource,
  level: 'slices' | 'patients',
): { positives: number; negatives: number }[] {
  const rows = source.patients.flatMap((patient) =>
    level === 'patients' ? [patientTargets(source, patient)] : (source.sliceLabels(patient) ?? []),
  );
  const count = (label: number, value: number) => rows.filter((row) => row[label] === value).length;
  return source.labels.map((_, label) => ({ positives: count(label, 1), negatives: count(label, 0) }));
}
