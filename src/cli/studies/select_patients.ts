/** The patients of a study that `evaluate` uses, and warnings about those that the model has already seen. */
import { ArgumentError, type CtPreprocessing, type PatientSource } from '../../index';
import type { StudyOptions } from '../../node/study/open_study';
import type { SeenPatients } from './seen_patients';
import { unseenPatients, type Unseen } from './unseen_patients';

/** The values of `--patients`. */
export const SELECTIONS = ['all', 'unseen', 'validation'] as const;

/** The patients selected by `--patients`. */
export async function selectPatients(
  which: (typeof SELECTIONS)[number],
  folder: string,
  study: PatientSource,
  seen: SeenPatients,
  options: StudyOptions & { preprocessing: CtPreprocessing },
): Promise<Unseen> {
  if (which === 'all') return { patients: [...study.patients], compared: false, notes: [] };
  if (!seen.train || !seen.validation) {
    throw new ArgumentError(
      `--patients ${which}: the training run that records them was not found, see --run`,
    );
  }
  const validation = new Set(seen.validation);
  const chosen =
    which === 'unseen'
      ? await unseenPatients(folder, study, seen, options)
      : { patients: study.patients.filter((patient) => validation.has(patient)), compared: false, notes: [] };
  if (chosen.patients.length === 0) {
    throw new ArgumentError(
      [`--patients ${which}: the study has no such patients`, ...chosen.notes].join('; '),
    );
  }
  return chosen;
}

/** Warns of evaluated patients that the model was trained on, that its epoch was chosen by or its decisions fitted on. */
export function overlapWarnings(patients: readonly string[], { train, validation, fitted: fits }: SeenPatients): string[] {
  const among = (names: readonly string[] = []) => {
    const known = new Set(names);
    return patients.filter((patient) => known.has(patient)).length;
  };
  const of = `of the ${patients.length} patients evaluated here, judging by their names`;
  const warnings: string[] = [];
  if (among(fits) > 0) {
    warnings.push(`The calibration or the thresholds of this checkpoint were fitted on ${among(fits)} ${of}: the figures are optimistic. Evaluate it on other patients.`);
  }
  if (among(train) > 0) {
    warnings.push(`The model was trained on ${among(train)} ${of}: if they are the same patients, the figures are optimistic.`);
  }
  if (among(validation) > 0) {
    warnings.push(`The best epoch was chosen by ${among(validation)} ${of}: if they are the same patients, the figures are somewhat optimistic.`);
  }
  if (!train) {
    warnings.push('It is unknown which patients the model was trained on. If any are among these, the figures are optimistic.');
  }
  return warnings;
} // prettier-ignore
