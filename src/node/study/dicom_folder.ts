import path from 'node:path';
import { checkLabelNames } from '../../data/tables/kaggle_table';
import { MISSING_LABELS, type MissingLabels } from '../../data/tables/label_columns';
import { CT_LABELS, type CtLabels } from '../../data/labels/labels';
import type { PatientSource, PatientStack } from '../../data/sources/patient_source';
import { scanKey } from '../../data/tables/scan_table';
import { check, checkKnownKeys, checkOneOf, DataError } from '../../base/errors';
import { createPreprocessing, type CtPreprocessing } from '../../transforms/preprocessing';
import type { Labels } from '../../base/types';
import { eachCsvRecord } from '../files/csv_file';
import { inside, openRoot, type Root } from './data_root';
import { examineStacks } from './examine_stacks';
import { scan } from './scan_folder';
import { checkAllow } from '../../dicom/pixels/decode_slice';
import type { DicomProblem, DicomProblemKind } from '../../dicom/problems';
import type { DicomSeriesInfo } from '../../dicom/series/series';
import { SERIES_KINDS, type DicomSeriesKind } from '../../dicom/series/series_kind';
import type { SkippedFile } from '../files/file_bytes';
import { readRsnaTable } from './rsna_table_file';
import { readScanTable } from './scan_table_file';
import {
  SliceFileSource,
  SLICE_FILE_OPTIONS,
  type SliceFile,
  type SliceFileOptions,
} from './slice_file_source';

/**
 * Options of {@link openDicomFolder}.
 *
 * @inline
 */
export interface DicomFolderOptions<L extends Labels = Labels> extends SliceFileOptions {
  /**
   * Labels, in the order they come out: of `CT_LABELS`, or of `RSNA_LABELS` for a table of RSNA's.
   * @defaultValue CT_LABELS
   */
  labels?: L;
  /**
   * Whether every slice, or every scan, must have labels.
   * @defaultValue true
   */
  requireLabels?: boolean;
  /**
   * What becomes of labels that the table does not have.
   * @defaultValue 'throw'
   */
  missingLabels?: MissingLabels;
  /**
   * The table's name inside the folder; `false` reads none.
   * @defaultValue the first that is there of `stage_2_train.csv`, `stage_1_train.csv`, `reads.csv`, `labels.csv`
   */
  table?: string | false;
  /**
   * Kinds of series to take.
   * @defaultValue `['axial']`
   */
  kinds?: readonly DicomSeriesKind[];
  /**
   * Kinds of error that do not stop the opening, e.g. `['implausible-hu']` for heads whose
   * surroundings were cut away.
   * @defaultValue none
   */
  allow?: readonly DicomProblemKind[];
}

/**
 * A {@link DicomProblem}, and the stack that has it.
 *
 * @inline
 */
export interface DicomFolderProblem extends DicomProblem {
  patient: string;
}

/** A study of DICOM files, see {@link openDicomFolder}. */
export interface DicomFolder<L extends Labels = Labels> extends PatientSource<L> {
  loadSlices(patient: string, indices: readonly number[]): Promise<PatientStack>;
  groupOf(patient: string): string;
  /** Path of the file of a patient's slice, counted from 0. */
  fileOf(patient: string, index: number): string;
  /** What the headers say of a stack. */
  seriesOf(patient: string): DicomSeriesInfo;
  /** What is done to every slice. */
  readonly preprocessing: CtPreprocessing;
  /** What is unusual about the stacks, by their headers and by the values of their middle slices. */
  readonly problems: readonly DicomFolderProblem[];
  /**
   * Every file that was left out, and why: copies of others, and where `onBadFile` is `'skip'` what could not be read and
   * stacks that have an error.
   */
  readonly skipped: readonly SkippedFile[];
  /** Files that are no DICOM images. */
  readonly unlisted: readonly string[];
  /** Series of other kinds than were asked for. */
  readonly otherSeries: readonly DicomSeriesInfo[];
  /** Slices or scans of the table that no file belongs to. */
  readonly withoutFile: readonly string[];
  /** What is wrong with the table and was put up with: rows that repeat others, an `any` that does not fit the five. */
  readonly tableProblems: readonly string[];
  /** Ends the threads of `workers`; the process also ends without. */
  close(): Promise<void>;
}

/** Tables that are looked for. */
const TABLES = ['stage_2_train.csv', 'stage_1_train.csv', 'reads.csv', 'labels.csv'];

