import type { PatientSource } from '../sources/patient_source';

/**
 * Whether nothing says which slices are of one patient: every stack is a single slice, and no two stacks are of one person
 * (`groupOf`).
 *
 * Such studies, RSNA's slices as images for one, can be trained on. They are no ground for validation: slices of one patient may be
 * on both sides of a split, and what is learned of a slice's neighbours is not scored. Ask each study by itself, not their union.
 *
 * @example
 * ```ts
 * const { train, validation } = patientsUnknown(study)
 *   ? { train: study.patients, validation: [] }
 *   : splitByPatient(study.patients, { seed: 1 });
 * ```
 */
export function patientsUnknown(source: Pick<PatientSource, 'patients' | 'sliceNames' | 'groupOf'>): boolean {
  const { patients } = source;
  if (patients.length === 0 || patients.some((patient) => source.sliceNames(patient).length !== 1))
    return false;
  return new Set(patients.map((patient) => source.groupOf?.(patient) ?? patient)).size === patients.length;
}
