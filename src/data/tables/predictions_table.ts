import { areProbabilities, check } from '../../base/checks';
import { DataError } from '../../base/errors';
import type { ByLabel, Labels } from '../../base/types';
import { checkLabelNames } from './label_columns';
import { checkName, sliceStem } from './slice_names';

/**
 * A model's prediction for a patient.
 *
 * @inline
 */
export interface PatientPrediction {
  patient: string;
  /** One for each label, 0..1. */
  probabilities: readonly number[];
  /** One for each label: 1 where the probability reaches the label's threshold. */
  decisions: readonly (0 | 1)[];
}

/** A model's prediction for a slice. */
export interface SlicePrediction extends PatientPrediction {
  /** The slice's file name, as its source names it. */
  slice: string;
}

/**
 * A model's prediction of one label.
 *
 * @inline
 */
export interface PredictedLabel {
  /** 0..1. */
  probability: number;
  /** Whether the probability reaches the label's threshold. */
  present: boolean;
}

/**
 * A model's prediction of each label, by name. If the names are known at compile time, an unknown name does not
 * compile; otherwise any name may be undefined.
 *
 * @inline
 */
export type PredictedLabels<L extends Labels = Labels> = ByLabel<L, PredictedLabel>;

/**
 * A {@link PatientPrediction} with the labels by name: `prediction.labels.ich.present`.
 *
 * @inline
 */
export interface PredictedPatient<L extends Labels = Labels> extends PatientPrediction {
  /** The same probabilities and decisions, by the label's name. */
  labels: PredictedLabels<L>;
}

/**
 * A {@link SlicePrediction} with the labels by name: `prediction.labels.ich.probability`.
 */
export interface PredictedSlice<L extends Labels = Labels> extends SlicePrediction {
  /** The same probabilities and decisions, by the label's name. */
  labels: PredictedLabels<L>;
}

/** State of a table that is written incrementally: only names are kept. */
export class WrittenRows {
  /** The patient and slice of each row, by the name of the row. */
  readonly names = new Map<string, { patient: string; slice?: string }>();
  private begun = false;

  /** The header at the first call, nothing later. */
  header(record: readonly string[]): (readonly string[])[] {
    const records = this.begun ? [] : [record];
    this.begun = true;
    return records;
  }
}

/**
 * Probabilities as CSV text in the layout of the challenge's `train.csv`: `dirname,ID,<labels>`, one row per slice.
 *
 * @throws ArgumentError for a prediction without a number for each label; DataError for a name that is a path, or a
 * slice that occurs twice.
 */
export function probabilitiesTable(
  predictions: readonly SlicePrediction[],
  labels: Labels,
  written = new WrittenRows(),
): string {
  checkSlices('predictionsTable', predictions, labels);
  checkOnce(predictions, ({ patient, slice }) => JSON.stringify([patient, slice]), written);
  return csv([
    ...written.header(['dirname', 'ID', ...labels]),
    ...predictions.map(({ patient, slice, probabilities }) => [
      patient,
      slice,
      ...probabilities.map(float32Text),
    ]),
  ]);
}

/**
 * Decisions as CSV text in the layout of the challenge's submission file: `ID,prediction`, one row per slice and
 * label, where the ID is the slice's file name without extension, an underscore and the label (`049_0_ich`).
 *
 * @throws As {@link probabilitiesTable}; also DataError if slices of two patients have the same name, since the file
 * does not name patients.
 */
export function submissionTable(
  predictions: readonly SlicePrediction[],
  labels: Labels,
  written = new WrittenRows(),
): string {
  checkSlices('predictionsTable', predictions, labels);
  checkOnce(predictions, ({ slice }) => sliceStem(slice), written);
  return csv([
    ...written.header(['ID', 'prediction']),
    ...predictions.flatMap(({ slice, decisions }) =>
      labels.map((label, i) => [`${sliceStem(slice)}_${label}`, String(decisions[i])]),
    ),
  ]);
}

/**
 * Probabilities of patients as CSV text, `patient,<labels>`, one row per patient.
 *
 * @throws ArgumentError for a prediction without a number for each label; DataError for a name that is a path, or a
 * patient that occurs twice.
 */
