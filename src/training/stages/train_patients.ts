import type * as tf from '@tensorflow/tfjs';
import { check } from '../../base/checks';
import { nested, optional, positiveInteger, resolveOptions, type Rules } from '../../base/options';
import { outputLevel } from '../../models/output_level';
import { patientBatches, patientSteps, sliceBatches } from '../batches/batches';
import type { EpochLog } from './stage_log';
import { SEQUENCE_RULES, type SequenceAugmentation } from '../batches/sequence_augmentation';
import { runStage, TRAINING_RULES, type TrainingOptions } from './stage';
import { TRAIN_STEP_RULES } from '../steps/train_step';

/**
 * Options of {@link pretrainBackbone}.
 *
 * @inline
 */
export interface PretrainOptions extends TrainingOptions {
  /**
   * Slices per batch.
   * @defaultValue 16
   */
  batchSize?: number;
  /**
   * Slices per epoch, drawn anew for each epoch: for studies so large that an epoch of all slices takes hours.
   * @defaultValue all
   */
  slicesPerEpoch?: number;
}

export const PRETRAIN_RULES = {
  ...TRAINING_RULES,
  batchSize: optional(positiveInteger, 16),
  slicesPerEpoch: optional(positiveInteger),
} satisfies Rules<PretrainOptions>;

/**
 * First stage of the published recipe: trains a backbone with a linear head on single slices, batches of 16, Adam at 1e-4.
 *
 * Batch normalisation, if the backbone has it, learns its statistics here (from a chunk, if a batch does not fit the
 * memory budget).
 *
 * @param model - Backbone and linear head, e.g. `buildCtBrainModel({ variant: 'linear', backbone })`; share `backbone`
 * with the model of the second stage to share its weights.
 * @returns Every epoch's log; the model has the best epoch's weights.
 * @throws ArgumentError for a loaded model and a study with other labels, another label order or another preprocessing;
 * NonFiniteError if a loss is not finite.
 * @example
 * ```ts
 * const backbone = vgg16({ inputShape: [224, 224, 1] });
 * await pretrainBackbone(buildCtBrainModel({ variant: 'linear', backbone }), { train, validation, seed: 1 });
 * await trainPatients(buildCtBrainModel({ variant: 'LRNN', backbone }), { train, validation, seed: 1 });
 * ```
 */
export async function pretrainBackbone(model: tf.LayersModel, options: PretrainOptions): Promise<EpochLog[]> {
  const { batchSize, slicesPerEpoch, ...training } = resolveOptions(
    'pretrainBackbone',
    options,
    PRETRAIN_RULES,
  );
  const { train } = training;
  const expected = 'a model with logits per slice, [batch, slices, labels]';
  check(outputLevel(model) === 'slices', 'pretrainBackbone: model', expected, model.outputs[0]!.shape);
  const all = train.patients.reduce((sum, patient) => sum + train.sliceNames(patient).length, 0);
  const slices = Math.min(all, slicesPerEpoch ?? all);
  return runStage('pretrain', model, training, {
    learningRate: 1e-4,
    updateBatchNorm: true,
    steps: () => Math.ceil(slices / batchSize),
    batches: (epoch, batchOptions) => sliceBatches(train, epoch, batchSize, { ...batchOptions, slices }),
  });
}

/**
 * Options of {@link trainPatients}.
 */
export interface TrainPatientsOptions extends TrainingOptions {
  /**
   * How the slice order is reversed and slices are left out, drawn anew in each epoch.
   * @defaultValue not at all
   */
  augmentSequence?: SequenceAugmentation;
  /**
   * Number of single-slice stacks per batch; longer stacks have a batch of their own.
   * @defaultValue 1
   */
  singles?: number;
  /**
   * Weight of the single-slice classifier's loss relative to the model's, for a model built with
   * `sliceClassifier: true` whose output is per slice.
   * @defaultValue 0
   */
  sliceClassifierWeight?: number;
}

export const TRAIN_PATIENTS_RULES = {
  ...TRAINING_RULES,
  augmentSequence: optional(nested<SequenceAugmentation>(SEQUENCE_RULES)),
  singles: optional(positiveInteger, 1),
  sliceClassifierWeight: TRAIN_STEP_RULES.sliceClassifierWeight,
} satisfies Rules<TrainPatientsOptions>;

/**
 * Second stage of the published recipe: trains the whole model, one patient per batch, Adam at 1e-5.
 *
 * Batch normalisation keeps its learned statistics, since one patient's slices are too similar to one another.
 *
 * @param model - As `buildCtBrainModel` makes it. One with `output: 'patient'` is trained and evaluated on the labels
 * from `patientLabels`: slices then need no labels.
 * @returns Every epoch's log; the model has the best epoch's weights.
 * @throws ArgumentError for a loaded model and a study with other labels, another label order or another preprocessing;
 * NonFiniteError if a loss is not finite.
 * @example
 * ```ts
 * const history = await trainPatients(model, { train, validation, seed: 1, onProgress: console.log });
 * ```
 */
export async function trainPatients(
  model: tf.LayersModel,
  options: TrainPatientsOptions,
): Promise<EpochLog[]> {
  const fn = 'trainPatients';
  const resolved = resolveOptions(fn, options, TRAIN_PATIENTS_RULES);
  const { augmentSequence, singles, sliceClassifierWeight, ...training } = resolved;
  const { train } = training;
  const level = outputLevel(model);
  checkSequence(fn, augmentSequence, level);
  const sequence = { augmentSequence, singles };
  return runStage('patients', model, training, {
    learningRate: 1e-5,
    updateBatchNorm: false,
    sliceClassifierWeight,
    steps: (epoch, batch) => patientSteps(train, epoch, { ...batch, ...sequence }, level),
    batches: (epoch, batch) => patientBatches(train, epoch, { ...batch, ...sequence }, level),
  });
}

/** Refuses sequence augmentation for a patient-level model, since a patient's label may be due to any slice. */
export function checkSequence(
  fn: string,
  { keep }: SequenceAugmentation = {},
  level: 'slices' | 'patients',
): void {
  const expected = 'none for a patient-level model, whose label may be due to a slice that is left out';
  check(level === 'slices' || keep === undefined, `${fn}: augmentSequence: keep`, expected, keep);
}
