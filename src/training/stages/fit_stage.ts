import * as tf from '@tensorflow/tfjs';
import { breathe } from '../../base/breathe';
import { check } from '../../base/checks';
import { NonFiniteError } from '../../base/errors';
import {
  anything,
  callback,
  integerFrom0,
  numberFrom0,
  optional,
  positiveInteger,
  resolveOptions,
  type Resolved,
  type Rules,
} from '../../base/options';
import type { LossFn } from '../../base/types';
import { modelParts } from '../../models/model_parts';
import type { Evaluation } from '../../prediction/evaluate';
import { applyStep, STEP_RULES, type StepRules } from '../steps/apply_step';
import { EarlyStopping, type EarlyStoppingState } from './early_stopping';
import { ofBatch } from '../steps/finite_step';
import { rateFactor, SCHEDULE_RULES, type RateSchedule } from '../steps/learning_rate';
import { GradientSum } from '../steps/gradient_sum';
import { RunningMean } from '../steps/running_mean';
import { RunningScore, type RunningScoreState } from './running_score';
import { computeGradients, TRAIN_STEP_RULES, type TrainStepOptions } from '../steps/train_step';

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
 * Where a stage stands in an epoch.
 *
 * @inline
 */
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
   * F2 of this epoch's steps so far, on augmented training slices (or patients, where the output is of those), each before its step, at
   * the threshold of the last validation. Read from the device at the first and last step of an epoch and every half second in
   * between; other steps repeat the last reading.
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
  /** Threshold that the validation F2 is at, where it is one for all labels. */
  validationThreshold: number | null;
  /** Null for a label that no validation patient has. */
  validationF2PerLabel: (number | null)[];
  /** Whether it is the best epoch so far. */
  best: boolean;
  /** Time the epoch took, validation included. */
  seconds: number;
}

/**
 * Where an interrupted stage stood, for going on with it.
 *
 * @inline
 */
export interface StageState {
  stopping: EarlyStoppingState;
  history: EpochLog[];
  /** The epoch after the last one in `history`, where it had begun. */
  partial?: PartialEpoch;
}

/**
 * Steps done in an epoch that has not ended.
 *
 * @inline
 */
export interface PartialEpoch extends RunningScoreState {
  step: number;
  lossSum: number;
}

/**
 * Options of {@link fitStage}.
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

/**
 * Trains until the validation F2 has not risen for `patience` epochs, and leaves the best epoch's weights in the model.
 *
 * Of epochs with the same F2, the one with the smaller validation loss is the best.
 *
 * @returns Every epoch's log, those before a resumption too.
 * @throws NonFiniteError when a loss or a gradient is not finite, naming epoch and batch; the model then holds the best epoch's
 * weights, or those it came with before the first epoch's end.
 * @example
 * ```ts
 * async function* batches(epoch: number, skip: number): AsyncGenerator<TrainingBatch> {
 *   const order = shuffled(train.patients, seededRandom(epoch)).slice(skip);
 *   for await (const stack of prefetchPatients(train, order)) {
 *     yield { name: stack.patient, images: tf.expandDims(stack.images), labels: tf.expandDims(stack.labels!) };
 *   }
 * }
 * const history = await fitStage({
 *   ...{ stage: 'mine', model, optimizer: adam(1e-4), loss: asymmetricLoss(), epochs: 10, patience: 3 },
 *   ...{ batches, steps: train.patients.length },
 *   validate: () => evaluatePatients(model, validation, { threshold: 'best' }),
 * });
 * ```
 */
