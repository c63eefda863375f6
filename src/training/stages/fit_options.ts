import type * as tf from '@tensorflow/tfjs';
import {
  anything,
  callback,
  integerFrom0,
  numberFrom0,
  optional,
  positiveInteger,
  type Resolved,
  type Rules,
} from '../../base/options';
import type { LossFn } from '../../base/types';
import type { Evaluation } from '../../prediction/evaluate';
import { STEP_RULES, type StepRules } from '../steps/apply_step';
import { SCHEDULE_RULES, type RateSchedule } from '../steps/learning_rate';
import { TRAIN_STEP_RULES, type TrainStepOptions } from '../steps/train_step';
import type { EpochLog, StageState, TrainingProgress } from './stage_log';

/**
 * One step's worth of data; the training disposes of it.
 *
 * @inline
 */
export interface TrainingBatch {
  /** What it is, for error messages and the progress display: a patient, a batch. */
  name: string;
  /** `[batch, slices, h, w, c]` */
  images: tf.Tensor;
  /** `[batch, slices, labels]`, or `[batch, labels]` where the model's output is of patients. */
  labels: tf.Tensor;
}

/**
 * Options of `fitStage`.
 *
 * @inline
 */
export interface FitStageOptions
  extends
    StepRules,
    RateSchedule,
    Pick<TrainStepOptions, 'memoryBudget' | 'updateBatchNorm' | 'sliceClassifierWeight' | 'fromFeatures'> {
  /** Name of the stage, for logs. */
  stage: string;
  model: tf.LayersModel;
  optimizer: tf.Optimizer;
  /** Loss from labels and logits. */
  loss: LossFn;
  /** Most epochs to train. */
  epochs: number;
  /** Epochs without a better validation F2 before stopping. */
  patience: number;
  /**
   * Batches of an epoch (counted from 1), in order, without the first `skip`; each draw must depend on the epoch alone, so that
   * resuming repeats it.
   */
  batches: (epoch: number, skip: number) => AsyncIterable<TrainingBatch>;
  /** Number of batches in an epoch. */
  steps: number | ((epoch: number) => number);
  /** Scores the model on the validation patients. */
  validate: () => Promise<Evaluation>;
  /**
   * F2 of the best predictor that never looks at an image: as long as no epoch exceeds it, no epoch counts against the patience.
   * @defaultValue none
   */
  baseline?: number;
  /**
   * Epochs to wait before one may be the best; the last epoch always may.
   * @defaultValue `0`
   */
  startFromEpoch?: number;
  /**
   * How the weights score that the model comes with: epochs that do not exceed it leave them in place.
   * @defaultValue not scored: the first epoch is better
   */
  initial?: Pick<Evaluation, 'f2' | 'loss'>;
  /**
   * Factor on the learning rate of the backbone.
   * @defaultValue `1`
   */
  backboneRate?: number;
  /**
   * Batches whose gradients are averaged for one step.
   * @defaultValue `1`
   */
  accumulate?: number;
  /**
   * What is validated, kept and reported after an epoch is the mean of the weights at the ends of about so many last epochs: a running
   * mean, `mean += (weights - mean) / min(epoch, averageEpochs)`. Training goes on from the weights themselves. Not together with
   * `resume`.
   * @defaultValue `1`
   */
  averageEpochs?: number;
  /** Called after every step. */
  onProgress?: (progress: TrainingProgress) => void;
  /** Called after every epoch, e.g. to write a checkpoint; the model then holds the epoch's weights. */
  onEpochEnd?: (log: EpochLog, state: StageState) => Promise<void> | void;
  /**
   * Batches after which `onCheckpoint` is called within an epoch; a multiple of `accumulate`.
   * @defaultValue never
   */
  checkpointSteps?: number;
  /** Called within an epoch, to write what resuming there needs. */
  onCheckpoint?: (state: StageState) => Promise<void> | void;
  /** Where an interrupted stage stood; model and optimizer must hold its weights. */
  resume?: StageState;
  /** The best epoch's weights, when resuming after it. */
  bestWeights?: tf.Tensor[];
}

const { chunkSlices: _, ...OF_STEPS } = TRAIN_STEP_RULES;

export const FIT_RULES = {
  ...{ ...OF_STEPS, ...STEP_RULES, ...SCHEDULE_RULES },
  ...{
    stage: anything,
    model: anything,
    optimizer: anything,
    epochs: positiveInteger,
    patience: positiveInteger,
  },
  ...{ batches: callback, steps: anything, validate: callback },
  baseline: optional(anything), // EarlyStopping checks it
  startFromEpoch: optional(integerFrom0, 0),
  initial: optional(anything),
  backboneRate: optional(numberFrom0, 1),
  accumulate: optional(positiveInteger, 1),
  averageEpochs: optional(positiveInteger, 1),
  onProgress: optional(callback),
  onEpochEnd: optional(callback),
  checkpointSteps: optional(positiveInteger),
  onCheckpoint: optional(callback),
  ...{ resume: optional(anything), bestWeights: optional(anything) },
} satisfies Rules<FitStageOptions>;

/** The options, with what stands for those that were left out. */
export type ResolvedFitOptions = Resolved<FitStageOptions, typeof FIT_RULES>;
