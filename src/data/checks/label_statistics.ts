import { DataError } from '../../base/errors';
import { patientTargets, type PatientLabelSource } from '../sources/patient_source';
import { checkedSliceLabels } from '../sources/slice_labels';

/**
 * Numbers with and without a label; unknown ones are not counted.
 *
 * @inline
 */
export interface LabelCount {
  positive: number;
  negative: number;
}

/**
 * Result of {@link labelStatistics}.
 *
 * @inline
 */
export interface LabelStatistics {
  /** Number of patients (stacks). */
  patients: number;
  /** Number of slices. */
  slices: number;
  /** Slices per patient: fewest, median (of an even number of patients, the mean of the middle two) and most. */
  slicesPerPatient: { min: number; median: number; max: number };
  /** One for each label of the source, in its order. */
  labels: { label: string; slices: LabelCount; patients: LabelCount }[];
  /** `[labels][labels]`: slices that have both labels; on the diagonal, those that have the label. */
  sliceCooccurrence: number[][];
  /** `[labels][labels]`: patients that have both labels, on any slices; on the diagonal, those that have the label. */
  patientCooccurrence: number[][];
  /** Patients without labels, neither of their slices nor as a whole. */
  unlabelled: string[];
}

/**
 * Counts patients, slices and labels of a study, and which labels occur together, without loading images.
 *
 * A patient has a label if any of the slices has it, or if `labelsOf` says so. Slices labelled -1 count as neither
 * positive nor negative, and so does a patient without the label on any slice and with -1 on some.
 *
 * @param source - Any source, or labels alone, such as a model's decisions:
 * `{ labels, patients, sliceNames, sliceLabels }`.
 * @throws DataError for a source without patients, and for labels that do not match the slices, or are not 0, 1 or -1.
 * @example
 * ```ts
 * const { labels, patientCooccurrence } = labelStatistics(study);
 * console.table(labels.map(({ label, slices, patients }) => [label, slices.positive, patients.positive]));
 * ```
 */
export function labelStatistics(source: PatientLabelSource): LabelStatistics {
  if (source.patients.length === 0) throw new DataError('the source has no patient');
  const sliceRows: (readonly number[])[] = [];
  const patientRows: (readonly number[])[] = [];
  const unlabelled: string[] = [];
  for (const patient of source.patients) {
    const slices = checkedSliceLabels(source, patient);
    if (slices === undefined && source.labelsOf?.(patient) === undefined) {
      unlabelled.push(patient);
      continue;
    }
    patientRows.push(patientTargets(source, patient));
    if (slices !== undefined) sliceRows.push(...slices);
  }
  const lengths = source.patients.map((patient) => source.sliceNames(patient).length).sort((a, b) => a - b);
  const count = source.labels.length;
  return {
    patients: source.patients.length,
    slices: lengths.reduce((sum, length) => sum + length, 0),
    slicesPerPatient: { min: lengths[0]!, median: medianOf(lengths), max: lengths.at(-1)! },
    labels: source.labels.map((label, l) => ({
      label,
      slices: countOf(sliceRows, l),
      patients: countOf(patientRows, l),
    })),
    sliceCooccurrence: cooccurrence(sliceRows, count),
    patientCooccurrence: cooccurrence(patientRows, count),
    unlabelled,
  };
}

function countOf(rows: readonly (readonly number[])[], label: number): LabelCount {
  return {
    positive: rows.filter((row) => row[label] === 1).length,
    negative: rows.filter((row) => row[label] === 0).length,
  };
}

function cooccurrence(rows: readonly (readonly number[])[], labels: number): number[][] {
  const counts = Array.from({ length: labels }, () => Array<number>(labels).fill(0));
  for (const row of rows) {
    for (const [a, countsOfA] of counts.entries()) {
      if (row[a] !== 1) continue;
      for (let b = 0; b < labels; b++) if (row[b] === 1) countsOfA[b]!++;
    }
  }
  return counts;
}

/** The median of values in ascending order. */
function medianOf(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
