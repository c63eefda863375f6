import * as tf from '@tensorflow/tfjs';
import { mapAtMost } from '../data/sources/map_at_most';
import {
  disposeStack,
  loadSlices,
  patientTargets,
  type PatientSource,
  type PatientStack,
} from '../data/sources/patient_source';
import { prefetch } from '../data/sources/prefetch';
import { DataError } from '../base/errors';
import { deriveSeed, seededRandom, shuffled } from '../base/random';
import { applyAugmentation, drawAugmentation, type AugmentationRanges } from '../transforms/random_augment';
import type { TrainingBatch } from './fit_stage';
import type { OutputLevel } from '../models/model_parts';
import { drawSliceOrder, type SequenceAugmentation } from './sequence_augmentation';

/** What both kinds of batches take. */
export interface BatchOptions {
  /** Seed of order and augmentation. */
  seed: number;
  /** Ranges of the augmentation, or `false` for none. */
  augment: AugmentationRanges | false;
}

/** What batches of patients take. */
export interface PatientBatchOptions extends BatchOptions {
  /** How stacks are turned round and thinned out; missing: not at all. */
  augmentSequence?: SequenceAugmentation;
}

/**
 * A patient's slices, all or those of `indices`, augmented. Which augmentation they get is a function of seed, epoch and name
 * (the `key`) alone, so that a resumed epoch repeats it.
 */
async function loadAugmented(
  source: PatientSource,
  patient: string,
  indices: readonly number[] | undefined,
  key: (string | number)[],
  { seed, augment }: BatchOptions,
): Promise<PatientStack> {
  const draw = augment !== false && drawAugmentation(augment, deriveSeed(seed, ...key));
  if (draw && source.loadAugmented) return source.loadAugmented(patient, draw, indices);
  const stack = indices ? await loadSlices(source, patient, indices) : await source.load(patient);
  if (!draw) return stack;
  try {
    const images = applyAugmentation(stack.images, draw);
    stack.images.dispose();
    return { ...stack, images };
  } catch (error) {
    disposeStack(stack);
    throw error;
  }
}

function labelsOf(stack: PatientStack): tf.Tensor2D {
  if (!stack.labels) throw new DataError('the patient has no labels to train on', { patient: stack.patient });
  return stack.labels;
}

/**
 * One patient a batch, in a new order each epoch, each stack augmented by one draw.
 *
 * Batches are `[1, slices, h, w, c]` with labels `[1, slices, labels]`, or `[1, labels]` of the patient as a whole.
 *
 * @param level - What the labels are of: what the model's outputs are of.
 */
export function patientBatches(
  source: PatientSource,
  epoch: number,
  options: PatientBatchOptions,
  level: OutputLevel = 'slices',
): AsyncIterable<TrainingBatch> {
  const order = shuffled(source.patients, seededRandom(deriveSeed(options.seed, 'patients', epoch)));
  const load = async (patient: string): Promise<TrainingBatch> => {
    const indices =
      options.augmentSequence &&
      drawSliceOrder(
        source.sliceNames(patient).length,
        options.augmentSequence,
        deriveSeed(options.seed, 'sequence', epoch, patient),
      );
    const stack = await loadAugmented(source, patient, indices, ['patients', epoch, patient], options);
    try {
      return tf.tidy(() => ({
        name: `patient ${patient}`,
        images: tf.expandDims(stack.images),
        labels:
          level === 'patients'
            ? tf.tensor2d([patientTargets(source, patient)])
            : tf.expandDims(labelsOf(stack)),
      })) as TrainingBatch;
    } finally {
      disposeStack(stack);
    }
  };
  return prefetch(order, load, { ahead: source.loadsAtOnce ?? 1, dispose: disposeBatch });
}

/**
 * Single slices of all patients, shuffled anew each epoch, each augmented by a draw of its own.
 *
 * Batches are `[n, 1, h, w, c]` with labels `[n, 1, labels]`, n being `batchSize` but for the last.
 */
export function sliceBatches(
  source: PatientSource,
  epoch: number,
  batchSize: number,
  options: BatchOptions,
): AsyncIterable<TrainingBatch> {
  const slices = source.patients.flatMap((patient) =>
    source.sliceNames(patient).map((name, index) => ({ patient, name, index })),
  );
  const order = shuffled(slices, seededRandom(deriveSeed(options.seed, 'slices', epoch)));
  const groups = Array.from({ length: Math.ceil(order.length / batchSize) }, (_, i) =>
    order.slice(i * batchSize, (i + 1) * batchSize),
  );
  const load = async (group: typeof order): Promise<TrainingBatch> => {
    const stacks = await mapAtMost(
      group,
      source.loadsAtOnce ?? 1,
      ({ patient, index }) =>
        loadAugmented(source, patient, [index], ['slices', epoch, patient, index], options),
      disposeStack,
    );
    try {
      return tf.tidy(() => ({
        name: `batch of ${group.map(({ patient, name }) => `${patient}/${name}`).join(', ')}`,
        images: tf.stack(stacks.map(({ images }) => images)),
        labels: tf.stack(stacks.map(labelsOf)),
      })) as TrainingBatch;
    } finally {
      stacks.forEach(disposeStack);
    }
  };
  return prefetch(groups, load, { dispose: disposeBatch });
}

const disposeBatch = ({ images, labels }: TrainingBatch) => tf.dispose([images, labels]);
