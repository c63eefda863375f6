import * as tf from '@tensorflow/tfjs';
import { numberFrom0, oneOf, optional, resolveOptions, type Rules } from '../../base/options';
import {
  plainValues,
  PRECISIONS,
  STORED_ARRAYS,
  storedValues,
  type Precision,
  type StoredValues,
} from '../../base/stored_values';
import type { Labels } from '../../base/types';
import { derive, disposeStack, takeSlices, type PatientSource, type PatientStack } from './patient_source';

/**
 * Options of {@link cachedSource}.
 *
 * @inline
 */
export interface CachedSourceOptions {
  /**
   * Bytes of slices kept in memory; slices that do not fit are loaded each time.
   * @defaultValue 512 MiB
   */
  maxBytes?: number;
  /**
   * Precision of kept slices: `'float16'` takes half of the memory and `'uint8'`, 255ths of images in 0..1, a quarter.
   * Slices are rounded to it even the first time, and if they do not fit.
   * @defaultValue 'float32'
   */
  precision?: 'float32' | 'float16' | 'uint8';
}

const RULES = {
  maxBytes: optional(numberFrom0, 512 * 2 ** 20),
  precision: optional(oneOf(PRECISIONS), 'float32'),
} satisfies Rules<CachedSourceOptions>;

interface CachedSlice {
  pixels: StoredValues;
  shape: [number, number, number];
  labels: number[] | undefined;
}

/**
 * A source that keeps loaded slices in memory, up to a limit, so that later epochs need not decode them.
 *
 * @example
 * ```ts
 * const study = cachedSource(await openKaggleFolder('data', { preprocessing }));
 * ```
 */
export function cachedSource<L extends Labels>(
  source: PatientSource<L>,
  options: CachedSourceOptions = {},
): PatientSource<L> {
  const { maxBytes, precision } = resolveOptions('cachedSource', options, RULES);
  const kept = new Map<string, CachedSlice>();
  const claimed = new Set<string>();
  let bytes = 0;
  const key = (patient: string, index: number) => JSON.stringify([patient, index]);

  const keep = async (patient: string, indices: readonly number[], stack: PatientStack) => {
    const [, ...shape] = stack.images.shape as [number, number, number, number];
    const size = shape[0] * shape[1] * shape[2];
    const fresh = indices.filter((index) => !claimed.has(key(patient, index)));
    const needed = STORED_ARRAYS[precision].BYTES_PER_ELEMENT * size * fresh.length;
    if (bytes + needed > maxBytes) return;
    // claimed before the first await, so that parallel loads respect the limit
    bytes += needed;
    for (const index of fresh) claimed.add(key(patient, index));
    const [pixels, labels] = await Promise.all([stack.images.data(), stack.labels?.array()]);
    for (const index of fresh) {
      const i = indices.indexOf(index);
      // slice() copies: a view would keep the whole stack alive
      const slice = (pixels as Float32Array).slice(i * size, (i + 1) * size);
      kept.set(key(patient, index), { pixels: storedValues(slice, precision), shape, labels: labels?.[i] });
    }
  };

  const loadSlices = async (patient: string, indices: readonly number[]): Promise<PatientStack> => {
    const names = source.sliceNames(patient);
    const cached = indices.map((index) => kept.get(key(patient, index)));
    if (cached.length > 0 && cached.every((slice) => slice !== undefined)) {
      return fromCache(
        patient,
        indices.map((index) => names[index]!),
        cached,
      );
    }
    const everything = names.map((_, i) => i);
    const all = indices.length === names.length && indices.every((index, i) => index === i);
    // a patient that can only be loaded as a whole is kept as a whole
    const whole = all || !source.loadSlices;
    const stack = await rounded(
      whole ? await source.load(patient) : await source.loadSlices!(patient, indices),
      precision,
    );
    try {
      await keep(patient, whole ? everything : indices, stack);
    } catch (error) {
      disposeStack(stack);
      throw error;
    }
    return all || !whole ? stack : takeSlices(stack, indices);
  };

  return derive(source, {
    load: (patient) => loadSlices(patient, [...source.sliceNames(patient).keys()]),
    loadSlices,
    loadAugmented: undefined, // augmented slices are not kept
  });
}

/** The stack with its values rounded as they are kept. */
async function rounded(stack: PatientStack, precision: Precision): Promise<PatientStack> {
  if (precision === 'float32') return stack;
  try {
    const stored = storedValues((await stack.images.data()) as Float32Array, precision);
    const images = tf.tensor4d(plainValues(stored), stack.images.shape);
    stack.images.dispose();
    return { ...stack, images };
  } catch (error) {
    disposeStack(stack);
    throw error;
  }
}

function fromCache(patient: string, slices: string[], cached: CachedSlice[]): PatientStack {
  const { shape } = cached[0]!;
  const pixels = new Float32Array(cached.length * shape[0] * shape[1] * shape[2]);
  cached.forEach((slice, i) => pixels.set(plainValues(slice.pixels), i * slice.pixels.length));
  const labels = cached.map((slice) => slice.labels);
  return {
    patient,
    slices,
    images: tf.tensor4d(pixels, [cached.length, ...shape]),
    labels: labels[0] && tf.tensor2d(labels as number[][]),
  };
}
