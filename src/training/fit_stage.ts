import * as tf from '@tensorflow/tfjs';
import { breathe } from '../base/breathe';
import { check, checkKnownKeys, isPositiveInteger, NonFiniteError } from '../base/errors';
import { FBetaScore } from '../metrics/f_beta';
import type { LossFn } from '../base/types';
import { EarlyStopping, type EarlyStoppingState } from './early_stopping';
import { read, type Evaluation } from '../prediction/evaluate';
import { trainStep } from './train_step';

/** One step's worth of data; the training disposes of it. */
export interface TrainingBatch {
  /** What it is, for error messages and the progress display: a patient, a batch. */
  name: string;
  /** `[batch, slices, h, w, c]` */
  images: tf.Tensor;
  /** `[batch, slices, labels]`, or `[batch, labels]` where the model's output is of patients. */
  labels: tf.Tensor;
}

/** Where a stage stands in an epoch. */
export interface TrainingProgress {
  stage: string;
  /** Counted from 1. */
  epoch: number;
  epochs: number;
  /** Steps done in this epoch. */
  step: number;
  steps: number;
  /** Mean loss of this epoch's steps so far. */
  loss: number;
  /**
   * F2 of this epoch's steps so far, on augmented training slices (or patients, where the output is of those), each before its step. Read from the device at the first
   * and last step of an epoch and every half second in between; other steps repeat the last reading.
   */
  f2: number;
}

/** What an epoch came to: plain data. */
export interface EpochLog {
  stage: string;
  epoch: number;
  loss: number;
  /** F2 on the (augmented) training slices, or patients where the model's output is of those; so is the validation's. */
  f2: number;
  validationLoss: number | null;
  validationF2: number;
  validationF2PerLabel: number[];
  /** Whether it is the best epoch so far. */
  best: boolean;
  /** Time the epoch took, validation included. */
  seconds: number;
}

/** Where an interrupted stage stood, for going on with it. */
export interface StageState {
  stopping: EarlyStoppingState;
  history: EpochLog[];
}

/** Options of {@link fitStage}. */
export interface FitStageOptions {
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
  /** Batches of an epoch (counted from 1), in order; each draw must depend on the epoch alone, so that resuming repeats it. */
  batches: (epoch: number) => AsyncIterable<TrainingBatch>;
  /** Number of batches in an epoch. */
  steps: number;
  /** Scores the model on the validation patients. */
  validate: () => Promise<Evaluation>;
  /** Bytes of backbone activations kept at once, see `TrainStepOptions`. */
  memoryBudget?: number;
  /** Whether batch normalisation learns its statistics, see `TrainStepOptions`. */
  updateBatchNorm?: boolean;
  /** How much the loss of the model's slice classifier counts, see `TrainStepOptions`. */
  sliceClassifierWeight?: number;
  /** Called after every step. */
  onProgress?: (progress: TrainingProgress) => void;
  /** Called after every epoch, e.g. to write a checkpoint; the model then holds the epoch's weights. */
  onEpochEnd?: (log: EpochLog, state: StageState) => Promise<void> | void;
  /** Where an interrupted stage stood; model and optimizer must hold that epoch's weights. */
  resume?: StageState;
  /** The best epoch's weights, when resuming after it. */
  bestWeights?: tf.Tensor[];
}

/**
 * Trains until the validation F2 has not risen for `patience` epochs, and leaves the best epoch's weights in the model.
 *
 * @returns Every epoch's log, those before a resumption too.
 * @throws {@link NonFiniteError} when a loss is not finite, naming epoch and batch; the model then holds the best epoch's
 * weights, or those it came with before the first epoch's end.
 * @example
 * ```ts
 * async function* batches(epoch: number): AsyncGenerator<TrainingBatch> {
 *   for await (const stack of prefetchPatients(train, shuffled(train.patients, seededRandom(epoch)))) {
 *     yield { name: stack.patient, images: tf.expandDims(stack.images), labels: tf.expandDims(stack.labels!) };
 *   }
 * }
 * const history = await fitStage({
 *   ...{ stage: 'mine', model, optimizer: adam(1e-4), loss: asymmetricLoss(), epochs: 10, patience: 3 },
 *   ...{ batches, steps: train.patients.length, validate: () => evaluatePatients(model, validation) },
 * });
 * ```
 */
