import type { PatientSource } from '../sources/patient_source';

/**
 * Whether it is unknown which slices belong to the same patient: every stack is a single slice, and no two stacks
 * belong to the same person (`groupOf`).
 *
 * Such studies, for example RSNA's slices as images, can be used for training, but not for validation: slices of one
 * patient may be on both sides of a split, and what is learned about a slice's neighbours is not evaluated. Check each
 * study separately, not their union.
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
