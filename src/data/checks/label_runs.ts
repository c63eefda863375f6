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
 * A label that is on, off and on again along the slices of a patient.
 *
 * @inline
 */
export interface InterruptedLabel {
  patient: string;
  label: string;
  /** Where the label is on, in order: two or more. */
  runs: SliceRange[];
  /** Where it is off between two runs, with the names of those slices: one fewer than runs. */
  gaps: (SliceRange & { slices: string[] })[];
}

/**
 * What {@link labelRuns} finds.
 *
 * @inline
 */
export interface LabelRuns {
  /** In the order of the source's patients, within a patient in that of the labels. */
  interrupted: InterruptedLabel[];
  /** For each label: patients that have it on a slice, and those of them in whom it is interrupted. */
  counts: { label: string; patients: number; interrupted: number }[];
  /** Patients of whose slices no labels are known: they are in no count. */
  unlabelled: string[];
}

/**
 * Finds labels that stop and start again along a patient's slices: two separate bleedings, or a slice labelled wrongly.
 *
 * A run is the slices from one with the label to another with no slice without it between them; a gap likewise, between
 * two runs. Slices labelled -1 are not known, so that they neither end a run nor begin one: `1 -1 1` is one run of
 * three slices, and in `1 -1 0 1` the gap is the third slice.
 *
 * @param source - Any source; also bare labels, such as a model's decisions:
 * `{ labels, patients, sliceNames, sliceLabels }`.
 * @throws DataError when labels do not fit the slices, or one is not 0, 1 or -1.
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
      // what comes before the first run and after the last is no gap
      const gaps = stretches
        .filter(({ value }, i) => value === 0 && i > 0 && i < stretches.length - 1)
        .map(rangeOf)
        .map((gap) => ({ ...gap, slices: names.slice(gap.first, gap.last + 1) }));
      interrupted.push({ patient, label: count.label, runs, gaps });
    });
  }
  return { interrupted, counts, unlabelled };
}

/** Cuts a sequence where its value changes, as if unknown values were not there. */
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
