import { check } from '../../base/checks';
import { DataError } from '../../base/errors';
import { anything, optional, resolveOptions, type Rules } from '../../base/options';
import { DRAW_RULES } from '../splits/patient_groups';
import type { DuplicateSlices } from './duplicate_slices';

/**
 * A split of patients as returned by the splitting functions: two or three sides, with inner folds if nested.
 *
 * @inline
 */
export interface SplitSides {
  train?: readonly string[];
  validation?: readonly string[];
  test?: readonly string[];
  /** Splits of `train`: none of them may contain patients of the other sides. */
  inner?: readonly SplitSides[];
}

/**
 * Options of {@link checkNoLeak}.
 *
 * @inline
 */
export interface LeakCheckOptions {
  /**
   * The person of a patient id. Keep the method of a source bound: `groupBy: (id) => source.groupOf?.(id) ?? id`.
   * @defaultValue every id is a person
   */
  groupBy?: (patientId: string) => string;
  /**
   * Equal slices, from `findDuplicateSlices`: they may not be on two sides either.
   * @defaultValue none
   */
  duplicates?: readonly DuplicateSlices[];
}

const RULES = {
  groupBy: DRAW_RULES.groupBy,
  duplicates: optional(anything, []),
} satisfies Rules<LeakCheckOptions>;

/**
 * Throws if a patient, or a person, is on more than one side of a split; with `duplicates` also if a slice is.
 *
 * Folds, given as a list, are checked separately.
 *
 * @param split - One split, or the list of folds from `kFoldByPatient` or `nestedKFoldByPatient`.
 * @throws DataError that names the patients (persons), or slices, and their sides.
 * @example
 * ```ts
 * const split = { train: ['ann_1', 'bob_1'], test: ['ann_2'] };
 * checkNoLeak(split, { groupBy: (scan) => scan.slice(0, 3) }); // throws: ann is on both sides
 * ```
 */
export function checkNoLeak(split: SplitSides | readonly SplitSides[], options: LeakCheckOptions = {}): void {
  const { groupBy, duplicates } = resolveOptions('checkNoLeak', options, RULES);
  for (const sides of divisionsOf('checkNoLeak', split)) {
    const persons = new Map<string, Map<string, string>>();
    for (const [side, patients] of sides) {
      for (const patient of patients) {
        const person = groupBy(patient);
        const places = persons.get(person) ?? new Map<string, string>();
        persons.set(person, places);
        if (!places.has(side)) places.set(side, patient);
      }
    }
    const leaked = [...persons].filter(([, places]) => places.size > 1);
    if (leaked.length > 0) {
      const named = leaked.map(([person, places]) => {
        const where = [...places].map(([side, id]) => (id === person ? side : `${side} as ${id}`));
        return `${person} (${where.join(', ')})`;
      });
      const patient = [...leaked[0]![1].values()][0]!;
      throw new DataError(`patients are on more than one side of the split: ${listOf(named)}`, { patient });
    }
  }
  const crossing = duplicatesAcross(split, duplicates);
  if (crossing.length > 0) {
    const named = crossing.map(({ slices }) =>
      slices.map(({ patient, slice }) => `${patient}/${slice}`).join(' = '),
    );
    throw new DataError(
      `equal slices are on more than one side of the split: ${listOf(named)}`,
      crossing[0]!.slices[0],
    );
  }
}

/** The equal slices of which at least two are on different sides of a split, in any of its folds. */
export function duplicatesAcross(
  split: SplitSides | readonly SplitSides[],
  duplicates: readonly DuplicateSlices[],
): DuplicateSlices[] {
  const divisions = divisionsOf('duplicatesAcross', split).map((sides) =>
    [...sides.values()].map((patients) => new Set(patients)),
  );
  return duplicates.filter(({ slices }) =>
    divisions.some(
      (sides) => sides.filter((side) => slices.some(({ patient }) => side.has(patient))).length > 1,
    ),
  );
}

type Sides = Map<string, readonly string[]>;

/** Every set of sides that must have no patient in common, by name. */
function divisionsOf(fn: string, split: SplitSides | readonly SplitSides[]): Sides[] {
  if (!Array.isArray(split)) return divisionsOfOne(fn, split as SplitSides, '');
  check(split.length > 0, `${fn}: split`, 'at least one split', split);
  return (split as readonly SplitSides[]).flatMap((one, i) => divisionsOfOne(fn, one, `split ${i}: `));
}

function divisionsOfOne(fn: string, split: SplitSides, name: string): Sides[] {
  check(typeof split === 'object' && split !== null, `${fn}: split`, 'sides of patient ids', split);
  const sides: Sides = new Map();
  for (const side of ['train', 'validation', 'test'] as const) {
    const patients = split[side];
    if (patients === undefined) continue;
    const isList = Array.isArray(patients) && patients.every((patient) => typeof patient === 'string');
    check(isList, `${fn}: split, ${side}`, 'a list of patient ids', patients);
    sides.set(`${name}${side}`, patients);
  }
  check(sides.size > 1, `${fn}: split`, 'two or three of train, validation, test', split);
  const { inner = [] } = split;
  check(Array.isArray(inner), `${fn}: split, inner`, 'a list of splits', inner);
  const others = [...sides].filter(([side]) => side !== `${name}train`);
  return [
    sides,
    ...inner.flatMap((one, i) =>
      divisionsOfOne(fn, one, `${name}inner ${i}: `).map((division) => new Map([...division, ...others])),
    ),
  ];
}

/** The first ten names, and the number of others. */
function listOf(names: readonly string[]): string {
  const more = names.length > 10 ? ` and ${names.length - 10} more` : '';
  return `${names.slice(0, 10).join('; ')}${more}`;
}
