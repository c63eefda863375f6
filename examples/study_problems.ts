/** What is wrong with the files of a study and was put up with: to be read before any figure made of it. */
import type { PatientSource } from 'ct-multilabel';
import type { DicomFolder, KaggleFolder } from 'ct-multilabel/node';

/** One line for each problem of the series' headers, with the first of the stacks that have it. */
export function seriesProblems(study: KaggleFolder | DicomFolder): string[] {
  if (!('seriesOf' in study)) return [];
  const stacks = new Map<string, string[]>();
  for (const patient of (study as PatientSource).patients) {
    for (const { message } of study.seriesOf(patient).problems) {
      stacks.set(message, [...(stacks.get(message) ?? []), patient]);
    }
  }
  return [...stacks].map(([message, patients]) => {
    const more = patients.length > 3 ? ` and ${patients.length - 3} more` : '';
    return `${patients.slice(0, 3).join(', ')}${more}: ${message}`;
  });
}

/** Says on standard error what is wrong with a study that is about to be predicted or scored. */
export function warnOfProblems(study: KaggleFolder | DicomFolder): void {
  for (const line of seriesProblems(study)) console.warn(`problem: ${line}`);
}
