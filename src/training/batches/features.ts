import * as tf from '@tensorflow/tfjs';
import {
  derive,
  disposeStack,
  prefetchPatients,
  type PatientProgress,
  type PatientSource,
  type PatientStack,
} from '../../data/sources/patient_source';
import { check, isPositiveInteger } from '../../base/checks';
import { callback, integer, integerFrom0, nested, optional, resolveOptions } from '../../base/options';
import type { Rules } from '../../base/options';
import { deriveSeed } from '../../base/random';
import {
  applyAugmentation,
  drawAugmentation,
  RANGES,
  type AugmentationRanges,
} from '../../transforms/random_augment';
import type { AugmentationDraw, Labels } from '../../base/types';
import {
  CHUNK_RULES,
  predictionBudget,
  predictionBytesPerSlice,
  slicesPerChunk,
} from '../../models/memory_budget';
import { chunksOf, slicesOf } from '../../models/slice_chunks';

/**
 * Features of a study's slices, by patient: `slices * features` values of the original images, then of augmented
 * versions.
 *
 * @inline
 */
export type StudyFeatures = ReadonlyMap<string, readonly Float32Array[]>;

/**
 * Options of {@link extractFeatures}.
 *
 * @inline
 */
export interface ExtractFeaturesOptions {
  /**
   * Number of augmented versions of each patient, in addition to the original images.
   * @defaultValue 0
   */
  versions?: number;
  /**
   * Seed of the augmentation.
   * @defaultValue 0
   */
  seed?: number;
  /**
   * Ranges of the augmentation.
   * @defaultValue the published recipe's
   */
  augment?: AugmentationRanges;
  /**
   * Bytes of backbone activations kept at once.
   * @defaultValue 512 MiB; on WebGPU half of the device's largest buffer
   */
  memoryBudget?: number;
  /** Called after each patient. */
  onProgress?: (progress: PatientProgress) => void;
}

const RULES = {
  versions: optional(integerFrom0, 0),
  seed: optional(integer, 0),
  augment: optional(nested<AugmentationRanges>(RANGES), {}),
  memoryBudget: CHUNK_RULES.memoryBudget,
  onProgress: optional(callback),
} satisfies Rules<ExtractFeaturesOptions>;

/**
 * Runs a backbone over a study once, so that heads can be trained on its features repeatedly.
 *
 * A frozen backbone gives the same features each epoch: a head then trains in a hundredth of the time. The price is
 * that there is no new augmentation in every epoch; `versions` draws a few in advance.
 *
 * @param backbone - Maps `[n, height, width, channels]` to `[n, features]`.
 * @returns Features for {@link featureSource}; 4 bytes per feature, slice and version.
 * @throws ArgumentError for a model of another form, images of another size than the model's, or an option out of range.
 * @example
 * ```ts
 * const features = await extractFeatures(backbone, study, { versions: 4 });
 * const source = featureSource(study, features);
 * const model = buildCtBrainModel({ backbone: featureBackbone(512), variant: 'SDL(GRU)' });
 * await trainPatients(model, { train: subset(source, split.train), validation: subset(source, split.validation), seed: 1 });
 * ```
 */
export async function extractFeatures(
  backbone: tf.LayersModel,
  source: PatientSource,
  options: ExtractFeaturesOptions = {},
): Promise<Map<string, Float32Array[]>> {
  const what = 'extractFeatures';
  const { versions, seed, augment, onProgress, ...given } = resolveOptions(what, options, RULES);
  const { memoryBudget = predictionBudget() } = given;
  const { shape } = backbone.outputs[0]!;
  const expected = 'a model to [n, features]';
  check(backbone.outputs.length === 1 && shape.length === 2, `${what}: backbone`, expected, shape);
  const size = backbone.inputs[0]!.shape.slice(1);
  const chunkSlices = slicesPerChunk(predictionBytesPerSlice(backbone), memoryBudget);

  const run = async (images: tf.Tensor4D): Promise<Float32Array> => {
    const features = tf.tidy(() =>
      tf.concat(
        chunksOf(images.shape[0], chunkSlices).map((chunk) =>
          tf.tidy(() => backbone.apply(slicesOf(images, chunk), { training: false }) as tf.Tensor),
        ),
      ),
    );
    const values = (await features.data()) as Float32Array;
    features.dispose();
    return values;
  };

  const result = new Map<string, Float32Array[]>();
  for await (const stack of prefetchPatients(source, source.patients)) {
    const { patient, images } = stack;
    try {
      const fits = size.every((n, axis) => n === null || n === images.shape[axis + 1]);
      check(
        fits,
        `${what}: images of ${patient}`,
        `[slices, ${size.join(', ')}], as the backbone expects`,
        images,
      );
      const all = [await run(images)];
      for (let version = 0; version < versions; version++) {
        const draw = drawAugmentation(augment, deriveSeed(seed, 'features', patient, version));
        const augmented = applyAugmentation(images, draw);
        try {
          all.push(await run(augmented));
        } finally {
          augmented.dispose();
        }
      }
      result.set(patient, all);
    } finally {
      disposeStack(stack);
    }
    onProgress?.({ patient, done: result.size, total: source.patients.length });
  }
  return result;
}

