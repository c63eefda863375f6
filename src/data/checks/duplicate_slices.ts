import { CtMultilabelError } from '../../base/errors';
import { callback, flag, optional, resolveOptions, type Rules } from '../../base/options';
import { ownChannels } from '../sources/own_channels';
import { disposeStack, type PatientProgress, type PatientSource } from '../sources/patient_source';
import { PERSON_OF } from '../splits/patient_groups';

/**
 * Options of {@link findDuplicateSlices}.
 *
 * @inline
 */
export interface DuplicateSearchOptions {
  /**
   * The person that a patient id belongs to.
   * @defaultValue the source's `groupOf`; without it every id is a person
   */
  groupBy?: (patientId: string) => string;
  /**
   * Whether to report equal slices of the same person too.
   * @defaultValue false
   */
  withinGroup?: boolean;
  /** Called after each patient. */
  onProgress?: (progress: PatientProgress) => void;
}

const RULES = {
  groupBy: optional(PERSON_OF),
  withinGroup: optional(flag, false),
  onProgress: optional(callback),
} satisfies Rules<DuplicateSearchOptions>;

/**
 * Slices whose pixels are all equal.
 *
 * @inline
 */
export interface DuplicateSlices {
  /** SHA-256 of the pixels, 64 hexadecimal digits. */
  hash: string;
  /** The slices, two or more: by patient id, and in order within a patient. */
  slices: { patient: string; slice: string }[];
}

/**
 * Finds slices that occur more than once, for example because a scan was published under two names.
 *
 * Slices are equal if they have the same height, width and channels, and the same value in every pixel, as loaded from
 * the source (without the channels of neighbours). Open it without CLAHE and at a size not much below that of the files;
 * otherwise different slices may become equal. Slices of one constant value are left out, since air equals air. Slices
 * that are only similar (another compression, another window, shifted) are not found. One patient at a time is in
 * memory.
 *
 * @returns Ordered by the first slice of each.
 * @throws CtMultilabelError if `crypto.subtle` is missing: browsers provide it only on secure pages (https, localhost).
 * @example
 * ```ts
 * const duplicates = await findDuplicateSlices(study);
 * checkNoLeak(splitByPatient(study.patients, { seed: 1 }), { duplicates });
 * ```
 */
export async function findDuplicateSlices(
  source: PatientSource,
  options: DuplicateSearchOptions = {},
): Promise<DuplicateSlices[]> {
  const fn = 'findDuplicateSlices';
  const { groupBy: given, withinGroup, onProgress } = resolveOptions(fn, options, RULES);
  const groupBy = given ?? ((id: string) => source.groupOf?.(id) ?? id);

  // missing on pages loaded over plain http, unlike in its type
  const subtle = (globalThis.crypto as Crypto | undefined)?.subtle as SubtleCrypto | undefined;
  if (subtle === undefined) {
    throw new CtMultilabelError(
      `${fn} needs crypto.subtle, which browsers have on secure pages only (https, localhost)`,
    );
  }

  const seen = new Map<string, FoundSlice[]>();
  let done = 0;
  for (const patient of source.patients) {
    const hashes = await hashSlices(source, patient, subtle);
    hashes.forEach(({ slice, hash }, index) => {
      if (hash === undefined) return;
      const slices = seen.get(hash);
      if (slices === undefined) seen.set(hash, [{ patient, slice, index }]);
      else slices.push({ patient, slice, index });
    });
    done++;
    onProgress?.({ patient, done, total: source.patients.length });
  }

  return [...seen]
    .filter(([, slices]) =>
      withinGroup ? slices.length > 1 : new Set(slices.map(({ patient }) => groupBy(patient))).size > 1,
    )
    .map(([hash, slices]) => ({ hash, slices: slices.sort(byPlace) }))
    .sort((a, b) => byPlace(a.slices[0]!, b.slices[0]!))
    .map(({ hash, slices }) => ({ hash, slices: slices.map(({ patient, slice }) => ({ patient, slice })) }));
}

interface FoundSlice {
  patient: string;
  slice: string;
  /** Index in the patient's stack. */
  index: number;
}

/** By code units, not by locale, so that the order is the same everywhere. */
function byPlace(a: FoundSlice, b: FoundSlice): number {
  if (a.patient !== b.patient) return a.patient < b.patient ? -1 : 1;
  return a.index - b.index;
}

/** The hash of each slice of a patient; undefined for a blank one. */
async function hashSlices(source: PatientSource, patient: string, subtle: SubtleCrypto) {
  const stack = await source.load(patient);
  const { slices } = stack;
  const [, height, width, channels] = stack.images.shape;
  // channels of neighbours do not belong to the slice
  const [begin, end] = ownChannels(source, channels);
  const own = end - begin;
  const shape = [height, width, own];
  let pixels: ArrayLike<number>;
  try {
    pixels = await stack.images.data();
  } finally {
    disposeStack(stack);
  }
  const size = shape.reduce((product, length) => product * length, 1);
  const hashes: { slice: string; hash: string | undefined }[] = [];
  for (const [index, slice] of slices.entries()) {
    // the shape too, so that slices of different shapes are never equal
    const content = new Float32Array(shape.length + size);
    content.set(shape);
    const values = content.subarray(shape.length);
    // -0 equals 0 but has other bits; adding 0 turns it into 0
    for (let i = 0; i < size; i++) {
      const pixel = index * height * width + Math.floor(i / own);
      values[i] = pixels[pixel * channels + begin + (i % own)]! + 0;
    }
    const blank = values.every((value) => value === values[0]);
    hashes.push({ slice, hash: blank ? undefined : await sha256(subtle, content) });
  }
  return hashes;
}

async function sha256(subtle: SubtleCrypto, content: Float32Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await subtle.digest('SHA-256', content));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
