import { check } from '../../base/checks';
import { DataError } from '../../base/errors';
import type { Labels } from '../../base/types';
import { sliceStem } from './slice_names';
import {
  checkOnce,
  checkSlices,
  csv,
  float32Text,
  WrittenRows,
  type SlicePrediction,
} from './predictions_table';
import { RSNA_LABELS, rsnaPlaces } from '../labels/rsna_labels';

/**
 * Probabilities as CSV text in the layout of the RSNA 2019 challenge's submission file: `ID,Label`, one row per slice
 * and label, where the ID is the slice's file name without extension, an underscore and RSNA's name of the label
 * (`ID_000012eaf_any`).
 *
 * The file needs all six labels. For predictions of the five hemorrhages alone, `any` is the largest of their
 * probabilities, its lower bound.
 *
 * @param labels - Labels of the predictions, in their order: the five hemorrhages under their names in {@link
 * RSNA_LABELS} or `CT_LABELS`, with or without `any`.
 * @throws ArgumentError for other labels, or a prediction without a number for each; DataError for a slice that is not
 * named `ID_…`, or occurs twice.
 */
export function rsnaSubmissionTable(
  predictions: readonly SlicePrediction[],
  labels: Labels,
  written = new WrittenRows(),
): string {
  const places = rsnaPlaces('predictionsTable: labels', labels);
  check(
    RSNA_LABELS.every((label, place) => label === 'any' || places.includes(place)),
    'predictionsTable: labels',
    'all five hemorrhages',
    labels,
  );
  checkSlices('predictionsTable', predictions, labels);
  checkOnce(predictions, ({ slice }) => sliceStem(slice), written);
  return csv([
    ...written.header(['ID', 'Label']),
    ...predictions.flatMap(({ patient, slice, probabilities }) => {
      const stem = sliceStem(slice);
      if (!/^ID_./.test(stem)) throw new DataError('expected a slice named ID_…', { patient, slice });
      return RSNA_LABELS.map((label, place) => {
        const at = places.indexOf(place);
        const probability = at < 0 ? Math.max(...probabilities) : probabilities[at]!;
        return [`${stem}_${label}`, float32Text(probability)];
      });
    }),
  ]);
}
