import fc from 'fast-check';
import { seededRandom } from '../../../src/base/random';

/** Patients `p0`, `p1`, ... with labels of the given prevalences, drawn independently. */
export function randomStudy(
  seed: number,
  patients: number,
  prevalence: readonly number[],
): Map<string, number[]> {
  const random = seededRandom(seed);
  return new Map(
    Array.from({ length: patients }, (_, i) => [`p${i}`, prevalence.map((p) => (random() < p ? 1 : 0))]),
  );
}

/** Studies of `min` to 60 patients with three labels. */
export const studies = (min: number) =>
  fc
    .uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), { minLength: min, maxLength: 60 })
    .chain((patients) =>
      fc
        .array(fc.tuple(fc.nat(1), fc.nat(1), fc.nat(1)), {
          minLength: patients.length,
          maxLength: patients.length,
        })
        .map((vectors) => new Map<string, number[]>(patients.map((p, i) => [p, vectors[i]!]))),
    );

/** The label that fewest patients have, among those that any has; -1 when none has any. */
export function rarestLabel(labels: readonly (readonly number[])[]): number {
  const counts = (labels[0] ?? []).map((_, l) => labels.filter((row) => row[l] === 1).length);
  const least = Math.min(...counts.filter((count) => count > 0));
  return counts.indexOf(least);
}
