import * as tf from '@tensorflow/tfjs';
import { freeingTape } from '../base/gradient_tape';
import {
  anything,
  integerFrom0,
  optional,
  positiveInteger,
  resolveOptions,
  rule,
  type Rules,
} from '../base/options';
import {
  activationBytesPerSlice,
  CHUNK_RULES,
  trainingBudget,
  slicesPerChunk,
} from '../models/memory_budget';
import { chunksOf, slicesOf } from '../models/slice_chunks';
import { modelParts, type ModelParts } from '../models/model_parts';
import { runBackbone } from '../models/run_parts';
import { checkExplained, checkSlice, headCotangents, realSlices, scaledToOne } from './explained_stack';
import { surroundings } from './surroundings';

/**
 * Options of {@link integratedGradients}.
 *
 * @inline
 */
export interface IntegratedGradientsOptions {
  /** Index of the label among the model's outputs, from 0. */
  label: number;
  /**
   * Index of the only slice whose decision is explained, from 0. Only for slice-level models.
   * @defaultValue none: the sum over all slices
   */
  slice?: number;
  /**
   * Number of rows and columns on each side in a pixel's surroundings: twice the width of the structures of interest,
   * or more.
   * @defaultValue an eighth of the image's shorter side
   */
  reach?: number;
  /**
   * Value from which a pixel and those next to it count as bone, which is not replaced: the upper end of the images'
   * window. Blood must be below it, as in `brainWide`; `Infinity` for images without bone.
   * @defaultValue 0.97
   */
  bone?: number;
  /**
   * Pixels on each side over which a value of the map is averaged, since a single pixel's gradient is noisy.
   * @defaultValue a sixty-fourth of the image's shorter side
   */
  smooth?: number;
  /**
   * Number of images between the surroundings and the stack at which the gradient is taken.
   * @defaultValue 8
   */
  steps?: number;
  /**
   * Bytes of backbone activations kept at once; if not all slices fit, they are processed in chunks.
   * @defaultValue 0.75 GiB
   */
  memoryBudget?: number;
  /** Slices per chunk, overriding the memory budget. */
  chunkSlices?: number;
}

const RULES = {
  ...{ label: anything, slice: optional(anything) }, // checked against the model
  reach: optional(positiveInteger),
  bone: optional(
    rule<number>('a number above 0', (value) => typeof value === 'number' && value > 0),
    0.97,
  ),
  smooth: optional(integerFrom0),
  steps: optional(positiveInteger, 8),
  ...CHUNK_RULES,
} satisfies Rules<IntegratedGradientsOptions>;

/**
 * Which pixels of a patient's slices support a label: what makes a logit differ from that of the same stack without
 * small structures.
 *
 * The stack `x` is compared with its own surroundings `x0`, where each pixel is the median of the square around it,
 * except for bone: a lesion is replaced by the tissue around it, while the skull, which may be as thin, is kept. With
 * the explained value `y` and n steps:
 *
 * ```
 * a = (x - x0) * mean over t = 1/2, ..., n - 1/2 of dy/dx at x0 + t/n (x - x0)
 * map[s, i, j] = max(0, mean of a, added up over channels, over the square around (i, j))
 * ```
 *
 * For many steps the `a` of all pixels add up to y(x) - y(x0). Without `slice`, `y` is the sum of the label's logits of
 * all slices, which includes contributions to decisions on neighbours; with it, the logit of that slice; for a
 * patient-level model, the patient's logit. The maps are divided by their largest value: 1 is the hottest point of all
 * slices. Padding (in a model with `maskValue`) is not part of `y` and has no map.
 *
 * {@link gradCam} costs one backward pass and shows everything that contributes to a logit, at the resolution of a
 * feature map, and so also what every image contains. This function costs `steps` backward passes through the whole
 * backbone and shows local differences, at most as large as `reach`: blood, but not the level of a slice.
 *
 * @param model - As `buildCtBrainModel` makes it.
 * @param images - One patient, `[slices, height, width, channels]`, finite.
 * @returns `[slices, height, width]`, 0..1.
 * @throws ArgumentError for a model of another form or an option out of range.
 * @example
 * ```ts
 * const { images } = await source.load('ID_001');
 * const maps = await integratedGradients(model, images, { label: CT_LABELS.indexOf('ich') });
 * ```
 * @see Sundararajan et al., "Axiomatic Attribution for Deep Networks", ICML 2017, whose baseline is a black image.
 */
