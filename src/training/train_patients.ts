import type * as tf from '@tensorflow/tfjs';
import { check, checkKnownKeys, isPositiveInteger } from '../base/errors';
import { outputLevel } from '../models/model_parts';
import { patientBatches, patientSteps, sliceBatches, type PatientBatchOptions } from './batches';
import type { EpochLog } from './fit_stage';
import { checkSequenceAugmentation, type SequenceAugmentation } from './sequence_augmentation';
import { runStage, TRAINING_OPTIONS, type TrainingOptions } from './stage';

/** Options of {@link pretrainBackbone}. */
export interface PretrainOptions extends TrainingOptions {
  /**
   * Slices a batch.
   * @defaultValue `16`
   */
  batchSize?: number;
}

/**
 * First stage of the recipe: trains a backbone with a linear head on single slices, batches of 16, Adam at 1e-4.
 *
 * Batch normalisation, where the backbone has it, learns its statistics here (of a chunk, where a batch does not fit the
 * memory budget).
 *
 * @param model - Backbone and linear head, e.g. `buildCtBrainModel({ variant: 'VGG16', backbone })`; sharing `backbone` with
 * the model of the second stage hands its weights on.
 * @returns Every epoch's log; the model holds the best epoch's weights.
 * @throws {@link ArgumentError} for a loaded model and a study with other labels, another order of them or another preprocessing;
 * {@link NonFiniteError} when a loss is not finite.
 * @example
 * ```ts
 * const backbone = vgg16({ inputShape: [224, 224, 1] });
 * await pretrainBackbone(buildCtBrainModel({ variant: 'VGG16', backbone }), { train, validation, seed: 1 });
 * await trainPatients(buildCtBrainModel({ variant: 'VGG16 + LRNN', backbone }), { train, validation, seed: 1 });
 * ```
 */
export async function pretrainBackbone(model: tf.LayersModel, options: PretrainOptions): Promise<EpochLog[]> {
  checkKnownKeys(options, [...TRAINING_OPTIONS, 'batchSize'], 'pretrainBackbone');
  const { train, batchSize = 16 } = options;
  check(isPositiveInteger(batchSize), 'pretrainBackbone: batchSize', 'a positive integer', batchSize);
  check(
    outputLevel(model) === 'slices',
    'pretrainBackbone: model',
    'a model with logits of slices, [batch, slices, labels]',
    model.outputs[0]!.shape,
  );
  const slices = train.patients.reduce((sum, patient) => sum + train.sliceNames(patient).length, 0);
  return runStage('pretrain', model, options, {
    learningRate: 1e-4,
    updateBatchNorm: true,
    steps: () => Math.ceil(slices / batchSize),
    batches: (epoch, batchOptions) => sliceBatches(train, epoch, batchSize, batchOptions),
  });
}

/** Options of {@link trainPatients}. */
export interface TrainPatientsOptions extends TrainingOptions {
  /**
   * How the order of slices is reversed and slices are left out, anew in each epoch; see {@link SequenceAugmentation}.
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

/**
 * Second stage of the recipe: trains the whole model, one patient a batch, Adam at 1e-5.
 *
 * Batch normalisation keeps the statistics it learned before: one patient's slices resemble one another too much.
 *
 * @param model - As {@link buildCtBrainModel} makes it. One with `output: 'patient'` is trained, and scored, on what
 * {@link patientLabels} says of each patient: slices need no labels then.
 * @returns Every epoch's log; the model holds the best epoch's weights.
 * @throws {@link ArgumentError} for a loaded model and a study with other labels, another order of them or another preprocessing;
 * {@link NonFiniteError} when a loss is not finite.
 * @example
 * ```ts
 * const history = await trainPatients(model, { train, validation, seed: 1, onProgress: console.log });
 * ```
 */
export async function trainPatients(
  model: tf.LayersModel,
  options: TrainPatientsOptions,
): Promise<EpochLog[]> {
  checkKnownKeys(options, TRAIN_PATIENTS_OPTIONS, 'trainPatients');
  const { train, sliceClassifierWeight } = options;
  const level = outputLevel(model);
  const sequence = checkedSequence('trainPatients', options, level);
  return runStage('patients', model, options, {
    learningRate: 1e-5,
    updateBatchNorm: false,
    ...(sliceClassifierWeight !== undefined && { sliceClassifierWeight }),
    steps: (epoch, batch) => patientSteps(train, epoch, { ...batch, ...sequence }, level),
    batches: (epoch, batch) => patientBatches(train, epoch, { ...batch, ...sequence }, level),
  });
}

/** Keys of {@link TrainPatientsOptions}. */
export const TRAIN_PATIENTS_OPTIONS = [
  ...TRAINING_OPTIONS,
  ...['augmentSequence', 'singles', 'sliceClassifierWeight'],
];

/** How batches of patients are drawn. */
export function checkedSequence(
  fn: string,
  { augmentSequence, singles }: Pick<TrainPatientsOptions, 'augmentSequence' | 'singles'>,
  level: 'slices' | 'patients',
): Pick<PatientBatchOptions, 'augmentSequence' | 'singles'> {
  if (augmentSequence) {
    checkSequenceAugmentation(`${fn}: augmentSequence`, augmentSequence);
    check(
      level === 'slices' || augmentSequence.keep === undefined,
      `${fn}: augmentSequence: keep`,
      'none for a model of patients, whose label may rest on a slice left out',
      augmentSequence.keep,
    );
  }
  check(singles === undefined || isPositiveInteger(singles), `${fn}: singles`, 'a positive integer', singles);
  return { ...(augmentSequence && { augmentSequence }), ...(singles !== undefined && { singles }) };
}
