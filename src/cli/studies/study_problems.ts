/** Problems of a study's files, to be read before any of its figures. */
import { DataError, type PatientSource } from '../../index';
import type { DicomFolder, KaggleFolder } from '../../node';
import { patientTargets } from '../../data/sources/patient_source';

const SEVERITIES = ['error', 'warning', 'note'] as const;

/**
 * One line for each file that was left out, then one for each DICOM problem, most severe first, with the first stacks
 * that have it.
 */
export function problemLines(study: KaggleFolder | DicomFolder): string[] {
  const problems = 'problems' in study ? study.problems : [];
  const lines = SEVERITIES.flatMap((severity) => {
    const stacks = new Map<string, string[]>();
    for (const { patient, message } of problems.filter((one) => one.severity === severity)) {
      const before = stacks.get(message);
      if (before) before.push(patient);
      else stacks.set(message, [patient]);
    }
    return [...stacks].map(([message, patients]) => {
      const more = patients.length > 3 ? ` and ${patients.length - 3} more` : '';
      return `${severity}: ${patients.slice(0, 3).join(', ')}${more}: ${message}`;
    });
  });
  return [...study.skipped.map(({ error }) => `left out: ${error.message}`), ...lines];
}

/**
 * Refuses patients without a single positive label: thresholds fitted on them would be 0.5, whatever the model predicts.
 *
 * @param folder - Where they are from, for the error.
 */
export function checkFindings(study: PatientSource, folder: string): void {
  if (study.patients.some((patient) => patientTargets(study, patient).includes(1))) return;
  const message = `no patient has any of ${study.labels.join(', ')}: nothing can be fitted on them`;
  throw new DataError(message, { file: folder });
}

/** Prints to standard error the problems of a study that is about to be trained on, predicted or evaluated. */
export function warnOfProblems(study: KaggleFolder | DicomFolder): void {
  for (const line of problemLines(study)) console.warn(`problem: ${line}`);
  if (study.skipped.length > 0) console.warn(`problem: ${study.skipped.length} files were left out`);
  for (const line of tableLines(study)) console.warn(`problem: ${line}`);
}

/** What a table does not say, or says twice; `inspect` lists all of it. */
function tableLines(study: KaggleFolder | DicomFolder): string[] {
  // in a study of DICOM these are other kinds of file
  const images = 'seriesOf' in study ? [] : study.unlisted.filter((place) => IMAGE_OR_FOLDER.test(place));
  const count = (all: readonly string[], what: string) =>
    all.length === 0 ? [] : [`${all.length} ${what}, e.g. ${all[0]}`];
  return [
    ...count(images, 'images or folders are not in the table and were left out'),
    ...count(study.tableProblems, 'rows or slices of the table are unusual'),
  ];
}

/** A picture, or a name without ending. */
const IMAGE_OR_FOLDER = /\.(jpe?g|png)$|(^|[\\/])[^.\\/]+$/i;
