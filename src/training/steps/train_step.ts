import * as tf from '@tensorflow/tfjs';
import { check } from '../../base/checks';
import { callback, flag, numberFrom0, optional, resolveOptions, type Rules } from '../../base/options';
import type { LossFn } from '../../base/types';
import {
  activationBytesPerSlice,
  CHUNK_RULES,
  trainingBudget,
  slicesPerChunk,
} from '../../models/memory_budget';
import {
  foldSlices,
  runBackbone,
  runHead,
  runSliceClassifier,
  stackedFeatures,
} from '../../models/run_parts';
import { modelParts, type ModelParts } from '../../models/model_parts';
import { outputLevel } from '../../models/output_level';
import { checkStepImages, checkStepLabels } from '../../models/step_inputs';
import { checkFiniteStep, type StepGradients } from './finite_step';
import { lossGroups } from './loss_groups';
import { checkpointed, inGroups, onePass } from './passes';

/**
 * Options of {@link computeGradients} and {@link trainStep}.
 *
 * @inline
 */
export interface TrainStepOptions {
  /** Loss from labels and logits, as `model.compile` takes it. */
  loss: LossFn;
  /**
   * Bytes of backbone activations kept at once; if not all slices fit, they are processed in chunks.
   * @defaultValue 768 MiB; on WebGPU half of the device's largest buffer
   */
  memoryBudget?: number;
  /** Slices per chunk, overriding the memory budget. */
  chunkSlices?: number;
  /**
   * Whether batch normalisation in the backbone uses the statistics of the batch (of a chunk, if there are several) and
   * updates the stored ones, or uses the stored ones unchanged.
   * @defaultValue false
   */
  updateBatchNorm?: boolean;
  /**
   * Weight of the single-slice classifier's loss, which is added: for models built with `sliceClassifier`.
   * @defaultValue 0
   */
  sliceClassifierWeight?: number;
  /**
   * Whether images are features of the model's backbone, `[batch, slices, 1, 1, features]` as from `featureSource`:
   * only the layers above it then have gradients.
   * @defaultValue false
   */
  fromFeatures?: boolean;
}

export const TRAIN_STEP_RULES = {
  loss: callback,
  ...CHUNK_RULES,
  updateBatchNorm: optional(flag, false),
  sliceClassifierWeight: optional(numberFrom0, 0),
  fromFeatures: optional(flag, false),
} satisfies Rules<TrainStepOptions>;

/**
 * Loss and gradients of a whole stack, in memory that does not grow with the number of slices.
 *
 * A batch that fits in one chunk takes a single pass. A batch of several patients who fit alone takes a pass for each
 * group of them, if the loss is `asymmetricLoss`, for which each patient's share is known. Otherwise gradient checkpointing
 * is used: the backbone runs over chunks of slices and keeps only their features; the head and its gradient run on
 * all features at once; then each chunk runs again, with gradient. The gradients are the same in all three.
 *
 * @param model - As `buildCtBrainModel` makes it.
 * @param images - `[batch, slices, h, w, c]`.
 * @param labels - `[batch, slices, labels]`, or `[batch, labels]` for a model whose output is per patient.
 * @throws ArgumentError for inconsistent shapes, images of another size than the model's, or labels other than 0, 1 and
 * -1; NonFiniteError for a pixel, a loss or a gradient that is not finite. If values are on a device and cannot be
 * checked, the loss is NaN if a gradient is not finite. An error leaks no tensors.
 * @example
 * ```ts
 * const { loss, gradients } = computeGradients(model, images, labels, { loss: asymmetricLoss() });
 * optimizer.applyGradients(gradients);
 * ```
 * @see Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016.
 */
export function computeGradients(
  model: tf.LayersModel,
  images: tf.Tensor,
  labels: tf.Tensor,
  options: TrainStepOptions,
): StepGradients {
  const resolved = resolveOptions('trainStep', options, TRAIN_STEP_RULES);
  const { loss, memoryBudget = trainingBudget(), updateBatchNorm } = resolved;
  const { sliceClassifierWeight, fromFeatures } = resolved;
  const whole = modelParts(model);
  const parts = fromFeatures ? { ...whole, backboneVariables: [] } : whole;
  checkStepImages('trainStep', model, images, fromFeatures);
  checkStepLabels('trainStep', model, images, labels);
  const supervised = sliceClassifierWeight === 0 || outputLevel(model) === 'slices';
  const expected = 'none, for a model whose output is per patient';
  check(supervised, 'trainStep: sliceClassifierWeight', expected, sliceClassifierWeight);
  const { chunkSlices = slicesPerChunk(activationBytesPerSlice(parts.backbone), memoryBudget) } = resolved;

  return tf.tidy(() => {
    const slices = foldSlices(fromFeatures ? stackedFeatures(parts, images) : images);
    const run = (x: tf.Tensor) => (fromFeatures ? x : runBackbone(parts, x, { training: updateBatchNorm }));
    const head = (features: tf.Tensor, stacks: tf.Tensor, truth: tf.Tensor) => {
      const stacked = tf.reshape(features, [...stacks.shape.slice(0, 2), features.shape[1]!]);
      const mask = fromFeatures ? undefined : (parts.perSlice.computeMask(stacks) as tf.Tensor | undefined);
      const logits = runHead(model, parts, stacked, { training: true, mask });
      const above = tf.mean(loss(truth, logits)) as tf.Scalar;
      if (sliceClassifierWeight === 0) return { logits, loss: above };
      const alone = runSliceClassifier(model, parts, stacked, { training: true, mask });
      const below = tf.mul(tf.mean(loss(truth, alone)), sliceClassifierWeight);
      return { logits, loss: tf.add(above, below) as tf.Scalar };
    };
    const step = { parts, run, head, images, labels };
    const fits = slices.shape[0]! <= chunkSlices || parts.backboneVariables.length === 0;
    const groups = fits ? undefined : lossGroups(loss, labels, Math.floor(chunkSlices / images.shape[1]!));
    const moving = updateBatchNorm ? parts.backbone.nonTrainableWeights : [];
    const before = moving.map((weight) => weight.read().clone());
    try {
      const result = fits
        ? onePass(step, slices)
        : groups
          ? inGroups(step, groups)
          : checkpointed(step, slices, chunkSlices);
      return checkFiniteStep({ ...result, gradients: inOrder(parts, result.gradients) });
    } catch (error) {
      // a failed step may be retried
      moving.forEach((weight, i) => weight.write(before[i]!));
      throw error;
    }
  });
}

/**
 * One optimizer step on a batch of patients: {@link computeGradients}, then the update.
 *
 * @returns Loss and logits from before the update; the caller disposes them.
 * @example
 * ```ts
 * const { loss, logits } = trainStep(model, images, labels, adam(1e-5), { loss: asymmetricLoss() });
 * ```
 */
export function trainStep(
  model: tf.LayersModel,
  images: tf.Tensor,
  labels: tf.Tensor,
  optimizer: tf.Optimizer,
  options: TrainStepOptions,
): Omit<StepGradients, 'gradients'> {
  const { gradients, ...result } = computeGradients(model, images, labels, options);
  optimizer.applyGradients(gradients);
  tf.dispose(gradients);
  return result;
}

/** Always in the model's order: tfjs's optimizers identify a variable's moments only by position. */
function inOrder(
  { backboneVariables, headVariables }: ModelParts,
  gradients: tf.NamedTensorMap,
): tf.NamedTensorMap {
  const names = [...backboneVariables, ...headVariables].map((variable) => variable.name);
  return Object.fromEntries(names.filter((name) => gradients[name]).map((name) => [name, gradients[name]!]));
}
