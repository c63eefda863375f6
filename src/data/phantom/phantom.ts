import { check } from '../../base/checks';
import { resolveOptions } from '../../base/options';
import { deriveSeed, seededRandom } from '../../base/random';
import { CT_LABELS } from '../labels/labels';
import { drawAnatomy } from './anatomy';
import { drawHemorrhages, drawKinds } from './hemorrhage';
import {
  PHANTOM_STUDY_RULES,
  resolvePhantomOptions,
  type PhantomPatientOptions,
  type PhantomStudyOptions,
} from './options';
import { drawScan, FIELD_OF_VIEW, renderSlice } from './render';

export { PHANTOM_TISSUES } from './anatomy';
export {
  PHANTOM_PREVALENCE,
  type PhantomOptions,
  type PhantomPatientOptions,
  type PhantomStudyOptions,
} from './options';

/** A synthetic head CT with its ground truth. Arrays are ordered by slice, from the base upward, then by row. */
export interface PhantomPatient {
  /** CT numbers in HU, `slices * size * size`. */
  hu: Float32Array;
  slices: number;
  size: number;
  /** `slices` rows of 0 and 1, one per label of {@link CT_LABELS}. */
  labels: number[][];
  /** Bit i of a pixel is set where label i takes at least 30 % of its volume, `slices * size * size`. */
  masks: Uint8Array;
  /**
   * Tissue apart from blood: 0 air, 1 soft tissue, 2 bone, 3 CSF, 4 ventricle, 5 white matter, 6 grey matter, 7 dura;
   * `slices * size * size`.
   */
  tissue: Uint8Array;
}

/**
 * A synthetic study, whose patients are generated on demand.
 *
 * @inline
 */
export interface PhantomStudy extends Iterable<PhantomPatient & { id: string }> {
  readonly patients: number;
  /** Patient `index` (from 0), named `ID_001` for the first. It depends on the study's seed and `index` alone. */
  patient(index: number): PhantomPatient & { id: string };
}

/** Area in mm² that a hemorrhage's mask must cover for the slice to be labelled with it. */
export const PHANTOM_MIN_AREA = 25;

/**
 * Makes one synthetic head CT: skull, brain, ventricles, falx, sulci and cisterns of varied shape, with none, one or
 * several of the five hemorrhages where they occur, and with noise, partial volume, streaks and calcifications.
 *
 * A slice has a label if the mask covers at least 25 mm²; the first and last slices of a hemorrhage are fainter than
 * the others. Equal seeds give the same head under any prevalence, except for the effects of blood (wider ventricles,
 * midline shift, effaced sulci), so the same patient can be generated without hemorrhage. The images are meant for
 * tests, demonstrations and debugging a training; they say nothing about real patients.
 *
 * @throws ArgumentError for an option outside its range.
 * @example
 * ```ts
 * const { hu, labels } = makePhantomPatient({ seed: 7, slices: 12, size: 96 });
 * ```
 */
export function makePhantomPatient(options: PhantomPatientOptions): PhantomPatient {
  const { seed, slices, size, difficulty, prevalence } = resolvePhantomOptions('makePhantomPatient', options);
  const random = seededRandom(deriveSeed(seed, 'hemorrhage'));
  const kinds = drawKinds(random, prevalence);
  const healthy = drawAnatomy(seededRandom(deriveSeed(seed, 'anatomy')));
  const anatomy = kinds.has('ivh')
    ? { ...healthy, ventricleGrowth: healthy.ventricleGrowth.map(widened) as [number, number] }
    : healthy;
  const blood = drawHemorrhages(random, anatomy, kinds, difficulty);
  const scan = drawScan(deriveSeed(seed, 'scan'), slices, anatomy);

  const area = size * size;
  const hu = new Float32Array(slices * area);
  const masks = new Uint8Array(slices * area);
  const tissue = new Uint8Array(slices * area);
  const labels: number[][] = [];
  for (let slice = 0; slice < slices; slice++) {
    const part = <T extends Float32Array | Uint8Array>(all: T) =>
      all.subarray(slice * area, (slice + 1) * area) as T;
    const out = { hu: part(hu), masks: part(masks), tissue: part(tissue) };
    renderSlice({ seed, size, anatomy, blood, scan }, slice, out);
    labels.push(labelsOf(part(masks), size));
  }
  return { hu, slices, size, labels, masks, tissue };
}

/**
 * A study of synthetic patients (see {@link makePhantomPatient}), each generated on demand, so that memory does not
 * grow with their number.
 *
 * @throws ArgumentError for an option outside its range.
 * @example
 * ```ts
 * for (const { id, hu, labels } of makePhantomStudy({ patients: 40, seed: 1, slices: 12, size: 64 })) {
 *   console.log(id, hu.length, labels);
 * }
 * ```
 */
export function makePhantomStudy(options: PhantomStudyOptions): PhantomStudy {
  const { patients, ...rest } = resolveOptions('makePhantomStudy', options, PHANTOM_STUDY_RULES);
  const patient = (index: number) => {
    const known = Number.isInteger(index) && index >= 0 && index < patients;
    check(known, 'patient: index', `an integer from 0 to ${patients - 1}`, index);
    const seed = deriveSeed(rest.seed, 'patient', index);
    return { id: `ID_${String(index + 1).padStart(3, '0')}`, ...makePhantomPatient({ ...rest, seed }) };
  };
  return {
    patients,
    patient,
    *[Symbol.iterator]() {
      for (let index = 0; index < patients; index++) yield patient(index);
    },
  };
}

const widened = (growth: number) => Math.max(growth, 0) + 1.2;

function labelsOf(masks: Uint8Array, size: number): number[] {
  const pixelArea = (FIELD_OF_VIEW / size) ** 2;
  const counts = CT_LABELS.map(() => 0);
  for (const bits of masks) {
    for (let k = 0; bits >> k > 0; k++) if ((bits >> k) & 1) counts[k]! += 1;
  }
  return counts.map((count) => (count * pixelArea >= PHANTOM_MIN_AREA ? 1 : 0));
}
