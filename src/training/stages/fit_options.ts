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
 * Data of one step; training disposes it.
 *
 * @inline
 */
export interface TrainingBatch {
  /** Name for error messages and the progress display: a patient, a batch. */
  name: string;
  /** `[batch, slices, h, w, c]` */
  images: tf.Tensor;
  /** `[batch, slices, labels]`, or `[batch, labels]` if the model's output is per patient. */
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
  /** Maximum number of epochs. */
  epochs: number;
  /** Epochs without a better validation F2 before stopping. */
  patience: number;
  /**
   * Batches of an epoch (counted from 1), in order, without the first `skip`; each draw must depend only on the epoch,
   * so that resuming repeats it.
   */
  batches: (epoch: number, skip: number) => AsyncIterable<TrainingBatch>;
  /** Number of batches in an epoch. */
  steps: number | ((epoch: number) => number);
  /** Scores the model on the validation patients. */
  validate: () => Promise<Evaluation>;
  /**
   * F2 of the best predictor that never looks at an image: as long as no epoch exceeds it, epochs do not count towards
   * the patience.
   * @defaultValue none
   */
  baseline?: number;
  /**
   * Number of initial epochs that cannot be the best; the last epoch always can.
   * @defaultValue 0
   */
  startFromEpoch?: number;
  /**
   * Score of the model's initial weights, which are kept unless an epoch exceeds it.
   * @defaultValue none: the first epoch is always better
   */
  initial?: Pick<Evaluation, 'f2' | 'loss'>;
  /**
   * Factor on the learning rate of the backbone.
   * @defaultValue 1
   */
  backboneRate?: number;
  /**
   * Batches whose gradients are averaged for one step.
   * @defaultValue 1
   */
  accumulate?: number;
  /**
   * Validates, keeps and reports the mean of the weights at the ends of about this many last epochs: a running mean,
   * `mean += (weights - mean) / min(epoch, averageEpochs)`. Training continues from the weights themselves. Cannot be
   * combined with `resume`.
   * @defaultValue 1
   */
  averageEpochs?: number;
  /** Called after every step. */
  onProgress?: (progress: TrainingProgress) => void;
  /** Called after every epoch, e.g. to write a checkpoint; the model then has the epoch's weights. */
  onEpochEnd?: (log: EpochLog, state: StageState) => Promise<void> | void;
  /**
   * Number of batches between calls of `onCheckpoint` within an epoch; a multiple of `accumulate`.
   * @defaultValue never
   */
  checkpointSteps?: number;
  /** Called within an epoch, to write what is needed to resume there. */
  onCheckpoint?: (state: StageState) => Promise<void> | void;
  /** State of an interrupted stage; model and optimizer must have its weights. */
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
  baseline: optional(anything), // checked by EarlyStopping
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

/** The options with defaults filled in. */
export type ResolvedFitOptions = Resolved<FitStageOptions, typeof FIT_RULES>;
