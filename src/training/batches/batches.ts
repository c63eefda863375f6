import * as tf from '@tensorflow/tfjs';
import { mapAtMost } from '../../base/map_at_most';
import {
  disposeStack,
  loadSlices,
  patientTargets,
  type PatientSource,
  type PatientStack,
} from '../../data/sources/patient_source';
import { prefetch } from '../../data/sources/prefetch';
import { checkedStack } from '../../data/sources/stack_values';
import { DataError } from '../../base/errors';
import { deriveSeed, seededRandom, shuffled } from '../../base/random';
import {
  applyAugmentation,
  drawAugmentation,
  type AugmentationRanges,
} from '../../transforms/random_augment';
import type { TrainingBatch } from '../stages/fit_options';
import type { OutputLevel } from '../../models/output_level';
import { drawSliceOrder, type SequenceAugmentation } from './sequence_augmentation';

/** Options of both kinds of batches. */
export interface BatchOptions {
  /** Seed of order and augmentation. */
  seed: number;
  /** Ranges of the augmentation, or `false` for none. */
  augment: AugmentationRanges | false;
  /** Whether half of the items drawn in an epoch have a label, however few there are. */
  balance?: boolean;
  /** Batches to skip at the start of the epoch. */
  skip?: number;
}

/** Options of batches of patients. */
export interface PatientBatchOptions extends BatchOptions {
  /** How the slice order is reversed and slices are left out; default: not at all. */
  augmentSequence?: SequenceAugmentation;
  /** Number of single-slice stacks per batch; default: one. */
  singles?: number;
}

/**
 * A patient's slices, all or those of `indices`, augmented. The augmentation depends only on seed, epoch and name (the
 * `key`), so that a resumed epoch repeats it.
 */
