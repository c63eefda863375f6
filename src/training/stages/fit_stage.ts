import * as tf from '@tensorflow/tfjs';
import { check } from '../../base/checks';
import { NonFiniteError } from '../../base/errors';
import { resolveOptions } from '../../base/options';
import { RunningMean } from '../steps/running_mean';
import { EarlyStopping } from './early_stopping';
import { FIT_RULES, type FitStageOptions, type ResolvedFitOptions } from './fit_options';
import type { EpochLog } from './stage_log';
import { trainEpoch } from './train_epoch';

/**
 * Trains until the validation F2 has not increased for `patience` epochs, and leaves the best epoch's weights in the
 * model.
 *
 * Of epochs with the same F2, the one with the smaller validation loss is the best.
 *
 * @returns Every epoch's log, including those before resuming.
 * @throws NonFiniteError if a loss or a gradient is not finite, naming epoch and batch; the model then has the best
 * epoch's weights, or its initial ones before the first epoch's end.
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

function checkTogether({ accumulate, averageEpochs, ...options }: ResolvedFitOptions): void {
  const { checkpointSteps = accumulate } = options;
  const expected = `a multiple of ${accumulate}, the batches per step`;
  check(checkpointSteps % accumulate === 0, 'fitStage: checkpointSteps', expected, checkpointSteps);
  const resumable = averageEpochs === 1 || (!options.resume && !options.onCheckpoint);
  check(resumable, 'fitStage: averageEpochs', '1 for a stage that can be resumed', averageEpochs);
}
