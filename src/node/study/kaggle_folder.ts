import { basename, join, resolve } from 'node:path';
import type { CtLabels } from '../../data/labels/labels';
import { LABEL_RULES } from '../../data/tables/label_columns';
import { sliceStem } from '../../data/tables/slice_names';
import type { PatientSource, PatientStack } from '../../data/sources/patient_source';
import { DataError } from '../../base/errors';
import { optional, resolveOptions, type Rules } from '../../base/options';
import type { CtPreprocessing } from '../../transforms/preprocessing';
import type { Labels } from '../../base/types';
import { checkDir, openRoot, type Root } from './data_root';
import type { SkippedFile } from '../files/file_bytes';
import { findRows, listPatient, listStudy, type Found } from './image_listing';
import { SliceFileSource } from './slice_file_source';
import { SLICE_FILE_RULES, type SliceFile, type SliceFileOptions } from './slice_preparer';
import {
  checkTable,
  INSIDE,
  readStudyTable,
  STUDY_TABLE_RULES,
  TABLE_FILES,
  type StudyTable,
  type StudyTableOptions,
} from './study_table';

/**
 * Options of {@link openKaggleFolder}.
 *
 * @inline
 */
export interface KaggleFolderOptions<L extends Labels = Labels>
  extends SliceFileOptions, StudyTableOptions<L> {
  /**
   * Name of the folder inside the data folder that contains the patients' folders.
   * @defaultValue 'train'; if no table lists the patients also `'test'`, or else the data folder itself
   */
  images?: string;
}

const RULES = {
  ...SLICE_FILE_RULES,
  ...STUDY_TABLE_RULES,
  images: optional(INSIDE),
} satisfies Rules<KaggleFolderOptions>;

/** A study in the challenge's layout, see {@link openKaggleFolder}. */
export interface KaggleFolder<L extends Labels = Labels> extends PatientSource<L> {
  loadSlices(patient: string, indices: readonly number[]): Promise<PatientStack>;
  /** Path of the file of a patient's slice, counted from 0. */
  fileOf(patient: string, index: number): string;
  /** Preprocessing of every image. */
  readonly preprocessing: CtPreprocessing;
  /** Unreadable images that were left out, with `onBadFile: 'skip'`. */
  readonly skipped: readonly SkippedFile[];
  /** Ends the threads of `workers`, which do not keep the process alive. */
  close(): Promise<void>;
  /** Slices or scans of the table without a file; see also `skipped`. */
  readonly withoutFile: readonly string[];
  /** Problems of the table that did not stop the reading: duplicate rows, a label `any` that contradicts the five. */
  readonly tableProblems: readonly string[];
  /** Files and folders among the images that are not slices of the study, as paths inside the data folder. */
  readonly unlisted: readonly string[];
}

/**
 * Opens a study of images in one folder per patient, `DIR/train/ID_x/x_N.jpg`, where N is the slice's position, with a
 * table, the challenge's `DIR/train.csv` or one of another format:
 *
 * - the challenge: `dirname,ID,<labels>`, see `parseKaggleTable`. It lists the slices, and every row must have a
 *   file;
 * - RSNA 2019: `ID,Label`, see `RsnaTableReader`. A slice is found by its file name, with or without a number:
 *   `ID_12cadc6af_7.png`;
 * - one row per scan, like CQ500's `reads.csv` or a plain table, see `parseScanTable`. A scan is found by the name of its
 *   folder; its labels apply to the whole scan, for a model with `output: 'patient'`.
 *
 * Only names are read here; images are decoded in `load`, one patient at a time. Slices are ordered by N numerically.
 * Links that lead out of the folder are refused. Without `requireLabels`, studies without labels or without a table can
 * be opened too.
 *
 * @param dir - The data folder.
 * @throws DataError that describes the problem, with the file, row, patient and slice.
 * @example
 * ```ts
 * const study = await openKaggleFolder('data', { preprocessing: createPreprocessing({ imageSize: [224, 224] }) });
 * const stack = await study.load('ID_001');
 * ```
 */
export async function openKaggleFolder<const L extends Labels = CtLabels>(
  dir: string,
  options: KaggleFolderOptions<L>,
): Promise<KaggleFolder<L>> {
  return kaggleFolder(dir, options);
}

