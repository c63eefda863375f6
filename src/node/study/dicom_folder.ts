import path from 'node:path';
import type { PatientSource, PatientStack } from '../../data/sources/patient_source';
import { check } from '../../base/checks';
import { DataError } from '../../base/errors';
import { listOf, oneOf, optional, resolveOptions, type Rule, type Rules } from '../../base/options';
import type { CtLabels } from '../../data/labels/labels';
import type { CtPreprocessing } from '../../transforms/preprocessing';
import type { Labels } from '../../base/types';
import { checkDir, openRoot, type Root } from './data_root';
import { examineStacks } from './examine_stacks';
import { scan } from './scan_folder';
import { READ_RULES } from '../../dicom/pixels/decode_slice';
import type { DicomProblem, DicomProblemKind } from '../../dicom/problems';
import type { DicomSeriesInfo } from '../../dicom/series/series';
import { SERIES_KINDS, type DicomSeriesKind } from '../../dicom/series/series_kind';
import type { SkippedFile } from '../files/file_bytes';
import { SliceFileSource } from './slice_file_source';
import { SLICE_FILE_RULES, type SliceFile, type SliceFileOptions } from './slice_preparer';
import { nameStacks, sliceNames, type NamedStack } from './stack_names';
import {
  checkTable,
  readStudyTable,
  STUDY_TABLE_RULES,
  TABLE_FILES,
  type StudyTableOptions,
} from './study_table';

/**
 * Options of {@link openDicomFolder}.
 *
 * @inline
 */
export interface DicomFolderOptions<L extends Labels = Labels>
  extends SliceFileOptions, StudyTableOptions<L> {
  /**
   * Kinds of series to include.
   * @defaultValue ['axial']
   */
  kinds?: readonly DicomSeriesKind[];
  /**
   * Kinds of error to accept, e.g. `['implausible-hu']` for heads whose surroundings were cropped.
   * @defaultValue none
   */
  allow?: readonly DicomProblemKind[];
}

const KINDS: Rule<readonly DicomSeriesKind[]> = {
  check: (value, what) => {
    listOf(oneOf(SERIES_KINDS)).check(value, what);
    check((value as unknown[]).length > 0, what, 'at least one kind of series', value);
  },
};

const RULES = {
  ...SLICE_FILE_RULES,
  ...STUDY_TABLE_RULES,
  kinds: optional(KINDS, ['axial'] as readonly DicomSeriesKind[]),
  allow: READ_RULES.allow,
} satisfies Rules<DicomFolderOptions>;

/**
 * A {@link DicomProblem} and its stack.
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
  /** The series of a stack, from its headers. */
  seriesOf(patient: string): DicomSeriesInfo;
  /** Preprocessing of every slice. */
  readonly preprocessing: CtPreprocessing;
  /** Problems of the stacks, found in their headers and the values of their middle slices. */
  readonly problems: readonly DicomFolderProblem[];
  /**
   * Every file that was left out, and why: copies of others, and with `onBadFile: 'skip'` unreadable files
   * and stacks with an error.
   */
  readonly skipped: readonly SkippedFile[];
  /** Files other than DICOM images. */
  readonly unlisted: readonly string[];
  /** Series of other kinds than requested. */
  readonly otherSeries: readonly DicomSeriesInfo[];
  /** Slices or scans of the table without a file. */
  readonly withoutFile: readonly string[];
  /** Problems of the table that did not stop the reading: duplicate rows, a label `any` that contradicts the five. */
  readonly tableProblems: readonly string[];
  /** Ends the threads of `workers`, which do not keep the process alive. */
  close(): Promise<void>;
}