export async function integratedGradients(
  model: tf.LayersModel,
  images: tf.Tensor4D,
  options: IntegratedGradientsOptions,
): Promise<tf.Tensor3D> {
  const what = 'integratedGradients';
  const resolved = resolveOptions(what, options, RULES);
  const { label, slice, steps, bone, memoryBudget = trainingBudget() } = resolved;
  const parts = modelParts(model);
  checkExplained(what, model, images, label);
  checkSlice(what, model, images.shape[0], slice);
  const shorter = Math.min(images.shape[1], images.shape[2]);
  const { reach = Math.max(1, Math.round(shorter / 8)), smooth = Math.round(shorter / 64) } = resolved;
  const perSlice = activationBytesPerSlice(parts.backbone);
  const { chunkSlices = slicesPerChunk(perSlice, memoryBudget) } = resolved;

  const median = surroundings(await images.data(), images.shape, reach);
  return tf.tidy(() => {
    const isBone = tf.cast(tf.greaterEqual(images, bone), 'float32') as tf.Tensor4D;
    const nextToBone = tf.cast(tf.maxPool(isBone, 3, 1, 'same'), 'bool');
    const baseline = tf.where(nextToBone, images, tf.tensor4d(median, images.shape));
    const a = attributions(model, parts, images, baseline, { label, slice, steps, chunkSlices });
    const mean = tf.avgPool(tf.sum(a, 3, true) as tf.Tensor4D, 2 * smooth + 1, 1, 'same');
    return scaledToOne(tf.relu(tf.squeeze<tf.Tensor3D>(mean, [3])));
  });
}

/**
 * Contribution of each value of `images`, relative to a baseline, to the explained value:
 * `[slices, height, width, channels]`.
 */
export function attributions(
  model: tf.LayersModel,
  parts: ModelParts,
  images: tf.Tensor4D,
  baseline: tf.Tensor4D,
  options: { label: number; slice: number | undefined; steps: number; chunkSlices: number },
): tf.Tensor4D {
  const { label, slice, steps, chunkSlices } = options;
  return tf.tidy(() => {
    const real = realSlices(parts, images);
    const way = tf.sub(images, baseline);
    // padding stays padding, on every step of the way
    const kept = real ? tf.mul(way, tf.reshape(tf.cast(real, 'float32'), [-1, 1, 1, 1])) : way;
    const chunks = chunksOf(images.shape[0], chunkSlices);
    let sum: tf.Tensor = tf.zerosLike(kept);
    for (let step = 0; step < steps; step++) {
      const last = sum;
      sum = tf.tidy(() => {
        const at = tf.sub(images, tf.mul(kept, 1 - (step + 0.5) / steps));
        const features = chunks.map((chunk) =>
          tf.tidy(() => runBackbone(parts, slicesOf(at, chunk), { training: false })),
        );
        const cotangents = headCotangents(model, parts, tf.concat(features) as tf.Tensor2D, {
          label,
          slice,
          real,
        });
        const gradients = chunks.map((chunk) => {
          const asked = (x: tf.Tensor) =>
            tf.sum(tf.mul(runBackbone(parts, x, { training: false }), slicesOf(cotangents, chunk)));
          return freeingTape(() => tf.grad(asked)(slicesOf(at, chunk)));
        });
        return tf.add(last, tf.concat(gradients));
      });
      last.dispose();
    }
    return tf.mul(kept, tf.div(sum, steps)) as tf.Tensor4D;
  });
}