export function patientProbabilitiesTable(
  predictions: readonly PatientPrediction[],
  labels: Labels,
  written = new WrittenRows(),
): string {
  checkPredictions('predictionsTable', predictions, labels);
  for (const { patient } of predictions) {
    if (written.names.has(patient)) throw new DataError('the patient occurs twice', { patient });
    written.names.set(patient, { patient });
  }
  return csv([
    ...written.header(['patient', ...labels]),
    ...predictions.map(({ patient, probabilities }) => [patient, ...probabilities.map(float32Text)]),
  ]);
}

/** {@link checkPredictions} for predictions of slices, which must be named. */
export function checkSlices(fn: string, predictions: readonly SlicePrediction[], labels: Labels): void {
  checkPredictions(fn, predictions, labels);
  for (const { patient, slice } of predictions) {
    check(typeof slice === 'string', `${fn}: slice of ${patient}`, 'the name of a slice', slice);
  }
}

/** Refuses predictions without a value for each label, and names that are paths. */
function checkPredictions(
  fn: string,
  predictions: readonly (PatientPrediction & { slice?: string })[],
  labels: Labels,
): void {
  checkLabelNames(`${fn}: labels`, labels);
  check(Array.isArray(predictions as unknown), `${fn}: predictions`, 'a list of predictions', predictions);
  const isOfLabels = (values: ArrayLike<number> | undefined) => values?.length === labels.length;
  for (const { patient, slice, probabilities, decisions } of predictions) {
    check(typeof patient === 'string', `${fn}: patient`, 'the name of a patient', patient);
    const where = { patient, ...(slice !== undefined && { slice }) };
    // with several studies an id is <study>/<patient>
    for (const part of patient.split('/')) checkName('patient', part, where);
    if (slice !== undefined) checkName('slice', slice, where);
    const whose = Object.values(where).join(', ');
    check(
      isOfLabels(probabilities) && areProbabilities(probabilities),
      `${fn}: probabilities of ${whose}`,
      `${labels.length} numbers in [0, 1]`,
      probabilities,
    );
    check(
      isOfLabels(decisions) && decisions.every((d) => d === 0 || d === 1),
      `${fn}: decisions of ${whose}`,
      `${labels.length} values 0 or 1`,
      decisions,
    );
  }
}

/** Refuses predictions with the same key, by which the table identifies them. */
export function checkOnce(
  predictions: readonly SlicePrediction[],
  key: (p: SlicePrediction) => string,
  { names }: WrittenRows,
): void {
  for (const prediction of predictions) {
    const { patient, slice } = prediction;
    const first = names.get(key(prediction));
    if (first !== undefined) {
      throw new DataError(`slice ${first.slice} of patient ${first.patient} has the same ID in the table`, {
        patient,
        slice,
      });
    }
    names.set(key(prediction), { patient, slice });
  }
}

/** The shortest decimal number, of at most 9 digits, that is read as the same float32. */
export function float32Text(value: number): string {
  const single = Math.fround(value);
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(single.toPrecision(digits));
    if (Math.fround(rounded) === single) return String(rounded);
  }
  return String(Number(single.toPrecision(9)));
}

/**
 * CSV text of records, one per line, with fields quoted if necessary. A text that a spreadsheet would execute as a
 * formula, since it begins with `=`, `+`, `-` or `@` and is not a number, gets a leading apostrophe.
 */
export function csv(records: readonly (readonly string[])[]): string {
  const quoted = (field: string) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field);
  // an apostrophe in the text is doubled, so that `textOfCell` restores any text
  const isFormula = (field: string) => /^'*[=+\-@]/.test(field) && Number.isNaN(Number(field));
  const plain = (field: string) => (isFormula(field) ? `'${field}` : field);
  return records.map((record) => `${record.map((field) => quoted(plain(field))).join(',')}\n`).join('');
}

/** The text passed to {@link csv}, from a field as returned by a CSV reader. */
export const textOfCell = (field: string): string => field.replace(/^'(?='*[=+\-@])/, '');
