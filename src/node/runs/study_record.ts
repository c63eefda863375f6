/** What a run's study was when the run began, by which a resumed run notices that it has changed. */
import { createHash } from 'node:crypto';
import { isRecord } from '../../base/checks';
import { CheckpointError } from '../../base/errors';
import { mapAtMost } from '../../base/map_at_most';
import type { PatientSource } from '../../data/sources/source_types';

/** The record in a run's folder. */
export const STUDY_FILE = 'study.json';

/** Changes whenever fingerprints are made in another way. */
const FORMAT = 'ct-multilabel study 1';

/** Patients whose files are read at the same time: a network disk answers many requests as fast as one. */
const AT_ONCE = 8;

interface PatientRecord {
  /** Hash of slice names and labels. */
  table: string;
  /** Fingerprint of each slice's image; missing if the source has none. */
  images?: readonly string[];
}

/** The patients of each source. */
export type StudyRecord = Record<string, Record<string, PatientRecord>>;

/** The record of the sources that have fingerprints. */
export async function studyRecord(sources: Readonly<Record<string, PatientSource>>): Promise<StudyRecord> {
  const record: StudyRecord = {};
  for (const [name, source] of Object.entries(sources)) {
    if (!source.fingerprints) continue;
    const patients = await mapAtMost(source.patients, AT_ONCE, async (patient) => {
      const table = [source.sliceNames(patient), source.sliceLabels(patient), source.labelsOf?.(patient)];
      const hash = createHash('sha256').update(JSON.stringify([source.labels, table]));
      const images = await source.fingerprints!(patient);
      return [patient, { table: hash.digest('hex').slice(0, 8), images }] as const;
    });
    record[name] = Object.fromEntries(patients);
  }
  return record;
}

export const studyText = (study: StudyRecord): string => `${JSON.stringify({ format: FORMAT, study })}\n`;

/**
 * Compares the sources that both records have.
 *
 * @param file - The earlier record, for the message.
 * @param found - Its content.
 * @throws CheckpointError if the study differs from it, naming the first patient that does.
 */
export function checkUnchanged(
  file: string,
  found: unknown,
  now: StudyRecord,
  sources: Readonly<Record<string, PatientSource>>,
): void {
  if (!isRecord(found) || found.format !== FORMAT || !isRecord(found.study)) {
    throw new CheckpointError(
      `${file}: expected the record of a study, '${FORMAT}'; delete it to resume the run without comparing`,
    );
  }
  const before = found.study as StudyRecord;
  const changes = Object.keys(now).flatMap((name) =>
    before[name] === undefined ? [] : changesOf(name, before[name], now[name]!, sources[name]!),
  );
  const first = changes.find((change) => change !== undefined);
  if (first === undefined) return;
  const count = changes.filter((change) => change !== undefined).length;
  throw new CheckpointError(
    `the study has changed since the run began, in ${count} of ${changes.length} patients; first, ${first}. ` +
      `Restore the study or start a new run; to go on with the study as it is now, delete ${file}`,
  );
}

/** For each patient what has changed, undefined for nothing. */
function changesOf(
  name: string,
  before: Record<string, PatientRecord>,
  now: Record<string, PatientRecord>,
  source: PatientSource,
): (string | undefined)[] {
  return [...new Set([...Object.keys(before), ...Object.keys(now)])].map((patient) => {
    const [old, current] = [before[patient], now[patient]];
    if (old === undefined) return `patient ${patient} is new in '${name}'`;
    if (current === undefined) return `patient ${patient} is missing from '${name}'`;
    if (old.table !== current.table) return `patient ${patient} has other slices or labels`;
    const names = source.sliceNames(patient);
    const other = names.filter((_, i) => current.images?.[i] !== old.images?.[i]);
    if (other.length === 0) return undefined;
    return `patient ${patient} has ${other.length} of ${names.length} images that are not the same, the first of slice ${other[0]}`;
  });
}