/**
 * Opens a folder of DICOM files, of any number of patients, as a source of stacks: each series one stack, its slices in
 * order. Only headers are read here, and the middle slice of each stack, whose values must be Hounsfield units; the others
 * are decoded when asked for, and windowed by the preprocessing. Axial slices that are stored mirrored, upside down or
 * transposed are turned. What is unusual is in `problems`; an error among them stops, unless `onBadFile` skips the stack or
 * `allow` names it.
 *
 * A stack is named after its PatientID, with a number behind it where a patient has several; `groupOf` gives the patient.
 * Labels come from a table inside the folder, in one of two layouts:
 *
 * - RSNA 2019: `ID,Label` with a row `ID_<SOPInstanceUID>_<label>` for every slice and label (the challenge's own
 *   identifiers begin with `ID_` already), see `RsnaTableReader`;
 * - one row a scan, as CQ500's `reads.csv` or a plain table, see `parseScanTable`; a scan is found by its PatientID or a
 *   folder's name. Its labels are of the whole scan, for a model with `output: 'patient'`.
 *
 * @param dir - The data folder.
 * @throws DataError that says what is wrong, with file, row, patient and slice.
 * @example
 * ```ts
 * const preprocessing = createPreprocessing({ windows: ['brain', 'subdural', 'bone'] });
 * const study = await openDicomFolder('rsna', { preprocessing, labels: RSNA_LABELS, workers: 2 });
 * const split = splitByPatient(study.patients, { seed: 1, groupBy: (scan) => study.groupOf(scan) });
 * ```
 */
export async function openDicomFolder<const L extends Labels = CtLabels>(
  dir: string,
  options: DicomFolderOptions<L>,
): Promise<DicomFolder<L>> {
  return dicomFolder(dir, options);
}

/** {@link openDicomFolder} on a folder that may be open already. */
export async function dicomFolder<const L extends Labels>(
  dir: string | Root,
  options: DicomFolderOptions<L>,
): Promise<DicomFolder<L>> {
  const {
    requireLabels = true,
    missingLabels = 'throw',
    table,
    kinds = ['axial'],
    allow = [],
    ...rest
  } = options ?? {};
  const { labels = CT_LABELS as Labels as L, ...files } = rest;
  const fn = 'openDicomFolder';
  const own = ['labels', 'requireLabels', 'missingLabels', 'table', 'kinds', 'allow'];
  const taken = [...SLICE_FILE_OPTIONS, ...own];
  checkKnownKeys(options ?? {}, taken, fn);
  createPreprocessing(files.preprocessing);
  checkLabelNames(`${fn}: labels`, labels);
  check(typeof requireLabels === 'boolean', `${fn}: requireLabels`, 'true or false', requireLabels);
  checkOneOf(missingLabels, MISSING_LABELS, `${fn}: missingLabels`);
  const named = table === undefined || table === false || (typeof table === 'string' && table !== '');
  check(named, `${fn}: table`, 'a name inside the data folder, or false', table);
  check(!(requireLabels && table === false), `${fn}: table`, 'a table where labels are required', table);
  check(Array.isArray(kinds) && kinds.length > 0, `${fn}: kinds`, 'a list of kinds of series', kinds);
  kinds.forEach((kind) => checkOneOf(kind, SERIES_KINDS, `${fn}: kinds`));
  checkAllow(fn, allow);

  const root = await openRoot(dir);
  const known = await readLabels(root, table, { labels, missingLabels }, requireLabels);
  const { onBadFile = 'throw', onProgress } = files;
  const found = await scan(fn, root, { onBadFile, ...(onProgress && { onProgress }) });
  const chosen = found.series.filter(({ kind }) => kinds.includes(kind));
  if (chosen.length === 0) {
    const kindsFound = [...new Set(found.series.map(({ kind }) => kind))].join(', ') || 'none';
    throw new DataError(`there is no series of kind ${kinds.join(', ')}; found: ${kindsFound}`, {
      file: root.name,
    });
  }
  const examined = await examineStacks(chosen, found.paths, { allow, onBadFile });
  const stacks = nameStacks(examined.series);

  const used = new Set<string>();
  const slices = new Map<string, SliceFile[]>();
  const scanLabels = new Map<string, readonly number[]>();
  for (const [patient, { series }] of stacks) {
    const names = sliceNames(series);
    const ofScan = known?.ofScan(series, root.name, used);
    if (ofScan) scanLabels.set(patient, ofScan);
    const ofPatient = series.slices.map(({ file, frame, header }, i): SliceFile => {
      const vector = known?.ofSlice(header.sopInstanceUid ?? '', used);
      if (requireLabels && !vector && !ofScan) {
        const message = `neither slice nor scan has labels in ${known!.file}`;
        throw new DataError(message, { file, patient, slice: header.sopInstanceUid ?? names[i]! });
      }
      return {
        slice: names[i]!,
        file: found.paths.get(file)!,
        ...(frame !== undefined && { frame }),
        format: 'dicom',
        ...(vector && { labels: vector }),
      };
    });
    slices.set(patient, ofPatient);
  }
  const source = await SliceFileSource.open(
    slices,
    [...labels] as Labels as L,
    files,
    {
      allow,
      groupOf: (patient) => stackOf(stacks, patient).group,
      ...(scanLabels.size > 0 && { labelsOf: (patient: string) => scanLabels.get(patient) }),
    },
    [...found.skipped, ...examined.skipped],
  );
  return Object.assign(source, {
    groupOf: source.groupOf!,
    seriesOf: (patient: string) => stackOf(stacks, patient).series,
    problems: [...stacks].flatMap(([patient, { series }]) =>
      series.problems.map((problem) => ({ ...problem, patient })),
    ),
    unlisted: found.unlisted.filter((file) => file !== known?.file),
    otherSeries: found.series.filter(({ kind }) => !kinds.includes(kind)),
    withoutFile: known?.names.filter((name) => !used.has(name)) ?? [],
    tableProblems: known?.problems ?? [],
  });
}

