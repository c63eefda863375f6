import * as tf from '@tensorflow/tfjs';
import { freeingTape } from '../base/gradient_tape';
import { anything, oneOf, optional, resolveOptions, type Rules } from '../base/options';
import {
  activationBytesPerSlice,
  CHUNK_RULES,
  trainingBudget,
  slicesPerChunk,
} from '../models/memory_budget';
import { chunksOf, slicesOf } from '../models/slice_chunks';
import { modelParts } from '../models/model_parts';
import { cutBackbone, type BackboneCut } from './backbone_cut';
import { enlargeMaps } from './feature_map_grid';
import { checkExplained, checkSlice, headCotangents, realSlices, scaledToOne } from './explained_stack';

/**
 * Options of {@link gradCam}.
 *
 * @inline
 */
export interface GradCamOptions {
  /** Index of the label among the model's outputs, from 0. */
  label: number;
  /**
   * Index of the slice whose decision is explained, from 0; only for a slice-level model.
   * @defaultValue none: the sum over all slices
   */
  slice?: number;
  /**
   * How a gradient and a feature map are combined: `'grad-cam'` weights each channel by the mean of its gradient,
   * `'hires-cam'` each value by its own gradient.
   * @defaultValue 'grad-cam'
   */
  method?: 'grad-cam' | 'hires-cam';
  /**
   * Name of the backbone layer whose feature map `[n, h, w, c]` is used.
   * @defaultValue the last before pooling
   */
  layer?: string;
  /**
   * Bytes of backbone activations kept at once; if not all slices fit, they are processed in chunks.
   * @defaultValue 768 MiB; on WebGPU half of the device's largest buffer
   */
  memoryBudget?: number;
  /** Slices per chunk, overriding the memory budget. */
  chunkSlices?: number;
}

const RULES = {
  ...{ label: anything, slice: optional(anything), layer: optional(anything) }, // checked against the model
  method: optional(oneOf(['grad-cam', 'hires-cam']), 'grad-cam'),
  ...CHUNK_RULES,
} satisfies Rules<GradCamOptions>;

/**
 * Where a model looked: Grad-CAM of one patient's slices, the gradient taken through the whole head (slice layer, neck,
 * decoder).
 *
 * With feature maps `A[s]` of slice s, of h x w pixels and channels k, and what is explained, `y`:
 *
 * ```
 * weight[s, k] = mean over (i, j) of dy / dA[s, i, j, k]
 * map[s, i, j] = max(0, sum over k of weight[s, k] A[s, i, j, k])
 * ```
 *
 * With `method: 'hires-cam'`, `dy / dA[s, i, j, k]` itself stands for the weight. Both are the same, up to scale, if a
 * mean over space follows the feature map. If a maximum or convolutions follow, Grad-CAM also highlights places that
 * `y` does not depend on, while HiResCAM does not.
 *
 * - Without `slice`, `y` is the sum of the label's logits of all slices, and a slice's map shows what in it supports
 *   the label on this slice and, through the slice layer, on its neighbours. This takes one backward pass; maps of each
 *   slice's own logit would take one pass per slice.
 * - With `slice`, `y` is the logit of that slice, and the maps show where in the whole stack that decision comes from.
 * - For a patient-level model, `y` is the patient's logit.
 *
 * The maps are enlarged to the images' size (bilinear, each value at the centre of the pixels that it sees) and divided
 * by the largest value of the stack: 1 is the hottest point of all slices, so that slices can be compared with one
 * another, but not two patients. Maps without a value above zero stay zero: nothing supports the label, or the head is
 * saturated and has no gradient. Padding (in a model with `maskValue`) is not part of `y` and has no map.
 *
 * The backbone runs in chunks; only the feature maps, the features and the result grow with the number of slices.
 *
 * @param model - As `buildCtBrainModel` makes it.
 * @param images - One patient, `[slices, height, width, channels]`.
 * @returns `[slices, height, width]`, 0..1.
 * @throws ArgumentError for a model of another form, a backbone without feature maps, a layer that some features
 * bypass, or an option out of range.
 * @example
 * ```ts
 * const { images } = await source.load('ID_001');
 * const maps = gradCam(model, images, { label: CT_LABELS.indexOf('ich') });
 * ```
 * @see Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017;
 * Draelos and Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks", 2020.
 */
export function gradCam(model: tf.LayersModel, images: tf.Tensor4D, options: GradCamOptions): tf.Tensor3D {
  const what = 'gradCam';
  const { label, slice, method, layer, ...given } = resolveOptions(what, options, RULES);
  const parts = modelParts(model);
  checkExplained(what, model, images, label);
  checkSlice(what, model, images.shape[0], slice);
  const { memoryBudget = trainingBudget() } = given;
  const { chunkSlices = slicesPerChunk(activationBytesPerSlice(parts.backbone), memoryBudget) } = given;
  const cut = cutBackbone(parts.backbone, layer);

  return tf.tidy(() => {
    const chunks = chunksOf(images.shape[0], chunkSlices);
    const featureMaps = chunks.map((chunk) => tf.tidy(() => cut.below(slicesOf(images, chunk))));
    const features = tf.concat(featureMaps.map((maps) => tf.tidy(() => cut.above(maps)))) as tf.Tensor2D;

    const real = realSlices(parts, images);
    const cotangents = headCotangents(model, parts, features, { label, slice, real });

    const maps = chunks.map((chunk, i) =>
      weightedMaps(cut, featureMaps[i]!, slicesOf(cotangents, chunk), method),
    );
    const [, height, width] = images.shape;
    return scaledToOne(enlargeMaps(tf.concat(maps), cut.gridOn([height, width]), [height, width]));
  });
}

/** `[n, h, w]` from feature maps and the gradient of the explained value by the features `[n, f]` above them. */
function weightedMaps(
  { above }: BackboneCut,
  maps: tf.Tensor4D,
  cotangents: tf.Tensor,
  method: 'grad-cam' | 'hires-cam',
): tf.Tensor3D {
  return tf.tidy(() => {
    const asked = (x: tf.Tensor) => tf.sum(tf.mul(above(x), cotangents));
    const gradient = freeingTape(() => tf.grad(asked)(maps));
    const weights = method === 'grad-cam' ? tf.mean(gradient, [1, 2], true) : gradient;
    return tf.relu(tf.sum(tf.mul(maps, weights), 3)) as tf.Tensor3D;
  });
}