/** {@link openKaggleFolder} for a path or an open folder. */
export async function kaggleFolder<const L extends Labels>(
  dir: string | Root,
  options: KaggleFolderOptions<L>,
): Promise<KaggleFolder<L>> {
  const fn = 'openKaggleFolder';
  const { labels, requireLabels, missingLabels, table, images, ...files } = resolveOptions(
    fn,
    options as KaggleFolderOptions,
    RULES,
  );
  const wanted = { labels, requireLabels, missingLabels, table };
  checkTable(fn, wanted);
  checkDir(fn, dir);
  const root = await openRoot(dir, files.followLinks);
  const folder = images ?? 'train';
  const known = await readStudyTable(root, [`${folder}.csv`, ...TABLE_FILES], wanted);
  const found = known?.rows
    ? await findRows(root, folder, { rows: known.rows, file: known.file }, files.onBadFile === 'skip')
    : await listStudy(root, images === undefined ? ['train', 'test', '.'] : [images]);
  const unlisted = found.unlisted.filter((file) => join(root.name, file) !== known?.file);
  return openFound({ ...found, unlisted }, labels as L, files, known);
}

/**
 * Opens one patient's folder of images `x_N.jpg`, without labels, for prediction.
 *
 * @param dir - The folder; its name becomes that of the patient.
 * @throws DataError if it contains no image, or a name has no number.
 * @example
 * ```ts
 * const source = await openPatientFolder('data/train/ID_001', { preprocessing });
 * const { images } = await source.load('ID_001'); // [slices, height, width, 1]
 * ```
 */
export async function openPatientFolder<const L extends Labels = CtLabels>(
  dir: string,
  options: SliceFileOptions & Pick<KaggleFolderOptions<L>, 'labels'>,
): Promise<KaggleFolder<L>> {
  return patientFolder(dir, options);
}

/** {@link openPatientFolder} for a path or an open folder. */
export async function patientFolder<const L extends Labels>(
  dir: string | Root,
  options: SliceFileOptions & Pick<KaggleFolderOptions<L>, 'labels'>,
): Promise<KaggleFolder<L>> {
  const { labels, ...files } = resolveOptions(
    'openPatientFolder',
    options as PatientFolderOptions,
    PATIENT_RULES,
  );
  checkDir('openPatientFolder', dir);
  const root = await openRoot(dir, files.followLinks);
  const patient = basename(resolve(root.name));
  const { slices, unlisted } = await listPatient(root, '.', patient);
  return openFound({ slices: new Map([[patient, slices]]), unlisted, missing: [] }, labels as L, files);
}

type PatientFolderOptions<L extends Labels = Labels> = SliceFileOptions &
  Pick<KaggleFolderOptions<L>, 'labels'>;

const PATIENT_RULES = {
  ...SLICE_FILE_RULES,
  labels: LABEL_RULES.labels,
} satisfies Rules<PatientFolderOptions>;

async function openFound<L extends Labels>(
  { slices, unlisted, missing }: Found,
  labels: L,
  files: SliceFileOptions,
  table?: StudyTable,
): Promise<KaggleFolder<L>> {
  const scanLabels = new Map<string, readonly number[]>();
  const rows = new Map<string, string>();
  const labelled = new Map<string, readonly SliceFile[]>();
  for (const [patient, ofPatient] of slices) {
    const places = ofPatient.map(({ slice, file }) => ({
      names: [slice, sliceStem(slice).replace(/_\d+$/, '')],
      where: { file, patient, slice },
    }));
    const { ofScan, ofSlices } = table?.labelsOf([patient], places) ?? { ofScan: undefined, ofSlices: [] };
    if (ofScan?.labels) scanLabels.set(patient, ofScan.labels);
    ofSlices.forEach((entry, i) => {
      if (entry === undefined) return;
      // the names of several files may differ only in their number
      const first = rows.get(entry.name);
      const message = `the row of ${entry.name} in ${table!.file} is also that of ${first}`;
      if (first !== undefined) throw new DataError(message, places[i]!.where);
      rows.set(entry.name, join(patient, ofPatient[i]!.slice));
    });
    labelled.set(
      patient,
      ofPatient.map((slice, i) => ({
        ...slice,
        row: ofSlices[i]?.row ?? ofScan?.row,
        labels: ofSlices[i]?.labels,
      })),
    );
  }
  const facts = scanLabels.size > 0 ? { labelsOf: (patient: string) => scanLabels.get(patient) } : {};
  const source = await SliceFileSource.open(labelled, [...labels] as Labels as L, files, facts, missing);
  return Object.assign(source, {
    unlisted: unlisted.sort(),
    withoutFile: table?.unused() ?? [],
    tableProblems: table?.problems ?? [],
  });
}