async function loadAugmented(
  source: PatientSource,
  patient: string,
  indices: readonly number[] | undefined,
  key: (string | number)[],
  { seed, augment }: BatchOptions,
): Promise<PatientStack> {
  const draw = augment !== false && drawAugmentation(augment, deriveSeed(seed, ...key));
  if (draw && source.loadAugmented) {
    return checkedStack(source, await source.loadAugmented(patient, draw, indices));
  }
  const loaded = indices ? await loadSlices(source, patient, indices) : await source.load(patient);
  const stack = checkedStack(source, loaded);
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
 * The items of an epoch, in order: each item once, or with `balance` the same number, half of them with a label and
 * half without, with every item of a half equally often.
 */
function drawOrder<T>(
  items: readonly T[],
  hasLabel: (item: T) => boolean,
  seed: number,
  balance: boolean,
): T[] {
  const random = seededRandom(seed);
  const positive = balance ? items.filter(hasLabel) : [];
  if (positive.length === 0 || positive.length === items.length) return shuffled(items, random);
  const negative = items.filter((item) => !hasLabel(item));
  const take = (from: readonly T[], count: number) =>
    Array.from({ length: Math.ceil(count / from.length) }, () => shuffled(from, random))
      .flat()
      .slice(0, count);
  const half = Math.floor(items.length / 2);
  return shuffled([...take(positive, half), ...take(negative, items.length - half)], random);
}

/** Whether any of these labels is present. */
const anyOf = (labels: readonly number[] | undefined) => labels?.includes(1) ?? false;

/** Each item with the number of times it was drawn before, so that repeated items are augmented differently. */
function counted<T>(order: readonly T[], keyOf: (item: T) => string): { item: T; again: number[] }[] {
  const seen = new Map<string, number>();
  return order.map((item) => {
    const times = seen.get(keyOf(item)) ?? 0;
    seen.set(keyOf(item), times + 1);
    return { item, again: times === 0 ? [] : [times] };
  });
}

/**
 * The patients of each batch of an epoch, in a new order each epoch: one, or up to `singles` with single-slice stacks.
 */
function patientGroups(
  source: PatientSource,
  epoch: number,
  { seed, balance = false, singles = 1 }: PatientBatchOptions,
  level: OutputLevel,
): { item: string; again: number[] }[][] {
  const hasLabel = (patient: string) =>
    level === 'patients'
      ? anyOf(patientTargets(source, patient))
      : (source.sliceLabels(patient) ?? []).some((row) => anyOf(row));
  const order = drawOrder(source.patients, hasLabel, deriveSeed(seed, 'patients', epoch), balance);
  const groups: { item: string; again: number[] }[][] = [];
  let open: { item: string; again: number[] }[] = [];
  for (const drawn of counted(order, (patient) => patient)) {
    if (singles === 1 || source.sliceNames(drawn.item).length > 1) groups.push([drawn]);
    else {
      if (open.length === 0) groups.push(open);
      open.push(drawn);
      if (open.length === singles) open = [];
    }
  }
  return groups;
}

/** Number of batches of {@link patientBatches} per epoch. */
export function patientSteps(
  source: PatientSource,
  epoch: number,
  options: PatientBatchOptions,
  level: OutputLevel = 'slices',
): number {
  return patientGroups(source, epoch, options, level).length;
}

/**
 * One patient per batch, in a new order each epoch, each stack augmented by one draw; single-slice stacks may share a
 * batch.
 *
 * Batches are `[n, slices, h, w, c]` with labels `[n, slices, labels]`, or `[n, labels]` per patient.
 *
 * @param level - Whether labels are per slice or per patient, like the model's outputs.
 */
export function patientBatches(
  source: PatientSource,
  epoch: number,
  options: PatientBatchOptions,
  level: OutputLevel = 'slices',
): AsyncIterable<TrainingBatch> {
  const groups = patientGroups(source, epoch, options, level).slice(options.skip ?? 0);
  const loadOne = async ({ item: patient, again }: { item: string; again: number[] }) => {
    const indices =
      options.augmentSequence &&
      drawSliceOrder(
        source.sliceNames(patient).length,
        options.augmentSequence,
        deriveSeed(options.seed, 'sequence', epoch, patient, ...again),
      );
    return loadAugmented(source, patient, indices, ['patients', epoch, patient, ...again], options);
  };
  const load = async (group: (typeof groups)[number]): Promise<TrainingBatch> => {
    const stacks = await mapAtMost(group, source.loadsAtOnce ?? 1, loadOne, disposeStack);
    try {
      return tf.tidy(() => ({
        name: `patient ${stacks.map(({ patient }) => patient).join(', ')}`,
        images: tf.stack(stacks.map(({ images }) => images)),
        labels:
          level === 'patients'
            ? tf.tensor2d(stacks.map(({ patient }) => patientTargets(source, patient)))
            : tf.stack(stacks.map(labelsOf)),
      })) as TrainingBatch;
    } finally {
      stacks.forEach(disposeStack);
    }
  };
  return prefetch(groups, load, { ahead: source.loadsAtOnce ?? 1, dispose: disposeBatch });
}

/**
 * Single slices of all patients, or a number of them, drawn and shuffled anew each epoch, each augmented by its own
 * draw.
 *
 * Batches are `[n, 1, h, w, c]` with labels `[n, 1, labels]`, where n is `batchSize` except for the last batch.
 */
export function sliceBatches(
  source: PatientSource,
  epoch: number,
  batchSize: number,
  options: BatchOptions & { slices?: number },
): AsyncIterable<TrainingBatch> {
  const { seed, balance = false, skip = 0, slices: most } = options;
  const slices = source.patients.flatMap((patient) => {
    const labels = source.sliceLabels(patient);
    return source
      .sliceNames(patient)
      .map((name, index) => ({ patient, name, index, positive: anyOf(labels?.[index]) }));
  });
  const drawn = drawOrder(slices, ({ positive }) => positive, deriveSeed(seed, 'slices', epoch), balance);
  const order = counted(drawn.slice(0, most), ({ patient, index }) => JSON.stringify([patient, index]));
  const groups = Array.from({ length: Math.ceil(order.length / batchSize) }, (_, i) =>
    order.slice(i * batchSize, (i + 1) * batchSize),
  ).slice(skip);
  const load = async (group: typeof order): Promise<TrainingBatch> => {
    const stacks = await mapAtMost(
      group,
      source.loadsAtOnce ?? 1,
      ({ item: { patient, index }, again }) =>
        loadAugmented(source, patient, [index], ['slices', epoch, patient, index, ...again], options),
      disposeStack,
    );
    try {
      return tf.tidy(() => ({
        name: `batch of ${group.map(({ item: { patient, name } }) => `${patient}/${name}`).join(', ')}`,
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