export async function fitStage(options: FitStageOptions): Promise<EpochLog[]> {
  const resolved = resolveOptions('fitStage', options, FIT_RULES);
  checkTogether(resolved);
  const { stage, model, epochs, patience, baseline, initial, validate, onEpochEnd, resume } = resolved;
  const fresh = initial && { bestEpoch: 0, best: initial.f2, bestLoss: initial.loss ?? null, epoch: 0 };
  const state = resume?.stopping ?? fresh;
  const stopping = new EarlyStopping(patience, {
    startFromEpoch: Math.min(resolved.startFromEpoch, epochs - 1),
    baseline,
    state,
  });
  const history = [...(resume?.history ?? [])];
  let partial = resume?.partial;
  const mean = new RunningMean(resolved.averageEpochs);
  let best = (resolved.bestWeights ?? model.getWeights()).map((weight) => tf.keep(weight.clone()));
  try {
    for (let epoch = stopping.state.epoch + 1; epoch <= epochs && !stopping.stop; epoch++) {
      const start = Date.now();
      const training = await trainEpoch(epoch, resolved, partial, {
        stopping: stopping.state,
        history: [...history],
      });
      partial = undefined;
      mean.swapIn(model);
      const validation = await validate();
      for (const value of [validation.f2, validation.loss ?? 0]) {
        if (!Number.isFinite(value)) {
          throw new NonFiniteError(`${stage}: the validation of epoch ${epoch} gives ${value}`);
        }
      }
      const better = stopping.update(validation.f2, validation.loss);
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
        validationThreshold: typeof validation.threshold === 'number' ? validation.threshold : null,
        validationF2PerLabel: validation.f2PerLabel.map((f2) => f2 ?? null),
        best: better,
        seconds: (Date.now() - start) / 1000,
      };
      history.push(log);
      await onEpochEnd?.(log, {
        stopping: stopping.state,
        history: [...history],
      });
      mean.swapOut(model);
    }
    return history;
  } finally {
    model.setWeights(best);
    tf.dispose(best);
    mean.dispose();
  }
}

type ResolvedOptions = Resolved<FitStageOptions, typeof FIT_RULES>;

function checkTogether({ accumulate, averageEpochs, ...options }: ResolvedOptions): void {
  const { checkpointSteps = accumulate } = options;
  const expected = `a multiple of ${accumulate}, the batches per step`;
  check(checkpointSteps % accumulate === 0, 'fitStage: checkpointSteps', expected, checkpointSteps);
  const resumable = averageEpochs === 1 || (!options.resume && !options.onCheckpoint);
  check(resumable, 'fitStage: averageEpochs', '1, where a stage can be resumed', averageEpochs);
}

async function trainEpoch(
  epoch: number,
  options: ResolvedOptions,
  partial: PartialEpoch | undefined,
  before: StageState,
): Promise<{ loss: number; f2: number }> {
  const { stage, model, optimizer, epochs, accumulate, backboneRate, onProgress, onCheckpoint } = options;
  const { loss, memoryBudget, updateBatchNorm, sliceClassifierWeight, fromFeatures } = options;
  const stepOptions = { loss, memoryBudget, updateBatchNorm, sliceClassifierWeight, fromFeatures };
  const steps = typeof options.steps === 'number' ? options.steps : options.steps(epoch);
  const inBackbone = new Set(
    backboneRate === 1 ? [] : modelParts(model).backboneVariables.map(({ name }) => name),
  );
  const score = new RunningScore(before.history.at(-1)?.validationThreshold ?? 0.5, partial);
  const sum = new GradientSum();
  let { step, lossSum } = partial ?? { step: 0, lossSum: 0 };
  let f2 = 0;
  let readAt = -Infinity;
  try {
    for await (const { name, images, labels } of options.batches(epoch, step)) {
      let result: tf.Scalar;
      try {
        result = tf.tidy(() => {
          const { loss: value, logits, gradients } = computeGradients(model, images, labels, stepOptions);
          score.add(labels, tf.sigmoid(logits));
          sum.add(gradients);
          return value;
        });
      } catch (error) {
        throw ofBatch(error, stage, `epoch ${epoch}, step ${step + 1} (${name})`);
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
      if (step % accumulate === 0 || step === steps) {
        const factor = rateFactor(options, epoch - 1 + step / steps, epochs);
        sum.use((gradients) =>
          applyStep(optimizer, gradients, options, (variable) =>
            inBackbone.has(variable) ? factor * backboneRate : factor,
          ),
        );
      }
      if (onProgress) {
        if (step === steps || Date.now() - readAt >= F2_READ_INTERVAL) {
          f2 = (await score.read()).f2;
          readAt = Date.now();
        }
        onProgress({ stage, epoch, epochs, step, steps, loss: lossSum / step, f2 });
      }
      if (onCheckpoint && step < steps && step % (options.checkpointSteps ?? Infinity) === 0) {
        await onCheckpoint({ ...before, partial: { step, lossSum, ...(await score.read()).counts } });
      }
      await breathe();
    }
    check(step > 0, `${stage}: batches`, 'at least one batch an epoch', step);
    return { loss: lossSum / step, f2: (await score.read()).f2 };
  } finally {
    score.dispose();
    sum.dispose();
  }
}

/** Milliseconds between two readings of the running F2: to wait for the device at every step would slow the training. */
const F2_READ_INTERVAL = 500;
