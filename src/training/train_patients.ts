import type * as tf from '@tensorflow/tfjs';
import type { PatientSource } from '../data/sources/patient_source';
import { check, checkKnownKeys, isPositiveInteger } from '../base/errors';
import { asymmetricLoss } from '../losses/asymmetric_loss';
import { checkThreshold, type Threshold } from '../metrics/decide';
import type { AugmentationRanges } from '../transforms/random_augment';
import type { LossFn } from '../base/types';
import { adam } from '../optimizers/adam';
import { patientBatches, sliceBatches, type BatchOptions } from './batches';
import { evaluatePatients } from '../prediction/evaluate';
import { fitStage, type EpochLog, type FitStageOptions } from './fit_stage';
import { outputLevel } from '../models/model_parts';
import { checkSequenceAugmentation, type SequenceAugmentation } from './sequence_augmentation';

/** What both stages of the recipe take. */
export interface TrainingOptions extends Pick<
  FitStageOptions,
  'memoryBudget' | 'onProgress' | 'onEpochEnd' | 'resume' | 'bestWeights'
> {
  /** Labelled patients to learn from. */
  train: PatientSource;
  /** Labelled patients to choose the best epoch by. */
  validation: PatientSource;
  /** Seed of the order of patients and of the augmentation. */
  seed: number;
  /**
   * Most epochs to train.
   * @defaultValue `50`
   */
  epochs?: number;
  /**
   * Epochs without a better validation F2 before stopping.
   * @defaultValue `5`
   */
  patience?: number;
  /**
   * Step size of Adam. Ignored when `optimizer` is given.
   * @defaultValue `1e-4` for {@link pretrainBackbone}, `1e-5` for {@link trainPatients}
   */
  learningRate?: number;
  /** In place of Adam. The caller disposes of it. */
  optimizer?: tf.Optimizer;
  /**
   * Loss from labels and logits.
   * @defaultValue `asymmetricLoss()`
   */
  loss?: LossFn;
  /**
   * Ranges of the augmentation, one draw a stack, or `false` for none.
   * @defaultValue the published recipe's, see {@link AugmentationRanges}
   */
  augment?: AugmentationRanges | false;
  /**
   * Probability from which on a label counts as present in the F2.
   * @defaultValue `0.5`
   */
  thresholds?: Threshold;
}

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
 * @throws {@link NonFiniteError} when a loss is not finite.
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
    steps: Math.ceil(slices / batchSize),
    batches: (epoch, batchOptions) => sliceBatches(train, epoch, batchSize, batchOptions),
  });
}

/** Options of {@link trainPatients}. */
export interface TrainPatientsOptions extends TrainingOptions {
  /**
   * How stacks are turned round and thinned out, anew in each epoch; see {@link SequenceAugmentation}.
   * @defaultValue not at all
   */
  augmentSequence?: SequenceAugmentation;
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
 * @throws {@link NonFiniteError} when a loss is not finite.
 * @example
 * ```ts
 * const history = await trainPatients(model, { train, validation, seed: 1, onProgress: console.log });
 * ```
 */
export async function trainPatients(
  model: tf.LayersModel,
  options: TrainPatientsOptions,
): Promise<EpochLog[]> {
  checkKnownKeys(options, [...TRAINING_OPTIONS, 'augmentSequence', 'sliceClassifierWeight'], 'trainPatients');
  const { train, augmentSequence, sliceClassifierWeight } = options;
  const level = outputLevel(model);
  if (augmentSequence) {
    checkSequenceAugmentation('trainPatients: augmentSequence', augmentSequence);
    check(
      level === 'slices' || augmentSequence.keep === undefined,
      'trainPatients: augmentSequence: keep',
      'none for a model of patients, whose label may rest on a slice left out',
      augmentSequence.keep,
    );
  }
  return runStage('patients', model, options, {
    learningRate: 1e-5,
    updateBatchNorm: false,
    steps: train.patients.length,
    ...(sliceClassifierWeight !== undefined && { sliceClassifierWeight }),
    batches: (epoch, batchOptions) =>
      patientBatches(train, epoch, { ...batchOptions, ...(augmentSequence && { augmentSequence }) }, level),
  });
}

/** Keys of {@link TrainingOptions}. */
const TRAINING_OPTIONS = [
  ...['train', 'validation', 'seed', 'epochs', 'patience', 'learningRate', 'optimizer', 'loss', 'augment'],
  ...['thresholds', 'memoryBudget', 'onProgress', 'onEpochEnd', 'resume', 'bestWeights'],
];

interface Stage {
  learningRate: number;
  updateBatchNorm: boolean;
  steps: number;
  sliceClassifierWeight?: number;
  batches: (epoch: number, options: BatchOptions) => ReturnType<FitStageOptions['batches']>;
}

async function runStage(
  stage: string,
  model: tf.LayersModel,
  options: TrainingOptions,
  { learningRate: defaultRate, updateBatchNorm, steps, sliceClassifierWeight, batches }: Stage,
): Promise<EpochLog[]> {
  const { train, validation, seed, augment = {}, thresholds = 0.5 } = options;
  const { epochs = 50, patience = 5, learningRate = defaultRate, loss = asymmetricLoss() } = options;
  const personOf = (source: PatientSource) => (patient: string) => source.groupOf?.(patient) ?? patient;
  const persons = new Set(train.patients.map(personOf(train)));
  const shared = validation.patients.filter((patient) => persons.has(personOf(validation)(patient)));
  check(Number.isInteger(seed), `${stage}: seed`, 'an integer', seed);
  check(train.patients.length > 0, `${stage}: train`, 'at least one patient', train.patients);
  check(validation.patients.length > 0, `${stage}: validation`, 'at least one patient', validation.patients);
  check(shared.length === 0, `${stage}: validation`, 'patients that are not in train', shared);
  check(
    train.labels.join() === validation.labels.join(),
    `${stage}: validation`,
    `the labels ${train.labels.join(', ')}`,
    validation.labels,
  );
  checkThreshold(stage, thresholds, train.labels.length);
  check(learningRate > 0 && learningRate < 1, `${stage}: learningRate`, 'a number in (0, 1)', learningRate);

  const { memoryBudget, onProgress, onEpochEnd, resume, bestWeights } = options;
  const optimizer = options.optimizer ?? adam(learningRate);
  try {
    return await fitStage({
      stage,
      model,
      optimizer,
      loss,
      epochs,
      patience,
      steps,
      updateBatchNorm,
      ...(sliceClassifierWeight !== undefined && { sliceClassifierWeight }),
      batches: (epoch) => batches(epoch, { seed, augment }),
      validate: () => evaluatePatients(model, validation, { thresholds, loss }),
      ...(memoryBudget !== undefined && { memoryBudget }),
      ...(onProgress && { onProgress }),
      ...(onEpochEnd && { onEpochEnd }),
      ...(resume && { resume }),
      ...(bestWeights && { bestWeights }),
    });
  } finally {
    if (!options.optimizer) optimizer.dispose();
  }
}
