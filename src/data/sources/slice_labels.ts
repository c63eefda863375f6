import { DataError } from '../../base/errors';
import { IGNORED_LABEL } from '../../base/types';
import type { PatientLabelSource } from './source_types';

/**
 * The labels of a patient's slices, `[slices][labels]`; undefined if there are none.
 *
 * @throws DataError if they do not match the slices or the labels of the source, or a value is not 0, 1 or -1.
 */
export function checkedSliceLabels(source: PatientLabelSource, patient: string) {
  const rows = source.sliceLabels(patient);
  if (rows === undefined) return undefined;
  const names = source.sliceNames(patient);
  if (rows.length !== names.length) {
    throw new DataError(`expected labels of ${names.length} slices, found ${rows.length}`, { patient });
  }
  rows.forEach((row, i) => checkLabelValues(source, row, { patient, slice: names[i]! }));
  return rows;
}

/** Throws a DataError unless `values` has 0, 1 or -1 for each label of the source. */
export function checkLabelValues(
  source: PatientLabelSource,
  values: readonly number[],
  where: { patient: string; slice?: string },
): void {
  const { labels } = source;
  const valid = values.every((value) => value === 0 || value === 1 || value === IGNORED_LABEL);
  if (!valid || values.length !== labels.length) {
    throw new DataError(
      `expected 0, 1 or ${IGNORED_LABEL} for each of ${labels.length} labels, found [${values.join(', ')}]`,
      where,
    );
  }
}
