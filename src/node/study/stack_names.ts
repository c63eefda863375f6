import path from 'node:path';
import type { DicomSeriesInfo } from '../../dicom/series/series';

/** A series and its person. */
export interface NamedStack {
  group: string;
  series: DicomSeriesInfo;
}

/** A name for each series: that of its patient, with a number if the patient has several. */
export function nameStacks(series: readonly DicomSeriesInfo[]): Map<string, NamedStack> {
  const groups = new Map<string, DicomSeriesInfo[]>();
  for (const one of series) {
    // without a PatientID, studies are not known to be of the same person
    const group = plainName(one.patientId ?? one.studyUid ?? one.uid);
    groups.set(group, [...(groups.get(group) ?? []), one]);
  }
  const stacks = new Map<string, NamedStack>();
  for (const [group, ofGroup] of groups) {
    for (const [i, one] of ofGroup.entries()) {
      let name = ofGroup.length === 1 ? group : `${group}_${i + 1}`;
      while (stacks.has(name)) name += '_'; // another patient may have the name of this series
      stacks.set(name, { group, series: one });
    }
  }
  return stacks;
}

/** Names of a series' slices: their file names, or their SOPInstanceUIDs if two file names are equal. */
export function sliceNames({ slices }: DicomSeriesInfo): string[] {
  const files = slices.map(({ file, frame }) =>
    frame === undefined ? path.basename(file) : `${path.basename(file)}_${frame}`,
  );
  if (new Set(files).size === files.length) return files;
  const uids = slices.map(({ header }) => plainName(header.sopInstanceUid ?? ''));
  return new Set(uids).size === uids.length ? uids : files.map((name, i) => `${i}_${name}`);
}

/** Converts an identifier from a header, which is free text, to a plain name. */
function plainName(id: string): string {
  // eslint-disable-next-line no-control-regex
  const name = id.replace(/[/\\:\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '-');
  return name === '' || name === '.' || name === '..' ? `patient ${name}` : name;
}
