import { IGNORED_LABEL } from '../../base/types';
import type { PatientLabelSource } from '../sources/patient_source';
import { checkedSliceLabels } from '../sources/slice_labels';

/**
 * Slices `first` to `last` of a patient, both included, counted from 0.
 *
 * @inline
 */
export interface SliceRange {
  first: number;
  last: number;
}

/**
 * A label that stops and starts again along a patient's slices.
 *
 * @inline
 */
export interface InterruptedLabel {
  patient: string;
  label: string;
  /** Ranges with the label, in order: two or more. */
  runs: SliceRange[];
  /** Ranges without it between two runs, with the names of those slices: one fewer than runs. */
  gaps: (SliceRange & { slices: string[] })[];
}

/**
 * Result of {@link labelRuns}.
 *
 * @inline
 */
export interface LabelRuns {
  /** In the order of the source's patients, then of the labels. */
  interrupted: InterruptedLabel[];
  /** For each label: patients with it on any slice, and those of them in whom it is interrupted. */
  counts: { label: string; patients: number; interrupted: number }[];
  /** Patients without labels of their slices, which are not counted. */
  unlabelled: string[];
}

/**
 * Finds labels that stop and start again along a patient's slices: two separate bleedings, or a wrongly labelled slice.
 *
 * A run is a range of slices that begins and ends with the label, with no slice without it in between; a gap is a range
 * without it between two runs. Slices labelled -1 are unknown, and neither end nor begin a run: `1 -1 1` is one run of
 * three slices, and in `1 -1 0 1` the gap is the third slice.
 *
 * @param source - Any source, or labels alone, such as a model's decisions:
 * `{ labels, patients, sliceNames, sliceLabels }`.
 * @throws DataError for labels that do not match the slices, or are not 0, 1 or -1.
 * @example
 * ```ts
 * for (const { patient, label, gaps } of labelRuns(study).interrupted) {
 *   console.log(patient, label, gaps.flatMap(({ slices }) => slices));
 * }
 * ```
 */
export function labelRuns(source: PatientLabelSource): LabelRuns {
  const counts = source.labels.map((label) => ({ label, patients: 0, interrupted: 0 }));
  const interrupted: InterruptedLabel[] = [];
  const unlabelled: string[] = [];
  for (const patient of source.patients) {
    const rows = checkedSliceLabels(source, patient);
    if (rows === undefined) {
      unlabelled.push(patient);
      continue;
    }
    const names = source.sliceNames(patient);
    counts.forEach((count, l) => {
      const stretches = stretchesOf(rows.map((row) => row[l]!));
      const runs = stretches.filter(({ value }) => value === 1).map(rangeOf);
      if (runs.length > 0) count.patients++;
      if (runs.length < 2) return;
      count.interrupted++;
      // a range before the first run or after the last is not a gap
      const gaps = stretches
        .filter(({ value }, i) => value === 0 && i > 0 && i < stretches.length - 1)
        .map(rangeOf)
        .map((gap) => ({ ...gap, slices: names.slice(gap.first, gap.last + 1) }));
      interrupted.push({ patient, label: count.label, runs, gaps });
    });
  }
  return { interrupted, counts, unlabelled };
}

/** Divides a sequence where its value changes, ignoring unknown values. */
function stretchesOf(values: readonly number[]): (SliceRange & { value: number })[] {
  const stretches: (SliceRange & { value: number })[] = [];
  values.forEach((value, i) => {
    if (value === IGNORED_LABEL) return;
    const current = stretches.at(-1);
    if (current?.value === value) current.last = i;
    else stretches.push({ value, first: i, last: i });
  });
  return stretches;
}

const rangeOf = ({ first, last }: SliceRange): SliceRange => ({ first, last });
