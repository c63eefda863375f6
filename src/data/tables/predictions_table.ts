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

/** What of a table has been written that comes part by part: only names are held. */
export class WrittenRows {
  /** What the rows are called by, and what they are of. */
  readonly names = new Map<string, { patient: string; slice?: string }>();
  private begun = false;

  /** The header, the first time. */
  header(record: readonly string[]): (readonly string[])[] {
    const records = this.begun ? [] : [record];
    this.begun = true;
    return records;
  }
}

/**
 * Probabilities as CSV text in the layout of the challenge's `train.csv`: `dirname,ID,<labels>`, one row per slice.
 * Numbers have the digits that a float32 needs to come back equal. A name that a spreadsheet would run as a formula,
 * since it begins with `=`, `+`, `-` or `@` and is no number, has an apostrophe before it.
 *
 * @throws ArgumentError for a prediction without a number for each label; DataError for a name that is a path or
 * a slice that comes twice.
 * @example
 * ```ts
 * probabilitiesTable([{ patient: 'ID_1', slice: '1_0.jpg', probabilities: [0.25, 0.5], decisions: [0, 1] }], ['ich', 'ivh']);
 * // 'dirname,ID,ich,ivh\nID_1,1_0.jpg,0.25,0.5\n'
 * ```
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
 * label, its ID being the slice's file name without ending, an underscore and the label (`049_0_ich`).
 *
 * @throws As {@link probabilitiesTable}; also DataError when slices of two patients have the same name, because
 * the file does not name patients.
 * @example
 * ```ts
 * const csv = submissionTable(predictions, study.labels);
 * ```
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
 * Probabilities of patients as CSV text, `patient,<labels>`, one row per patient; digits as in {@link
 * probabilitiesTable}.
 *
 * @throws ArgumentError for a prediction without a number for each label; DataError for a name that is a path or a
 * patient that comes twice.
 * @example
 * ```ts
 * patientProbabilitiesTable([{ patient: 'ID_1', probabilities: [0.25, 0.5], decisions: [0, 1] }], ['ich', 'ivh']);
 * // 'patient,ich,ivh\nID_1,0.25,0.5\n'
 * ```
 */
export function patientProbabilitiesTable(
  predictions: readonly PatientPrediction[],
  labels: Labels,
  written = new WrittenRows(),
): string {
  checkPredictions('predictionsTable', predictions, labels);
  for (const { patient } of predictions) {
    if (written.names.has(patient)) throw new DataError('the patient comes twice', { patient });
    written.names.set(patient, { patient });
  }
  return csv([
    ...written.header(['patient', ...labels]),
    ...predictions.map(({ patient, probabilities }) => [patient, ...probabilities.map(float32Text)]),
  ]);
}

/** Refuses also predictions that name no slice. */
export function checkSlices(fn: string, predictions: readonly SlicePrediction[], labels: Labels): void {
  checkPredictions(fn, predictions, labels);
  for (const { patient, slice } of predictions) {
    check(typeof slice === 'string', `${fn}: slice of ${patient}`, 'the name of a slice', slice);
  }
}

/** Refuses predictions that are not one for each label, or named by a path. */
export function checkPredictions(
  fn: string,
  predictions: readonly (PatientPrediction & { slice?: string })[],
  labels: Labels,
): void {
  checkLabelNames(`${fn}: labels`, labels);
  check(Array.isArray(predictions as unknown), `${fn}: predictions`, 'a list of predictions', predictions);
  for (const { patient, slice, probabilities, decisions } of predictions) {
    const where = { patient, ...(slice !== undefined && { slice }) };
    // of several studies an id is <study>/<patient>
    for (const part of patient.split('/')) checkName('patient', part, where);
    if (slice !== undefined) checkName('slice', slice, where);
    const whose = Object.values(where).join(', ');
    check(
      probabilities.length === labels.length && areProbabilities(probabilities),
      `${fn}: probabilities of ${whose}`,
      `${labels.length} numbers in [0, 1]`,
      probabilities,
    );
    check(
      decisions.length === labels.length && decisions.every((d) => d === 0 || d === 1),
      `${fn}: decisions of ${whose}`,
      `${labels.length} values 0 or 1`,
      decisions,
    );
  }
}

/** Refuses predictions that share a key, which is what the table calls them by. */
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

/** The shortest of at most 9 digits that reads back as the same float32. */
export function float32Text(value: number): string {
  const single = Math.fround(value);
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(single.toPrecision(digits));
    if (Math.fround(rounded) === single) return String(rounded);
  }
  return String(Number(single.toPrecision(9)));
}

/**
 * CSV text of records, one per line, fields quoted where they need it. A text that a spreadsheet would run as a
 * formula, since it begins with `=`, `+`, `-` or `@`, has an apostrophe before it.
 */
export function csv(records: readonly (readonly string[])[]): string {
  const quoted = (field: string) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field);
  // an apostrophe of the text's own is doubled, so that `textOfCell` gives back any text
  const isFormula = (field: string) => /^'*[=+\-@]/.test(field) && Number.isNaN(Number(field));
  const plain = (field: string) => (isFormula(field) ? `'${field}` : field);
  return records.map((record) => `${record.map((field) => quoted(plain(field))).join(',')}\n`).join('');
}

/** The text that {@link csv} was given, of a field as a CSV reader gives it. */
export const textOfCell = (field: string): string => field.replace(/^'(?='*[=+\-@])/, '');