export async function fitStage(options: FitStageOptions): Promise<EpochLog[]> {
  checkKnownKeys(options, FIT_STAGE_OPTIONS, 'fitStage');
  const { stage, model, epochs, patience, validate, onEpochEnd, resume } = options;
  check(isPositiveInteger(epochs), 'fitStage: epochs', 'a positive integer', epochs);
  const stopping = new EarlyStopping(patience, resume?.stopping);
  const history = [...(resume?.history ?? [])];
  let best = (options.bestWeights ?? model.getWeights()).map((weight) => tf.keep(weight.clone()));
  try {
    for (let epoch = stopping.state.epoch + 1; epoch <= epochs && !stopping.stop; epoch++) {
      const start = Date.now();
      const training = await trainEpoch(epoch, options);
      const validation = await validate();
      if (!Number.isFinite(validation.f2)) {
        throw new NonFiniteError(`${stage}: the validation F2 of epoch ${epoch} is ${validation.f2}`);
      }
      const better = stopping.update(validation.f2);
      if (better) {
        tf.dispose(best);
        best = model.getWeights().map((weight) => tf.keep(weight.clone()));
      }
      const log: EpochLog = {
        stage,
        epoch,
        ...training,
        validationLoss: validation.loss ?? null,
        validationF2: validation.f2,
        validationF2PerLabel: validation.f2PerLabel,
        best: better,
        seconds: (Date.now() - start) / 1000,
      };
      history.push(log);
      await onEpochEnd?.(log, { stopping: stopping.state, history: [...history] });
    }
    return history;
  } finally {
    model.setWeights(best);
    tf.dispose(best);
  }
}

/** Keys of {@link FitStageOptions}. */
const FIT_STAGE_OPTIONS = [
  ...['stage', 'model', 'optimizer', 'loss', 'epochs', 'patience', 'batches', 'steps', 'validate'],
  ...[
    'memoryBudget',
    'updateBatchNorm',
    'sliceClassifierWeight',
    'onProgress',
    'onEpochEnd',
    'resume',
    'bestWeights',
  ],
];

async function trainEpoch(epoch: number, options: FitStageOptions): Promise<{ loss: number; f2: number }> {
  const { stage, model, optimizer, epochs, steps, onProgress } = options;
  const { loss, memoryBudget, updateBatchNorm, sliceClassifierWeight } = options;
  const stepOptions = {
    loss,
    ...(memoryBudget !== undefined && { memoryBudget }),
    ...(updateBatchNorm !== undefined && { updateBatchNorm }),
    ...(sliceClassifierWeight !== undefined && { sliceClassifierWeight }),
  };
  const metric = new FBetaScore();
  let lossSum = 0;
  let step = 0;
  let f2 = 0;
  let readAt = -Infinity;
  try {
    for await (const { name, images, labels } of options.batches(epoch)) {
      let result: tf.Scalar;
      try {
        result = tf.tidy(() => {
          const { loss: value, logits } = trainStep(model, images, labels, optimizer, stepOptions);
          metric.update(labels, tf.sigmoid(logits));
          return value;
        });
      } finally {
        tf.dispose([images, labels]);
      }
      const value = (await result.data())[0]!;
      result.dispose();
      if (!Number.isFinite(value)) {
        throw new NonFiniteError(
          `${stage}: the loss is ${value} in epoch ${epoch}, step ${step + 1} (${name}); ` +
            'lower the learning rate, or look at that input',
        );
      }
      lossSum += value;
      step++;
      if (onProgress) {
        if (step === steps || Date.now() - readAt >= F2_READ_INTERVAL) {
          f2 = (await read(metric))[0]!;
          readAt = Date.now();
        }
        onProgress({ stage, epoch, epochs, step, steps, loss: lossSum / step, f2 });
      }
      await breathe();
    }
    check(step > 0, `${stage}: batches`, 'at least one batch an epoch', step);
    return { loss: lossSum / step, f2: (await read(metric))[0]! };
  } finally {
    metric.dispose();
  }
}

/** Milliseconds between two readings of the running F2: to wait for the device at every step would slow the training. */
const F2_READ_INTERVAL = 500;
