import * as tf from '@tensorflow/tfjs';
import { freeingTape } from '../base/gradient_tape';
import { anything, resolveOptions, type Rules } from '../base/options';
import {
  CHUNK_RULES,
  predictionBudget,
  predictionBytesPerSlice,
  slicesPerChunk,
} from '../models/memory_budget';
import { chunksOf, slicesOf } from '../models/slice_chunks';
import { modelParts } from '../models/model_parts';
import { outputLevel } from '../models/output_level';
import { runBackbone } from '../models/run_parts';
import { checkExplained, labelLogits, realSlices } from './explained_stack';

/**
 * Options of {@link sliceContributions}.
 *
 * @inline
 */
export interface SliceContributionsOptions {
  /** Index of the label among the model's outputs, from 0. */
  label: number;
  /**
   * Bytes of backbone activations kept at once; if not all slices fit, they are processed in chunks.
   * @defaultValue 512 MiB; on WebGPU half of the device's largest buffer
   */
  memoryBudget?: number;
  /** Slices per chunk, overriding the memory budget. */
  chunkSlices?: number;
}

const RULES = { label: anything, ...CHUNK_RULES } satisfies Rules<SliceContributionsOptions>;

/** Slices that the head sees at once, those of all copies of the stack together: bounds its memory. */
const HEAD_SLICES = 1024;

/**
 * How much each slice contributes to each slice's decision: gradient times input, on the backbone's features.
 *
 * With the features `x[r]` of slice r and a label's logit `y[t]` of slice t:
 *
 * ```
 * contribution[t, r] = sum over features of x[r] * dy[t] / dx[r]
 * ```
 *
 * Row t shows where along the stack the decision on slice t comes from: without a slice layer only the diagonal, with a
 * convolution a band, with a GRU anything. A positive entry supports the label. If the head is linear, or has no bias
 * and only ReLU, a row adds up to the logit without the bias; otherwise (GRU, LSTM) it is a first-order approximation.
 * Rows and columns of padding are zero.
 *
 * The backbone runs once and without a gradient, in chunks; the head of a slice-level model runs once per slice.
 *
 * @param model - As `buildCtBrainModel` makes it.
 * @param images - One patient, `[slices, height, width, channels]`.
 * @returns `[slices decided on, slices contributing]`, or `[slices contributing]` for a patient-level model.
 * @throws ArgumentError for a model of another form or an option out of range.
 * @example
 * ```ts
 * const matrix = sliceContributions(model, images, { label: 0 });
 * const rows = matrix.arraySync() as number[][]; // rows[t][r]: contribution of slice r to the logit of slice t
 * ```
 * @see Shrikumar et al., "Not Just a Black Box: Learning Important Features Through Propagating Activation
 * Differences", 2016.
 */
export function sliceContributions(
  model: tf.LayersModel,
  images: tf.Tensor4D,
  options: SliceContributionsOptions,
): tf.Tensor1D | tf.Tensor2D {
  const what = 'sliceContributions';
  const { label, ...given } = resolveOptions(what, options, RULES);
  const { memoryBudget = predictionBudget() } = given;
  const parts = modelParts(model);
  checkExplained(what, model, images, label);
  const { chunkSlices = slicesPerChunk(predictionBytesPerSlice(parts.backbone), memoryBudget) } = given;

  return tf.tidy(() => {
    const slices = images.shape[0];
    const features = tf.concat(
      chunksOf(slices, chunkSlices).map((chunk) =>
        tf.tidy(() => runBackbone(parts, slicesOf(images, chunk), { training: false })),
      ),
    );
    const real = realSlices(parts, images);
    /** Gradient times input of a sum over copies of the stack, `[copies, slices]`. */
    const contributions = (copies: number, explained: (logits: tf.Tensor) => tf.Tensor) => {
      const stacks = tf.tile(tf.expandDims(features), [copies, 1, 1]);
      const sum = (x: tf.Tensor) =>
        tf.sum(explained(labelLogits(model, parts, x as tf.Tensor3D, { label, real })));
      return tf.sum(
        tf.mul(
          stacks,
          freeingTape(() => tf.grad(sum)(stacks)),
        ),
        2,
      ) as tf.Tensor2D;
    };
    if (outputLevel(model) === 'patients') return tf.squeeze<tf.Tensor1D>(contributions(1, (logits) => logits), [0]); // prettier-ignore

    // copy t of the stack is asked for its slice t only
    const own = real ? tf.mul(tf.eye(slices), tf.cast(real, 'float32')) : tf.eye(slices);
    const rows = chunksOf(slices, Math.max(1, Math.floor(HEAD_SLICES / slices))).map((targets) =>
      tf.tidy(() => contributions(targets.count, (logits) => tf.mul(logits, slicesOf(own, targets)))),
    );
    return tf.concat(rows);
  });
}
