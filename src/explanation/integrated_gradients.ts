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
  /** Place of the label among the model's outputs, from 0. */
  label: number;
  /**
   * Place of the slice, from 0, whose decision is explained, and no other's. Only of models that decide slice by slice.
   * @defaultValue all slices together
   */
  slice?: number;
  /**
   * Rows and columns on each side that a pixel's surroundings reach: twice as wide as what is to be found, or wider.
   * @defaultValue an eighth of the image's shorter side
   */
  reach?: number;
  /**
   * Value from which on a pixel and those next to it are bone, which is not covered: where the window ends that the images came through.
   * Blood must stay below it, as in `brainWide`; `Infinity` for images without bone.
   * @defaultValue `0.97`
   */
  bone?: number;
  /**
   * Pixels on each side that a value of the map is the mean of: a single pixel's gradient is noisy.
   * @defaultValue a sixty-fourth of the image's shorter side
   */
  smooth?: number;
  /**
   * Images between the surroundings and the stack at which the gradient is taken.
   * @defaultValue 8
   */
  steps?: number;
  /**
   * Bytes of backbone activations kept at once; more slices than fit go through in chunks.
   * @defaultValue 0.75 GiB
   */
  memoryBudget?: number;
  /** Slices in a chunk, in place of what the budget allows. */
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
 * Where a patient's slices speak for a label, pixel by pixel: what makes a logit differ from that of the same stack without anything small.
 *
 * The stack `x` is compared with its own surroundings `x0`, where each pixel is the median of the square around it, but for bone: a lesion
 * gives way to the tissue around it, and the skull, which may be as thin, stays. With what is explained, `y`, and n steps:
 *
 * ```
 * a = (x - x0) * mean over t = 1/2, ..., n - 1/2 of dy/dx at x0 + t/n (x - x0)
 * map[s, i, j] = max(0, mean of a, added up over channels, over the square around (i, j))
 * ```
 *
 * For many steps the `a` of all pixels add up to y(x) - y(x0). Without `slice`, `y` is the sum of the label's logits of all slices,
 * which includes what a place has to do with decisions on neighbours; with it, the logit of that slice; of a model of patients, the
 * patient's logit. The maps are divided by their largest value: 1 is the hottest point of all slices. Padding (of a model with
 * `maskValue`) neither counts in `y` nor has a map.
 *
 * {@link gradCam} costs one backward pass and shows all that a logit is made of, on cells of a feature map, and so also what is there on
 * every image. This costs `steps` backward passes through the whole backbone and shows what sets a place apart, as large as `reach` at
 * most: blood, and not a slice's level, which has no place.
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

/** What each value of `images` adds to what is explained, from a baseline on: `[slices, height, width, channels]`. */
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
