/** The samples of an evaluation, from its predictions. */
import { labelRuns, type LabelRuns } from '../data/checks/label_runs';
import type { PatientLabelSource } from '../data/sources/patient_source';
import { patientLevel } from '../evaluation/patient_level';
import { decide } from '../metrics/decide';
import type { PatientRows } from '../metrics/labelled_scores';
import type { LabelledPredictions } from '../prediction/collect_predictions';
import type { Samples } from './measures';

/** Samples per slice and per patient; for predictions per patient only the latter. */
export function samplesOf(predictions: LabelledPredictions, person: (patient: string) => string): Samples[] {
  const samples = (level: Samples['level'], { patients, yTrue, probabilities }: PatientRows): Samples => ({
    ...{ level, yTrue, probabilities, people: patients.map(person) },
  });
  const own = samples(predictions.level, predictions);
  return own.level === 'patients' ? [own] : [own, samples('patients', patientLevel(predictions))];
}

/** Runs of positive slices, by the labels and by the decisions. */
export function runsOf(
  source: PatientLabelSource,
  { patients, probabilities, labels }: LabelledPredictions,
  threshold: readonly number[],
): Record<'truth' | 'predicted', LabelRuns> {
  const decisions = decide(probabilities, { threshold });
  const ofPatient = new Map<string, number[][]>(source.patients.map((patient) => [patient, []]));
  patients.forEach((patient, i) => ofPatient.get(patient)!.push(decisions[i]!));
  const decided = {
    ...{ labels, patients: source.patients },
    sliceNames: (patient: string) => source.sliceNames(patient),
    sliceLabels: (patient: string) => ofPatient.get(patient),
  };
  return { truth: labelRuns(source), predicted: labelRuns(decided) };
}
