import { integerIn, nested, optional, resolveOptions, rule, share } from '../../base/options';
import type { Rule, Rules } from '../../base/options';
import { CT_LABELS, type CtLabel } from '../labels/labels';

/**
 * Options that the phantoms of a study share.
 *
 * @inline
 */
export interface PhantomOptions {
  /**
   * Slices from below the skull base to the vertex, 8 to 40, evenly spaced and at most 5 mm thick.
   * @defaultValue 24
   */
  slices?: number;
  /**
   * Pixels along a side of the square image, 32 to 512, for a field of view of 240 mm.
   * @defaultValue 128
   */
  size?: number;
  /**
   * From 0 (large bright hemorrhages) to 1 (small and faint ones).
   * @defaultValue 0.3
   */
  difficulty?: number;
  /**
   * Share of patients with each hemorrhage, 0 to 1; labels left out keep their default.
   * @defaultValue ich .42, ivh .26, sah .22, sdh .2, edh .19
   */
  prevalence?: Partial<Readonly<Record<CtLabel, number>>>;
}

/**
 * Options of `makePhantomPatient`.
 *
 * @inline
 */
export interface PhantomPatientOptions extends PhantomOptions {
  /** Any integer; equal seeds and options give equal patients, bit for bit. */
  seed: number;
}

/**
 * Options of `makePhantomStudy`.
 *
 * @inline
 */
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

const PREVALENCE = nested<NonNullable<PhantomOptions['prevalence']>>(
  Object.fromEntries(CT_LABELS.map((label) => [label, optional(share)])) as Record<CtLabel, Rule<number>>,
);

/** Rules of the options of one patient. */
const PHANTOM_RULES = {
  seed: rule<number>('an integer', Number.isSafeInteger),
  slices: optional(integerIn(8, 40), 24),
  size: optional(integerIn(32, 512), 128),
  difficulty: optional(share, 0.3),
  prevalence: optional(PREVALENCE, {}),
} satisfies Rules<PhantomPatientOptions>;

/** Rules of the options of a study. */
export const PHANTOM_STUDY_RULES = {
  ...PHANTOM_RULES,
  patients: integerIn(1, 99_999),
} satisfies Rules<PhantomStudyOptions>;

/** The options with their defaults, including each label's prevalence. */
export function resolvePhantomOptions(where: string, options: PhantomPatientOptions) {
  const resolved = resolveOptions(where, options, PHANTOM_RULES);
  const given: Partial<Record<CtLabel, number>> = resolved.prevalence;
  const prevalence = Object.fromEntries(
    CT_LABELS.map((label) => [label, given[label] ?? PHANTOM_PREVALENCE[label]]),
  ) as Record<CtLabel, number>;
  return { ...resolved, prevalence };
}
