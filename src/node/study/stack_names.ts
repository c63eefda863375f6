import path from 'node:path';
import type { DicomSeriesInfo } from '../../dicom/series/series';

/** A series, and the person it is of. */
export interface NamedStack {
  group: string;
  series: DicomSeriesInfo;
}

/** A name for each series: its patient's, and a number where that has several. */
export function nameStacks(series: readonly DicomSeriesInfo[]): Map<string, NamedStack> {
  const groups = new Map<string, DicomSeriesInfo[]>();
  for (const one of series) {
    // without a PatientID nothing says that two studies are of one person
    const group = plainName(one.patientId ?? one.studyUid ?? one.uid);
    groups.set(group, [...(groups.get(group) ?? []), one]);
  }
  const stacks = new Map<string, NamedStack>();
  for (const [group, ofGroup] of groups) {
    for (const [i, one] of ofGroup.entries()) {
      let name = ofGroup.length === 1 ? group : `${group}_${i + 1}`;
      while (stacks.has(name)) name += '_'; // a patient may be called what another one's second series is
      stacks.set(name, { group, series: one });
    }
  }
  return stacks;
}

/** Names of a series' slices: their files', or where two files have one name their SOPInstanceUIDs. */
export function sliceNames({ slices }: DicomSeriesInfo): string[] {
  const files = slices.map(({ file, frame }) =>
    frame === undefined ? path.basename(file) : `${path.basename(file)}_${frame}`,
  );
  if (new Set(files).size === files.length) return files;
  const uids = slices.map(({ header }) => plainName(header.sopInstanceUid ?? ''));
  return new Set(uids).size === uids.length ? uids : files.map((name, i) => `${i}_${name}`);
}

/** Identifiers of a header are free text; what is no plain name becomes one. */
function plainName(id: string): string {
  // eslint-disable-next-line no-control-regex
  const name = id.replace(/[/\\:\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '-');
  return name === '' || name === '.' || name === '..' ? `patient ${name}` : name;
}
