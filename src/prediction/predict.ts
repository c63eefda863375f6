import * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import { flag, listOf, oneOf, optional, resolveOptions, type Rules } from '../base/options';
import {
  CHUNK_RULES,
  predictionBudget,
  predictionBytesPerSlice,
  slicesPerChunk,
} from '../models/memory_budget';
import { chunksOf, slicesOf } from '../models/slice_chunks';
import { foldSlices, runBackbone, runHead, stackedFeatures } from '../models/run_parts';
import { modelParts } from '../models/model_parts';
import { checkStepImages } from '../models/step_inputs';
import { flip } from '../transforms/flip';

/**
 * Options of {@link predictStack}.
 *
 * @inline
 */
export interface PredictOptions {
  /**
   * Bytes of backbone activations kept at once.
   * @defaultValue 512 MiB; on WebGPU half of the device's largest buffer
   */
  memoryBudget?: number;
  /** Slices per chunk, overriding the memory budget. */
  chunkSlices?: number;
  /**
   * Also predicts the images flipped in these directions, and averages the logits: test-time augmentation. Since heads
   * are roughly symmetric, `['horizontal']` makes sense.
   * @defaultValue []
   */
  flips?: readonly ('horizontal' | 'vertical')[];
  /**
   * Whether images are features of the model's backbone, `[batch, slices, 1, 1, features]` as from `featureSource`, so
   * that only the layers above it run.
   * @defaultValue false
   */
  fromFeatures?: boolean;
}

export const PREDICT_RULES = {
  ...CHUNK_RULES,
  flips: optional(listOf(oneOf(['horizontal', 'vertical'])), []),
  fromFeatures: optional(flag, false),
} satisfies Rules<PredictOptions>;

/**
 * Logits of a stack. The backbone runs over chunks of slices, so that memory does not grow with their number.
 *
 * Without flips the result equals `model.predict(images)`.
 *
 * @param images - `[batch, slices, h, w, c]`.
 * @throws ArgumentError for images of another size than the model's; NonFiniteError for a pixel that is not finite, if
 * this can be checked without waiting for a device.
 * @returns `[batch, slices, labels]`, or `[batch, labels]` for a patient-level model.
 * @example
 * ```ts
 * const probabilities = tf.sigmoid(predictStack(model, images));
 * ```
 */
export function predictStack(
  model: tf.LayersModel,
  images: tf.Tensor,
  options: PredictOptions = {},
): tf.Tensor {
  const { flips, fromFeatures, ...chunking } = resolveOptions('predictStack', options, PREDICT_RULES);
  checkStepImages('predictStack', model, images, fromFeatures);
  check(flips.length === 0 || !fromFeatures, 'predictStack: flips', 'none, for features', flips);
  if (flips.length > 0) {
    return tf.tidy(() => {
      const run = (x: tf.Tensor) => predictStack(model, x, chunking);
      const sum = flips.reduce(
        (logits, direction) =>
          tf.add(
            logits,
            tf.tidy(() => run(flip(images, direction))),
          ),
        run(images),
      );
      return tf.div(sum, flips.length + 1);
    });
  }
  return tf.tidy(() => {
    const parts = modelParts(model);
    if (fromFeatures) return runHead(model, parts, stackedFeatures(parts, images), { training: false });
    const { memoryBudget = predictionBudget() } = chunking;
    const { chunkSlices = slicesPerChunk(predictionBytesPerSlice(parts.backbone), memoryBudget) } = chunking;
    const slices = foldSlices(images);
    const chunks = chunksOf(slices.shape[0]!, chunkSlices);
    const features = tf.concat(
      chunks.map((chunk) => tf.tidy(() => runBackbone(parts, slicesOf(slices, chunk), { training: false }))),
    );
    const stacked = tf.reshape(features, [...images.shape.slice(0, 2), features.shape[1]!]);
    const mask = parts.perSlice.computeMask(images) as tf.Tensor | undefined;
    return runHead(model, parts, stacked, { training: false, mask });
  });
}
