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
   * Slices a batch.
   * @defaultValue `16`
   */
  batchSize?: number;
  /**
   * Slices of an epoch, drawn anew for each: for studies so large that all of them take hours.
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
 * First stage of the recipe: trains a backbone with a linear head on single slices, batches of 16, Adam at 1e-4.
 *
 * Batch normalisation, where the backbone has it, learns its statistics here (of a chunk, where a batch does not fit the
 * memory budget).
 *
 * @param model - Backbone and linear head, e.g. `buildCtBrainModel({ variant: 'linear', backbone })`; sharing `backbone` with
 * the model of the second stage hands its weights on.
 * @returns Every epoch's log; the model holds the best epoch's weights.
 * @throws ArgumentError for a loaded model and a study with other labels, another order of them or another preprocessing;
 * NonFiniteError when a loss is not finite.
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
  const expected = 'a model with logits of slices, [batch, slices, labels]';
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
   * How the order of slices is reversed and slices are left out, anew in each epoch.
   * @defaultValue not at all
   */
  augmentSequence?: SequenceAugmentation;
  /**
   * Stacks of a single slice that share a batch; longer ones have one each.
   * @defaultValue `1`
   */
  singles?: number;
  /**
   * How much the loss of the classifier that sees each slice by itself counts beside the model's: for a model built with
   * `sliceClassifier: true` whose output is of slices.
   * @defaultValue `0`
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
 * Second stage of the recipe: trains the whole model, one patient a batch, Adam at 1e-5.
 *
 * Batch normalisation keeps the statistics it learned before: one patient's slices resemble one another too much.
 *
 * @param model - As `buildCtBrainModel` makes it. One with `output: 'patient'` is trained, and scored, on what
 * `patientLabels` says of each patient: slices need no labels then.
 * @returns Every epoch's log; the model holds the best epoch's weights.
 * @throws ArgumentError for a loaded model and a study with other labels, another order of them or another preprocessing;
 * NonFiniteError when a loss is not finite.
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

/** A label of a patient may rest on any slice. */
export function checkSequence(
  fn: string,
  { keep }: SequenceAugmentation = {},
  level: 'slices' | 'patients',
): void {
  const expected = 'none for a model of patients, whose label may rest on a slice left out';
  check(level === 'slices' || keep === undefined, `${fn}: augmentSequence: keep`, expected, keep);
}