/** A series, and the person it is of. */
interface NamedStack {
  group: string;
  series: DicomSeriesInfo;
}

function stackOf(stacks: ReadonlyMap<string, NamedStack>, patient: string): NamedStack {
  const stack = stacks.get(patient);
  check(stack !== undefined, 'patient', 'a patient of the folder', patient);
  return stack;
}

/** A name for each series: its patient's, and a number where that has several. */
function nameStacks(series: readonly DicomSeriesInfo[]): Map<string, NamedStack> {
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

/** Identifiers of a header are free text; what is no plain name becomes one. */
function plainName(id: string): string {
  // eslint-disable-next-line no-control-regex
  const name = id.replace(/[/\\:\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '-');
  return name === '' || name === '.' || name === '..' ? `patient ${name}` : name;
}

/** Names of a series' slices: their files', or where two files have one name their SOPInstanceUIDs. */
function sliceNames({ slices }: DicomSeriesInfo): string[] {
  const files = slices.map(({ file, frame }) =>
    frame === undefined ? path.basename(file) : `${path.basename(file)}_${frame}`,
  );
  if (new Set(files).size === files.length) return files;
  const uids = slices.map(({ header }) => plainName(header.sopInstanceUid ?? ''));
  return new Set(uids).size === uids.length ? uids : files.map((name, i) => `${i}_${name}`);
}

/** What a table says, by slice or by scan. */
interface KnownLabels {
  /** The table. */
  file: string;
  /** Every slice or scan it names. */
  names: string[];
  problems: string[];
  /** Labels of a slice; notes in `used` the name they were found by. */
  ofSlice(sopInstanceUid: string, used: Set<string>): readonly number[] | undefined;
  /** Labels of a series' scan. */
  ofScan(series: DicomSeriesInfo, root: string, used: Set<string>): readonly number[] | undefined;
}

interface WantedLabels {
  labels: Labels;
  missingLabels: MissingLabels;
}

async function readLabels(
  root: Root,
  asked: string | false | undefined,
  wanted: WantedLabels,
  required: boolean,
): Promise<KnownLabels | undefined> {
  if (asked === false) return undefined;
  for (const name of asked === undefined ? TABLES : [asked]) {
    const file = path.join(root.name, name);
    const real = await inside(root, name, { file });
    if (real !== undefined) return readTable(real, file, wanted);
  }
  if (asked === undefined && !required) return undefined;
  throw new DataError(`the table is missing: ${asked ?? TABLES.join(' or ')}`, { file: root.name });
}

async function readTable(real: string, file: string, wanted: WantedLabels): Promise<KnownLabels> {
  const isRsna = await hasRsnaHeader(real, file);
  return isRsna ? labelsOfSlices(real, file, wanted) : labelsOfScans(real, file, wanted);
}

async function hasRsnaHeader(real: string, file: string): Promise<boolean> {
  let header: string[] | undefined;
  const enough = new Error();
  try {
    await eachCsvRecord(
      real,
      (fields) => {
        header = fields.map((field) => field.trim());
        throw enough;
      },
      file,
    );
  } catch (error) {
    if (error !== enough) throw error;
  }
  return header !== undefined && header.includes('ID') && header.includes('Label');
}

async function labelsOfSlices(real: string, file: string, wanted: WantedLabels): Promise<KnownLabels> {
  const { slices, duplicates, inconsistent } = await readRsnaTable(real, { ...wanted, file });
  return {
    file,
    names: [...slices.keys()],
    problems: [
      ...duplicates.map(
        ({ slice, label, firstRow, row }) => `row ${row}: repeats row ${firstRow}, ${slice} ${label}`,
      ),
      ...inconsistent.map((slice) => `slice ${slice}: any is not the largest of the five`),
    ],
    ofSlice: (uid, used) => {
      const name = slices.has(uid) ? uid : `ID_${uid}`;
      const vector = slices.get(name);
      if (vector) used.add(name);
      return vector;
    },
    ofScan: () => undefined,
  };
}

async function labelsOfScans(real: string, file: string, wanted: WantedLabels): Promise<KnownLabels> {
  const rows = await readScanTable(real, { ...wanted, file });
  const byKey = new Map(rows.map((row) => [scanKey(row.patient), row]));
  return {
    file,
    names: rows.map(({ patient }) => patient),
    problems: [],
    ofSlice: () => undefined,
    ofScan: ({ patientId, slices }, root, used) => {
      const folders = path.dirname(path.relative(root, slices[0]!.file)).split(path.sep);
      const key = [patientId ?? '', ...folders].map(scanKey).find((candidate) => byKey.has(candidate));
      const row = key === undefined ? undefined : byKey.get(key);
      if (row) used.add(row.patient);
      return row?.labels;
    },
  };
}
