import { check, DataError } from '../base/errors';
import { IGNORED_LABEL } from '../base/types';

/** Truth and prediction of one slice: a slice's prediction with its labels added. */
export interface LabelledSlice {
  patient: string;
  /** One a label: 0, 1, or -1 for "not labelled". */
  yTrue: readonly number[];
  /** One a label, in [0, 1]. */
  probabilities: readonly number[];
}

/** Truth and prediction of patients as wholes; every metric of slices takes them. */
export interface PatientLevel {
  /** In the order in which they first came. */
  patients: string[];
  /** `[patients][labels]`. */
  yTrue: number[][];
  /** `[patients][labels]`. */
  probabilities: number[][];
}

/**
 * What the slices say of their patients: the largest probability of each label, as `predictPatientLevel` has it, and whether any slice
 * has the label.
 *
 * Where no slice is known to have a label, and some slice is not labelled, the patient is not labelled either (-1): such an entry is
 * left out by every metric, as `evaluatePatients` does.
 *
 * @param slices - Of any number of patients, in any order.
 * @throws {@link DataError} for a slice with another number of labels, a label other than 0, 1 and -1, or a probability outside [0, 1].
 * @throws {@link ArgumentError} without a slice.
 *
 * @example
 * ```ts
 * const { rows } = await collectPredictions(model, test);
 * const { yTrue, probabilities } = patientLevel(rows);
 * const report = evaluateProbabilities({ labels, yTrue, probabilities, thresholds });
 * ```
 */
export function patientLevel(slices: readonly LabelledSlice[]): PatientLevel {
  const [first] = slices;
  check(first !== undefined, 'patientLevel: slices', 'at least one slice', slices);
  const labels = first.probabilities.length;
  const rows = new Map<string, { yTrue: number[]; probabilities: number[] }>();
  for (const slice of slices) {
    checkSlice(slice, labels);
    const { patient, yTrue, probabilities } = slice;
    const row = rows.get(patient);
    if (row === undefined) {
      rows.set(patient, { yTrue: [...yTrue], probabilities: [...probabilities] });
      continue;
    }
    for (let label = 0; label < labels; label++) {
      row.yTrue[label] = either(row.yTrue[label]!, yTrue[label]!);
      row.probabilities[label] = Math.max(row.probabilities[label]!, probabilities[label]!);
    }
  }
  const all = [...rows.values()];
  return {
    patients: [...rows.keys()],
    yTrue: all.map((row) => row.yTrue),
    probabilities: all.map((row) => row.probabilities),
  };
}

/** The label of two slices together. */
function either(a: number, b: number): number {
  if (a === 1 || b === 1) return 1;
  return a === IGNORED_LABEL || b === IGNORED_LABEL ? IGNORED_LABEL : 0;
}

function checkSlice({ patient, yTrue, probabilities }: LabelledSlice, labels: number): void {
  if (probabilities.length !== labels || !probabilities.every((p) => p >= 0 && p <= 1)) {
    throw new DataError(`expected ${labels} probabilities in [0, 1], received [${probabilities}]`, {
      patient,
    });
  }
  if (yTrue.length !== labels || !yTrue.every((y) => y === 0 || y === 1 || y === IGNORED_LABEL)) {
    throw new DataError(`expected ${labels} labels 0, 1 or -1, received [${yTrue}]`, { patient });
  }
}
