import { areProbabilities, check } from '../base/checks';
import { DataError } from '../base/errors';
import { IGNORED_LABEL } from '../base/types';
import { checkPatients, type PatientRows } from '../metrics/labelled_scores';

/**
 * Aggregates slices to patients: the largest probability of each label, as in `predictPatientLevel`, and whether any
 * slice has the label.
 *
 * If no slice is known to have a label, and some slice is not labelled, the patient is not labelled either (-1): such
 * an entry is ignored by every metric, as in `evaluatePatients`.
 *
 * @param slices - Of any number of patients, in any order.
 * @returns One row per patient, in the order in which they first appear; every metric of slices accepts them.
 * @throws DataError for a slice with another number of labels, a label other than 0, 1 and -1, or a probability outside
 * [0, 1].
 * @throws ArgumentError without a slice, or unless there is one patient per slice.
 *
 * @example
 * ```ts
 * const { yTrue, probabilities } = patientLevel(await collectPredictions(model, test));
 * const report = evaluateProbabilities({ labels, yTrue, probabilities, threshold: thresholds });
 * ```
 */
export function patientLevel({ patients, yTrue, probabilities }: PatientRows): PatientRows {
  const fn = 'patientLevel';
  check(probabilities.length > 0, `${fn}: probabilities`, 'at least one slice', probabilities);
  check(yTrue.length === probabilities.length, `${fn}: yTrue`, `${probabilities.length} rows`, yTrue);
  checkPatients(fn, patients, probabilities.length);
  const labels = probabilities[0]!.length;
  const rows = new Map<string, { yTrue: number[]; probabilities: number[] }>();
  patients.forEach((patient, i) => {
    const [truth, scores] = [yTrue[i]!, probabilities[i]!];
    checkSlice(patient, truth, scores, labels);
    const row = rows.get(patient);
    rows.set(patient, {
      yTrue: truth.map((label, l) => (row ? either(row.yTrue[l]!, label) : label)),
      probabilities: scores.map((p, l) => Math.max(p, row?.probabilities[l] ?? 0)),
    });
  });
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

function checkSlice(
  patient: string,
  yTrue: readonly number[],
  probabilities: readonly number[],
  labels: number,
): void {
  if (probabilities.length !== labels || !areProbabilities(probabilities)) {
    throw new DataError(`expected ${labels} probabilities in [0, 1], received [${probabilities}]`, {
      patient,
    });
  }
  if (yTrue.length !== labels || !yTrue.every((y) => y === 0 || y === 1 || y === IGNORED_LABEL)) {
    throw new DataError(`expected ${labels} labels 0, 1 or -1, received [${yTrue}]`, { patient });
  }
}
