import { oneOf, optional, resolveOptions, type Rules } from '../../base/options';
import type { Labels } from '../../base/types';
import {
  patientProbabilitiesTable,
  probabilitiesTable,
  submissionTable,
  WrittenRows,
  type PatientPrediction,
  type SlicePrediction,
} from './predictions_table';
import { rsnaSubmissionTable } from './rsna_predictions_table';

/** Every format of {@link predictionsTable}. */
const FORMATS = ['slices', 'challenge', 'rsna', 'patients'] as const;

/**
 * Options of {@link predictionsTable}.
 *
 * @inline
 */
export interface PredictionsTableOptions {
  /**
   * What the rows are:
   *
   * - `'slices'`: `dirname,ID,<labels>`, the probabilities of a slice, with the digits that a float32 needs to come
   *   back equal
   * - `'challenge'`: `ID,prediction`, the decision on one label of a slice (`049_0_ich,1`)
   * - `'rsna'`: `ID,Label`, the probability of one of RSNA's six labels of a slice (`ID_000012eaf_any,0.93`); where
   *   there is no `any`, it is the largest of the five
   * - `'patients'`: `patient,<labels>`, the probabilities of a patient, as `predictPatientLevel` gives them
   *
   * @defaultValue 'slices'
   */
  format?: (typeof FORMATS)[number];
}

const RULES = { format: optional(oneOf(FORMATS), 'slices') } satisfies Rules<PredictionsTableOptions>;

/**
 * Predictions of patients fit the table of patients alone.
 *
 * @inline
 */
export type PredictionsOf<O extends PredictionsTableOptions> = O extends { format: 'patients' }
  ? readonly PatientPrediction[]
  : readonly SlicePrediction[];

/**
 * Predictions as CSV text. A name that a spreadsheet would execute as a formula, since it begins with `=`, `+`, `-` or
 * `@` and is not a number, gets a leading apostrophe.
 *
 * @param labels - Labels of the predictions, in their order.
 * @throws ArgumentError for a prediction without a number for each label, and for labels that RSNA does not have;
 * DataError for a name that is a path, and for slices or patients that the table could not tell apart.
 * @example
 * ```ts
 * predictionsTable([{ patient: 'ID_1', slice: '1_0.jpg', probabilities: [0.25, 0.5], decisions: [0, 1] }], ['ich', 'ivh']);
 * // 'dirname,ID,ich,ivh\nID_1,1_0.jpg,0.25,0.5\n'
 * ```
 */
export function predictionsTable<const O extends PredictionsTableOptions = { format: 'slices' }>(
  predictions: PredictionsOf<NoInfer<O>>,
  labels: Labels,
  options?: O,
): string {
  return tableParts(labels, options ?? {})(predictions);
}

/** A table part by part: CSV text of some predictions at a time, the header before the first, which may be of none. */
export function tableParts(
  labels: Labels,
  options: PredictionsTableOptions,
): (predictions: readonly PatientPrediction[] | readonly SlicePrediction[]) => string {
  const { format } = resolveOptions('predictionsTable', options, RULES);
  const written = new WrittenRows();
  if (format === 'patients') return (predictions) => patientProbabilitiesTable(predictions, labels, written);
  const tables = { slices: probabilitiesTable, challenge: submissionTable, rsna: rsnaSubmissionTable };
  return (predictions) => tables[format](predictions as readonly SlicePrediction[], labels, written);
}