/**
 * A source whose images are features, `[slices, 1, 1, features]`: for a model on a {@link featureBackbone}.
 *
 * Augmentation selects one of the extracted versions by the draw, or the original without versions.
 *
 * @param source - Provides patients, slices and labels; its images are not loaded.
 * @throws ArgumentError if a patient has no features, or not the same number for every slice.
 * @example
 * ```ts
 * const source = featureSource(study, await extractFeatures(backbone, study, { versions: 4 }));
 * ```
 */
export function featureSource<L extends Labels>(
  source: PatientSource<L>,
  features: StudyFeatures,
): PatientSource<L> {
  const sizes = source.patients.map((patient) => {
    const versions = features.get(patient);
    const slices = source.sliceNames(patient).length;
    const size = (versions?.[0]?.length ?? 0) / slices;
    const ok = isPositiveInteger(size) && versions!.every((values) => values.length === size * slices);
    check(ok, 'featureSource: features', `values for each of the ${slices} slices of ${patient}`, versions);
    return size;
  });
  const [size = 0] = sizes;
  const even = sizes.every((other) => other === size);
  check(even, 'featureSource: features', 'the same number for every patient', sizes);

  const stackOf = (patient: string, version: number, indices?: readonly number[]): PatientStack => {
    const names = source.sliceNames(patient);
    const labels = source.sliceLabels(patient);
    const values = features.get(patient)![version]!;
    const wanted = indices ?? names.map((_, i) => i);
    const slices = wanted.map((index) => values.subarray(index * size, (index + 1) * size));
    const images = new Float32Array(wanted.length * size);
    slices.forEach((slice, i) => images.set(slice, i * size));
    return {
      patient,
      slices: wanted.map((index) => names[index]!),
      images: tf.tensor4d(images, [wanted.length, 1, 1, size]),
      labels: labels && tf.tensor2d(wanted.map((index) => [...labels[index]!])),
    };
  };
  return derive(source, {
    load: async (patient) => stackOf(patient, 0),
    loadSlices: async (patient, indices) => stackOf(patient, 0, indices),
    loadAugmented: async (patient, draw, indices) =>
      stackOf(patient, versionFor(draw, features.get(patient)!.length), indices),
    // features are not prepared slices, and all of them are in memory
    preprocessing: undefined,
    loadsAtOnce: undefined,
  });
}

/** The version for a draw: any of the augmented ones, or the only one. */
function versionFor(draw: AugmentationDraw, versions: number): number {
  if (versions === 1) return 0;
  return 1 + (deriveSeed(0, draw.angle, draw.scale, draw.brightness, draw.contrast) % (versions - 1));
}

/**
 * A backbone for images that are features already, `[n, 1, 1, features]` to `[n, features]`; it has no weights.
 *
 * @throws ArgumentError for a number of features that is not a positive integer.
 * @example
 * ```ts
 * const head = buildCtBrainModel({ backbone: featureBackbone(512), variant: 'SDL(GRU)' });
 * ```
 */
export function featureBackbone(features: number): tf.LayersModel {
  check(isPositiveInteger(features), 'featureBackbone: features', 'a positive integer', features);
  const input = tf.input({ shape: [1, 1, features] });
  const output = tf.layers.flatten({ name: 'features' }).apply(input) as tf.SymbolicTensor;
  return tf.model({ inputs: input, outputs: output, name: 'feature_backbone' });
}
