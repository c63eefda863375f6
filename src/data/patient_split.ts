import { check } from '../errors';
import { deriveSeed, seededRandom, shuffled, type Random } from '../random';

/** Which labels a patient has, as 0/1 in label order; every patient's vector has the same length. */
export type PatientLabels =
  | ((patientId: string) => readonly number[])
  | ReadonlyMap<string, readonly number[]>
  | Readonly<Record<string, readonly number[]>>;

/** Options of {@link splitByPatient}. */
export interface PatientSplitOptions {
  /**
   * Share of the patients that goes to validation, in (0, 1).
   * @defaultValue 0.1
   */
  validationFraction?: number;
  /** Any integer; equal seeds give equal splits of equal patients. */
  seed: number;
  /**
   * Labels of each patient; given, each label's patients are divided as near to `validationFraction` as can be.
   * @defaultValue none: a plain draw
   */
  stratifyBy?: PatientLabels;
}

/** Distinct patient ids of the two sides, each sorted. */
export interface PatientSplit {
  train: string[];
  validation: string[];
}

/**
 * Divides patients, never slices, between training and validation.
 *
 * The sides have no patient in common and together hold them all; the draw depends on the set of patients and
 * on the seed, not on the order they come in. With two patients or more neither side is empty. Without
 * `stratifyBy` validation gets `round(validationFraction * patients)` of them; with it, the patients are dealt
 * label by label, the rarest first, to the side that lacks most of that label, so that the number of patients can
 * be a few off.
 *
 * @param patientIds - Patient ids; may repeat, e.g. one per slice.
 * @throws ArgumentError when there is no patient, or an option breaks its rule.
 * @example
 * ```ts
 * const { train, validation } = splitByPatient(study.patients, {
 *   seed: 1,
 *   stratifyBy: (patient) => patientLabels(study, patient),
 * });
 * ```
 * @see Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-label Data" (2011).
 */
export function splitByPatient(patientIds: readonly string[], options: PatientSplitOptions): PatientSplit {
  const { validationFraction = 0.1, seed, stratifyBy } = options ?? {};
  check(
    Array.isArray(patientIds) && patientIds.length > 0,
    'splitByPatient: patientIds',
    'a list of at least one patient id',
    patientIds,
  );
  for (const id of patientIds) {
    check(typeof id === 'string' && id !== '', 'splitByPatient: patientIds', 'non-empty strings', id);
  }
  check(
    typeof validationFraction === 'number' && validationFraction > 0 && validationFraction < 1,
    'splitByPatient: validationFraction',
    'a number in (0, 1)',
    validationFraction,
  );
  check(Number.isSafeInteger(seed), 'splitByPatient: seed', 'an integer', seed);

  // sorted first, so that the draw cannot depend on the order of the input
  const random = seededRandom(deriveSeed(seed, 'splitByPatient'));
  const patients = shuffled([...new Set(patientIds)].sort(), random);
  const inValidation =
    stratifyBy === undefined
      ? patients.map((_, i) => i < Math.round(validationFraction * patients.length))
      : dealByLabel(labelVectors(patients, stratifyBy), validationFraction, random);
  // patients are shuffled, so taking the first is a draw
  if (!inValidation.includes(true) && patients.length > 1) inValidation[0] = true;
  if (!inValidation.includes(false)) inValidation[0] = false;
  return {
    train: patients.filter((_, i) => !inValidation[i]).sort(),
    validation: patients.filter((_, i) => inValidation[i]).sort(),
  };
}

/** Iterative stratification into two sides; true where an item goes to validation. */
function dealByLabel(vectors: readonly (readonly number[])[], fraction: number, random: Random): boolean[] {
  const labels = vectors[0]!.length;
  const side: (boolean | undefined)[] = vectors.map(() => undefined);
  const count = (label: number) => vectors.reduce((sum, v) => sum + v[label]!, 0);
  const total = Array.from({ length: labels }, (_, label) => count(label));
  const remaining = [...total];
  // what validation and training still want: of each label, and of patients in all
  const wanted = [fraction, 1 - fraction].map((share) => ({
    labels: total.map((n) => n * share),
    patients: vectors.length * share,
  }));

  const deal = (item: number, label?: number) => {
    const [validation, train] = wanted as [(typeof wanted)[0], (typeof wanted)[0]];
    const lack = label === undefined ? 0 : validation.labels[label]! - train.labels[label]!;
    // equal wants are compared with a margin: they are sums of fractions
    const lead = Math.abs(lack) > 1e-9 ? lack : validation.patients - train.patients;
    const toValidation = Math.abs(lead) > 1e-9 ? lead > 0 : random() < 0.5;
    const chosen = toValidation ? validation : train;
    side[item] = toValidation;
    chosen.patients -= 1;
    for (let l = 0; l < labels; l++) {
      chosen.labels[l]! -= vectors[item]![l]!;
      remaining[l]! -= vectors[item]![l]!;
    }
  };

  for (;;) {
    const rarest = remaining.reduce(
      (best, n, label) => (n > 0 && (best < 0 || n < remaining[best]!) ? label : best),
      -1,
    );
    if (rarest < 0) break;
    for (let item = 0; item < vectors.length; item++) {
      if (side[item] === undefined && vectors[item]![rarest] === 1) deal(item, rarest);
    }
  }
  for (let item = 0; item < vectors.length; item++) {
    if (side[item] === undefined) deal(item);
  }
  return side.map((value) => value === true);
}

/** The label vector of each patient, checked. */
function labelVectors(patients: readonly string[], stratifyBy: PatientLabels): (readonly number[])[] {
  check(
    typeof stratifyBy === 'function' || (typeof stratifyBy === 'object' && stratifyBy !== null),
    'splitByPatient: stratifyBy',
    'a function, Map or record from patient id to labels',
    stratifyBy,
  );
  const lookup = (patient: string): readonly number[] | undefined => {
    if (typeof stratifyBy === 'function') return stratifyBy(patient);
    if (stratifyBy instanceof Map) return (stratifyBy as ReadonlyMap<string, readonly number[]>).get(patient);
    return Object.hasOwn(stratifyBy, patient)
      ? (stratifyBy as Readonly<Record<string, readonly number[]>>)[patient]
      : undefined;
  };
  const vectors = patients.map((patient) => {
    const vector = lookup(patient);
    check(
      Array.isArray(vector) && vector.every((v) => v === 0 || v === 1),
      `splitByPatient: stratifyBy of patient ${patient}`,
      'a list of 0 and 1',
      vector,
    );
    return vector as readonly number[];
  });
  vectors.forEach((vector, i) =>
    check(
      vector.length === vectors[0]!.length,
      `splitByPatient: stratifyBy of patient ${patients[i]}`,
      `as many labels as patient ${patients[0]} has (${vectors[0]!.length})`,
      vector,
    ),
  );
  return vectors;
}
