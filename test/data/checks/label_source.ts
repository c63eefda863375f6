import fc from 'fast-check';
import type { PatientLabelSource } from '../../../src/data/sources/patient_source';

/** Bare labels as a source; slices are named `<patient>_<place>`. A patient without labels has one slice. */
export function labelSource(
  labels: string[],
  study: Record<string, number[][] | undefined>,
  labelsOf?: (patient: string) => number[] | undefined,
): PatientLabelSource {
  return {
    labels,
    patients: Object.keys(study),
    sliceNames: (patient) => (study[patient] ?? [[]]).map((_, i) => `${patient}_${i}`),
    sliceLabels: (patient) => study[patient],
    ...(labelsOf && { labelsOf }),
  };
}

/** Up to five patients of up to 12 slices with labels `x` and `y`: 0, 1 or -1. */
export const labelStudies = fc
  .array(
    fc.array(fc.tuple(fc.constantFrom(0, 1, -1), fc.constantFrom(0, 1, -1)), { minLength: 1, maxLength: 12 }),
    { minLength: 1, maxLength: 5 },
  )
  .map((patients) => labelSource(['x', 'y'], Object.fromEntries(patients.map((rows, i) => [`p${i}`, rows]))));
