import * as tf from '@tensorflow/tfjs';
import { disposeStack, takeSlices, type PatientSource, type PatientStack } from '../data/patient_source';
import { prefetch } from '../data/prefetch';
import { DataError } from '../errors';
import { deriveSeed, seededRandom, shuffled } from '../random';
import { applyAugmentation, drawAugmentation, type AugmentationRanges } from '../transforms/random_augment';
import type { TrainingBatch } from './fit_stage';

/** What both kinds of batches take. */
export interface BatchOptions {
  /** Seed of order and augmentation. */
  seed: number;
  /** Ranges of the augmentation, or `false` for none. */
  augment: AugmentationRanges | false;
}

/** Which augmentation a stack gets: a function of seed, epoch and name alone, so that a resumed epoch repeats it. */
function augmented(
  stack: PatientStack,
  key: (string | number)[],
  { seed, augment }: BatchOptions,
): tf.Tensor4D {
  if (augment === false) return stack.images.clone();
  return applyAugmentation(stack.images, drawAugmentation(augment, deriveSeed(seed, ...key)));
}

function labelsOf(stack: PatientStack): tf.Tensor2D {
  if (!stack.labels) throw new DataError('the patient has no labels to train on', { patient: stack.patient });
  return stack.labels;
}

/**
 * One patient a batch, in a new order each epoch, each stack augmented by one draw.
 *
 * Batches are `[1, slices, h, w, c]` with labels `[1, slices, labels]`.
 */
export function patientBatches(
  source: PatientSource,
  epoch: number,
  options: BatchOptions,
): AsyncIterable<TrainingBatch> {
  const order = shuffled(source.patients, seededRandom(deriveSeed(options.seed, 'patients', epoch)));
  const load = async (patient: string): Promise<TrainingBatch> => {
    const stack = await source.load(patient);
    try {
      return tf.tidy(() => ({
        name: `patient ${patient}`,
        images: tf.expandDims(augmented(stack, ['patients', epoch, patient], options)),
        labels: tf.expandDims(labelsOf(stack)),
      })) as TrainingBatch;
    } finally {
      disposeStack(stack);
    }
  };
  return prefetch(order, load, { dispose: disposeBatch });
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
    const stacks: PatientStack[] = [];
    try {
      for (const { patient, index } of group) stacks.push(await loadSlice(source, patient, index));
      return tf.tidy(() => ({
        name: `batch of ${group.map(({ patient, name }) => `${patient}/${name}`).join(', ')}`,
        images: tf.stack(
          stacks.map((stack, i) =>
            augmented(stack, ['slices', epoch, group[i]!.patient, group[i]!.index], options),
          ),
        ),
        labels: tf.stack(stacks.map(labelsOf)),
      })) as TrainingBatch;
    } finally {
      stacks.forEach(disposeStack);
    }
  };
  return prefetch(groups, load, { dispose: disposeBatch });
}

/** One slice of a patient; a source that only knows whole patients loads all and keeps one. */
async function loadSlice(source: PatientSource, patient: string, index: number): Promise<PatientStack> {
  if (source.loadSlices) return source.loadSlices(patient, [index]);
  const whole = await source.load(patient);
  if (index >= whole.slices.length) {
    disposeStack(whole);
    throw new DataError(`expected at least ${index + 1} slices, found ${whole.slices.length}`, { patient });
  }
  return takeSlices(whole, [index]);
}

const disposeBatch = ({ images, labels }: TrainingBatch) => tf.dispose([images, labels]);
