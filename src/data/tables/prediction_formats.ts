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
   * - `'slices'`: `dirname,ID,<labels>`, the probabilities of a slice, with enough digits to restore each float32
   * - `'challenge'`: `ID,prediction`, the decision on one label of a slice (`049_0_ich,1`)
   * - `'rsna'`: `ID,Label`, the probability of one of RSNA's six labels of a slice (`ID_000012eaf_any,0.93`); without a
   *   label `any`, its probability is the largest of the five
   * - `'patients'`: `patient,<labels>`, the probabilities of a patient, as from `predictPatientLevel`
   *
   * @defaultValue 'slices'
   */
  format?: (typeof FORMATS)[number];
}

const RULES = { format: optional(oneOf(FORMATS), 'slices') } satisfies Rules<PredictionsTableOptions>;

/**
 * The predictions that a format takes: those of patients fit only the table of patients.
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
 * DataError for a name that is a path, and for slices or patients that would have the same name in the table.
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

/** Writes a table incrementally: returns CSV text for some (or no) predictions, the first time with the header. */
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