/**
 * Opens a folder of DICOM files of any number of patients as a source of stacks: one ordered stack per series. Only the
 * headers and the middle slice of each stack, whose values must be Hounsfield units, are read here; the other slices
 * are decoded on demand, and windowed by the preprocessing. Axial slices that are stored mirrored, upside down or
 * transposed are reoriented. Unusual properties are listed in `problems`; an error among them is thrown, unless
 * `onBadFile` skips the stack or `allow` names it.
 *
 * A stack is named after its PatientID, with a number appended if a patient has several; `groupOf` returns the
 * patient. Labels are read from a table inside the folder, in one of these formats:
 *
 * - RSNA 2019: `ID,Label` with a row `ID_<SOPInstanceUID>_<label>` for every slice and label (the challenge's own
 *   identifiers begin with `ID_` already), see `RsnaTableReader`; a file name may replace the SOPInstanceUID;
 * - one row per scan, like CQ500's `reads.csv` or a plain table, see `parseScanTable`; a scan is found by its PatientID
 *   or the name of a folder. Its labels apply to the whole scan, for a model with `output: 'patient'`;
 * - the challenge: `dirname,ID,<labels>`, see `parseKaggleTable`; `dirname` is the PatientID or a folder's name, `ID`
 *   the file's name or the SOPInstanceUID.
 *
 * @param dir - The data folder.
 * @throws DataError that describes the problem, with file, row, patient and slice.
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

/** {@link openDicomFolder} for a path or an open folder. */
export async function dicomFolder<const L extends Labels>(
  dir: string | Root,
  options: DicomFolderOptions<L>,
): Promise<DicomFolder<L>> {
  const fn = 'openDicomFolder';
  const { labels, requireLabels, missingLabels, table, kinds, allow, ...files } = resolveOptions(
    fn,
    options as DicomFolderOptions,
    RULES,
  );
  const wanted = { labels, requireLabels, missingLabels, table };
  checkTable(fn, wanted);
  checkDir(fn, dir);

  const root = await openRoot(dir, files.followLinks);
  const known = await readStudyTable(root, [...TABLE_FILES, 'train.csv'], wanted);
  const { onBadFile, onProgress, followLinks, cacheFolder } = files;
  const found = await scan(root, { onBadFile, onProgress, followLinks, cacheFolder });
  const chosen = found.series.filter(({ kind }) => kinds.includes(kind));
  if (chosen.length === 0) {
    const kindsFound = [...new Set(found.series.map(({ kind }) => kind))].join(', ') || 'none';
    throw new DataError(`there is no series of kind ${kinds.join(', ')}; found: ${kindsFound}`, {
      file: root.name,
    });
  }
  const examined = await examineStacks(chosen, found.paths, { allow, onBadFile });
  const stacks = nameStacks(examined.series);

  const slices = new Map<string, SliceFile[]>();
  const scanLabels = new Map<string, readonly number[]>();
  for (const [patient, { series }] of stacks) {
    const names = sliceNames(series);
    const uids = series.slices.map(({ header }) => header.sopInstanceUid ?? '');
    const folders = path.dirname(path.relative(root.name, series.slices[0]!.file)).split(path.sep);
    const labelled = known?.labelsOf(
      [series.patientId ?? '', ...folders],
      series.slices.map(({ file }, i) => ({
        names: [uids[i]!, names[i]!, path.basename(file)],
        where: { file, patient, slice: uids[i] || names[i]! },
      })),
    );
    if (labelled?.ofScan?.labels) scanLabels.set(patient, labelled.ofScan.labels);
    slices.set(
      patient,
      series.slices.map(({ file, frame }, i): SliceFile => ({
        slice: names[i]!,
        file: found.paths.get(file)!,
        frame,
        format: 'dicom',
        labels: labelled?.ofSlices[i]?.labels,
      })),
    );
  }
  const source = await SliceFileSource.open(
    slices,
    [...labels] as Labels as L,
    files,
    {
      allow,
      groupOf: (patient) => stackOf(stacks, patient).group,
      labelsOf: scanLabels.size > 0 ? (patient) => scanLabels.get(patient) : undefined,
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
    withoutFile: known?.unused() ?? [],
    tableProblems: known?.problems ?? [],
  });
}

function stackOf(stacks: ReadonlyMap<string, NamedStack>, patient: string): NamedStack {
  const stack = stacks.get(patient);
  check(stack !== undefined, 'patient', 'a patient of the folder', patient);
  return stack;
}
