import * as tf from '@tensorflow/tfjs';
import { breathe } from '../../base/breathe';
import { check } from '../../base/checks';
import { NonFiniteError } from '../../base/errors';
import { modelParts } from '../../models/model_parts';
import { applyStep } from '../steps/apply_step';
import { ofBatch } from '../steps/finite_step';
import { GradientSum } from '../steps/gradient_sum';
import { rateFactor } from '../steps/learning_rate';
import { computeGradients } from '../steps/train_step';
import type { ResolvedFitOptions } from './fit_options';
import { RunningScore } from './running_score';
import type { PartialEpoch, StageState } from './stage_log';

/**
 * Trains one epoch, or the rest of it.
 *
 * @param partial - The part done before an interruption.
 * @param before - State of the stage before the epoch.
 */
export async function trainEpoch(
  epoch: number,
  options: ResolvedFitOptions,
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
            'lower the learning rate, or check that input',
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
    check(step > 0, `${stage}: batches`, 'at least one batch per epoch', step);
    return { loss: lossSum / step, f2: (await score.read()).f2 };
  } finally {
    score.dispose();
    sum.dispose();
  }
}

/**
 * Milliseconds between two readings of the running F2: waiting for the device at every step would slow training down.
 */
const F2_READ_INTERVAL = 500;
