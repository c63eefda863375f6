import { checkSomePatients, patientTargets, type PatientSource } from '../data/sources/patient_source';
import { checkedSliceLabels } from '../data/sources/slice_labels';
import { DataError } from '../base/errors';
import { oneOf, optional, resolveOptions, type Rules } from '../base/options';
import type { CtBrainModel } from '../models/ct_brain_model';
import { outputLevel, type OutputLevel } from '../models/output_level';
import type { Labels } from '../base/types';
import {
  PREDICT_PATIENTS_RULES,
  predictPatientLevel,
  predictPatients,
  type PredictPatientsOptions,
} from './predict_patients';

/**
 * Options of {@link collectPredictions}.
 *
 * @inline
 */
export interface CollectPredictionsOptions extends Omit<PredictPatientsOptions, 'threshold'> {
  /**
   * Whether to predict per slice or per patient. A patient-level model cannot predict slices.
   * @defaultValue the level of the model's outputs
   */
  level?: OutputLevel;
}

const { threshold: _, ...PREDICTED } = PREDICT_PATIENTS_RULES;

export const COLLECT_RULES = {
  ...PREDICTED,
  level: optional(oneOf(['slices', 'patients'])),
} satisfies Rules<CollectPredictionsOptions>;

/**
 * True labels of a slice or a patient, and the model's prediction.
 *
 * @inline
 */
export interface LabelledPrediction {
  patient: string;
  /** The slice's name, if the prediction is per slice. */
  slice?: string;
  /** One per label: 0, 1, or -1 for "not labelled". */
  yTrue: readonly number[];
  /** One per label, 0..1. */
  probabilities: readonly number[];
}

/**
 * Truth and predictions of a source: plain data.
 *
 * @inline
 */
export interface LabelledPredictions<L extends Labels = Labels> {
  level: OutputLevel;
  /** Label names, in the order of the columns. */
  labels: L;
  /** Patient after patient, in the order of the source. */
  rows: LabelledPrediction[];
  /** The patients of the rows, for `countDecisionsByPatient`. */
  patients: string[];
  /** The true labels of the rows, `[rows][labels]`, for all metrics. */
  yTrue: (readonly number[])[];
  /** The probabilities of the rows, `[rows][labels]`. */
  probabilities: (readonly number[])[];
}

/**
 * Predicts every slice (or patient) of a labelled source, and returns predictions with the true labels, as needed for
 * metrics, thresholds and calibration.
 *
 * Only one patient's images are in memory at a time.
 *
 * @param source - Labelled; its labels are checked before anything is predicted.
 * @throws DataError for a patient without labels, or with invalid ones.
 * @throws ArgumentError for a source without patients, or a model, a calibration or a level that does not match.
 * @example
 * ```ts
 * const { labels, yTrue, probabilities } = await collectPredictions(model, validation);
 * const { thresholds } = chooseThresholds({ labels, yTrue, probabilities });
 * ```
 */
export async function collectPredictions<L extends Labels>(
  model: CtBrainModel<NoInfer<L>>,
  source: PatientSource<L>,
  options: CollectPredictionsOptions = {},
): Promise<LabelledPredictions<L>> {
  const fn = 'collectPredictions';
  const { level = outputLevel(model), ...predictOptions } = resolveOptions(fn, options, COLLECT_RULES);
  checkSomePatients(`${fn}: source`, source);
  const { labels } = source;
  const rows: LabelledPrediction[] = [];
  if (level === 'patients') {
    const truth = new Map(source.patients.map((patient) => [patient, patientTargets(source, patient)]));
    for await (const { patient, probabilities } of predictPatientLevel(model, source, predictOptions)) {
      rows.push({ patient, yTrue: truth.get(patient)!, probabilities });
    }
    return { level, labels, rows, ...columnsOf(rows) };
  }
  const truth = new Map(source.patients.map((patient) => [patient, sliceTargets(source, patient)]));
  for await (const slices of predictPatients(model, source, predictOptions)) {
    slices.forEach(({ patient, slice, probabilities }, i) => {
      rows.push({ patient, slice, yTrue: truth.get(patient)![i]!, probabilities });
    });
  }
  return { level, labels, rows, ...columnsOf(rows) };
}

const columnsOf = (rows: readonly LabelledPrediction[]) => ({
  patients: rows.map(({ patient }) => patient),
  yTrue: rows.map(({ yTrue }) => yTrue),
  probabilities: rows.map(({ probabilities }) => probabilities),
});

function sliceTargets(source: PatientSource, patient: string): readonly (readonly number[])[] {
  const rows = checkedSliceLabels(source, patient);
  if (rows === undefined) throw new DataError('the slices of the patient have no labels', { patient });
  return rows;
}
