import { check, checkKnownKeys } from '../../base/errors';
import { CT_LABELS, type CtLabel } from '../labels/labels';

/** What the phantoms of a study have in common. */
export interface PhantomOptions {
  /**
   * Slices from below the skull base to the vertex, 8 to 40, evenly spaced and at most 5 mm thick.
   * @defaultValue `24`
   */
  slices?: number;
  /**
   * Pixels along a side of the square image, 32 to 512, for a field of view of 240 mm.
   * @defaultValue `128`
   */
  size?: number;
  /**
   * From 0 (large bright hemorrhages) to 1 (small and faint ones).
   * @defaultValue `0.3`
   */
  difficulty?: number;
  /**
   * Share of patients with each hemorrhage, 0 to 1; labels left out keep their default.
   * @defaultValue {@link PHANTOM_PREVALENCE}
   */
  prevalence?: Partial<Readonly<Record<CtLabel, number>>>;
}

export interface PhantomPatientOptions extends PhantomOptions {
  /** Any integer; equal seeds and options give equal patients, bit for bit. */
  seed: number;
}

export interface PhantomStudyOptions extends PhantomPatientOptions {
  /** How many patients there are. */
  patients: number;
}

/**
 * Share of patients with each hemorrhage by default: half of the patients have one or more, and of the slices about
 * 10 % show ich, 6 % ivh, 8 % sah, 10 % sdh and 6 % edh.
 */
export const PHANTOM_PREVALENCE: Readonly<Record<CtLabel, number>> = {
  ich: 0.42,
  ivh: 0.26,
  sah: 0.22,
  sdh: 0.2,
  edh: 0.19,
};

/** Keys of {@link PhantomPatientOptions}. */
export const PHANTOM_OPTIONS = ['seed', 'slices', 'size', 'difficulty', 'prevalence'];

/** The options with defaults filled in, once they are checked; for what writes or caches phantoms. */
export function resolvePhantomOptions(where: string, options: PhantomPatientOptions) {
  checkKnownKeys(options, PHANTOM_OPTIONS, where);
  const { seed, slices = 24, size = 128, difficulty = 0.3, prevalence = {} } = options;
  check(Number.isSafeInteger(seed), `${where}: seed`, 'an integer', seed);
  const integer = (value: number, low: number, high: number) =>
    Number.isInteger(value) && value >= low && value <= high;
  check(integer(slices, 8, 40), `${where}: slices`, 'an integer from 8 to 40', slices);
  check(integer(size, 32, 512), `${where}: size`, 'an integer from 32 to 512', size);
  check(isShare(difficulty), `${where}: difficulty`, 'a number from 0 to 1', difficulty);
  check(
    typeof prevalence === 'object' && prevalence !== null && !Array.isArray(prevalence),
    `${where}: prevalence`,
    'an object of shares by label',
    prevalence,
  );
  checkKnownKeys(prevalence, CT_LABELS, `${where}: prevalence`);
  for (const [label, share] of Object.entries(prevalence)) {
    check(isShare(share), `${where}: prevalence.${label}`, 'a number from 0 to 1', share);
  }
  return { seed, slices, size, difficulty, prevalence: { ...PHANTOM_PREVALENCE, ...prevalence } };
}

const isShare = (value: unknown) => typeof value === 'number' && value >= 0 && value <= 1;
