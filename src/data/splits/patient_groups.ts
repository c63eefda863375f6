import { check, isRecord } from '../../base/checks';
import { optional, rule, type Resolved, type Rules } from '../../base/options';
import { IGNORED_LABEL } from '../../base/types';
import { shuffled, type Random } from '../../base/random';
import { iterativeStratification } from './iterative_stratification';

/**
 * The labels of a patient, 0 or 1 in the order of the labels, with as many for every patient; -1 (not labelled) counts
 * as 0.
 *
 * @inline
 */
export type PatientLabels =
  | ((patientId: string) => readonly number[])
  | ReadonlyMap<string, readonly number[]>
  | Readonly<Record<string, readonly number[]>>;

/**
 * Options shared by all functions that split patients.
 *
 * @inline
 */
export interface PatientGrouping {
  /**
   * Labels of each patient; if given, the patients with each label are divided as closely to the shares of the sides as
   * possible.
   * @defaultValue none: a random draw
   */
  stratifyBy?: PatientLabels;
  /**
   * The person of a patient id. Ids of one person (several scans) stay together, count as one, and have every label that
   * any of them has. Keep the method of a source bound: `groupBy: (id) => source.groupOf?.(id) ?? id`.
   * @defaultValue every id is a person
   */
  groupBy?: (patientId: string) => string;
}

/** The person of a patient id. */
export const PERSON_OF = rule<(patientId: string) => string>(
  'a function from patient id to person',
  (value) => typeof value === 'function',
);

const LABELS_OF = rule<PatientLabels>(
  'a function, Map or record from patient id to labels',
  (value) => typeof value === 'function' || isRecord(value),
);

/** Rules of the options of all functions that split patients. */
export const DRAW_RULES = {
  seed: rule<number>('an integer', Number.isSafeInteger),
  stratifyBy: optional(LABELS_OF),
  groupBy: optional(PERSON_OF, (id: string) => id),
} satisfies Rules<PatientGrouping & { seed: number }>;

/** Ids that stay together. */
export interface PatientGroup {
  /** Distinct ids, sorted. */
  patients: string[];
  /** Labels that any of them has; missing without `stratifyBy`. */
  labels?: number[];
}

/** The groups of a list of ids, which may be repeated, in an order that depends only on the set of ids. */
export function patientGroups(
  fn: string,
  patientIds: readonly string[],
  { stratifyBy, groupBy }: Resolved<PatientGrouping, typeof DRAW_RULES>,
): PatientGroup[] {
  const isList = Array.isArray(patientIds) && patientIds.length > 0;
  check(isList, `${fn}: patientIds`, 'a list of at least one patient id', patientIds);
  for (const id of patientIds) {
    check(typeof id === 'string' && id !== '', `${fn}: patientIds`, 'non-empty strings', id);
  }
  const patients = [...new Set(patientIds)].sort();
  const vectors = stratifyBy === undefined ? undefined : labelVectors(fn, patients, stratifyBy);

  const groups = new Map<string, PatientGroup>();
  patients.forEach((patient, i) => {
    const name = groupBy(patient);
    const isName = typeof name === 'string' && name !== '';
    check(isName, `${fn}: groupBy of patient ${patient}`, 'a non-empty string', name);
    const group = groups.get(name);
    const labels = vectors?.[i];
    if (group === undefined) {
      groups.set(name, { patients: [patient], labels: labels && [...labels] });
    } else {
      group.patients.push(patient);
      labels?.forEach((value, label) => {
        group.labels![label] = Math.max(group.labels![label]!, value);
      });
    }
  });
  return [...groups.values()];
}

/**
 * Assigns groups to subsets at random: stratified if the groups have labels, otherwise by size alone. No subset is empty
 * if there are enough groups.
 *
 * @param shares - Share of the groups that each subset should get; their sum is 1.
 */
export function drawSubsets(
  groups: readonly PatientGroup[],
  shares: readonly number[],
  random: Random,
): PatientGroup[][] {
  const order = shuffled(groups, random);
  const chosen =
    order[0]?.labels === undefined
      ? consecutive(order.length, shares)
      : iterativeStratification(
          order.map(({ labels }) => labels!),
          shares,
          random,
        );
  const subsets = shares.map((_, subset) => order.filter((_, i) => chosen[i] === subset));
  for (const subset of subsets) {
    const largest = subsets.reduce((most, other) => (other.length > most.length ? other : most));
    // the order is shuffled, so the first one is random
    if (subset.length === 0 && largest.length > 1) subset.push(largest.shift()!);
  }
  return subsets;
}

/** The rule of the option `shares`. */
export const SHARES = rule<readonly number[]>(
  'numbers above 0 whose sum is 1',
  (shares) =>
    Array.isArray(shares) &&
    shares.every((share) => typeof share === 'number' && share > 0) &&
    Math.abs(shares.reduce<number>((sum, share) => sum + share, 0) - 1) < 1e-9,
);

/** All ids of the groups, sorted. */
export function idsOf(groups: readonly PatientGroup[]): string[] {
  return groups.flatMap(({ patients }) => patients).sort();
}

/** Divides `count` items into consecutive runs according to the shares, with rounded ends. */
function consecutive(count: number, shares: readonly number[]): number[] {
  let sum = 0;
  const ends = shares.map((share) => Math.round((sum += share) * count));
  return Array.from({ length: count }, (_, i) => ends.findIndex((end) => i < end));
}

/** The label vector of each patient, checked. */
function labelVectors(
  fn: string,
  patients: readonly string[],
  stratifyBy: PatientLabels,
): (readonly number[])[] {
  const lookup = (patient: string): readonly number[] | undefined => {
    if (typeof stratifyBy === 'function') return stratifyBy(patient);
    if (stratifyBy instanceof Map) return (stratifyBy as ReadonlyMap<string, readonly number[]>).get(patient);
    return Object.hasOwn(stratifyBy, patient)
      ? (stratifyBy as Readonly<Record<string, readonly number[]>>)[patient]
      : undefined;
  };
  const vectors = patients.map((patient) => {
    const vector = lookup(patient);
    const isVector = Array.isArray(vector) && vector.every((v) => v === 0 || v === 1 || v === IGNORED_LABEL);
    const expected = 'a list of 0 and 1, or -1 where not labelled';
    check(isVector, `${fn}: stratifyBy of patient ${patient}`, expected, vector);
    return (vector as readonly number[]).map((value) => (value === 1 ? 1 : 0));
  });
  vectors.forEach((vector, i) =>
    check(
      vector.length === vectors[0]!.length,
      `${fn}: stratifyBy of patient ${patients[i]}`,
      `as many labels as patient ${patients[0]} has (${vectors[0]!.length})`,
      vector,
    ),
  );
  return vectors;
}
