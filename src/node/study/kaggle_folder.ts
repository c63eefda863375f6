import { stat } from 'node:fs/promises';
import { basename, isAbsolute, join, resolve } from 'node:path';
import {
  checkLabelNames,
  checkName,
  groupByPatient,
  parseKaggleTable,
  sliceOrder,
  sliceStem,
  type KaggleRow,
} from '../../data/tables/kaggle_table';
import { MISSING_LABELS, type MissingLabels } from '../../data/tables/label_columns';
import { CT_LABELS, type CtLabels } from '../../data/labels/labels';
import type { PatientSource, PatientStack } from '../../data/sources/patient_source';
import { check, checkKnownKeys, checkOneOf, DataError } from '../../base/errors';
import { createPreprocessing, type CtPreprocessing } from '../../transforms/preprocessing';
import type { Labels } from '../../base/types';
import { readCsvFile } from '../files/csv_file';
import { checkDir, fileIn, inside, listFolder, openRoot, type Root } from './data_root';
import type { SkippedFile } from '../files/file_bytes';
import {
  SliceFileSource,
  SLICE_FILE_OPTIONS,
  type SliceFile,
  type SliceFileOptions,
} from './slice_file_source';

/**
 * Options of {@link openKaggleFolder}.
 *
 * @inline
 */
export interface KaggleFolderOptions<L extends Labels = Labels> extends SliceFileOptions {
  /**
   * Label columns, all of the table's or some, in the order labels come out.
   * @defaultValue CT_LABELS
   */
  labels?: L;
  /**
   * Whether labels must be there; if not, the table may lack the label columns, or be missing altogether.
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
   * @defaultValue the name of `images` with `.csv`: `'train.csv'`
   */
  table?: string | false;
  /**
   * Name of the folder inside the data folder that holds the patients' folders.
   * @defaultValue 'train'; where there is no table also `'test'`, or else the data folder itself
   */
  images?: string;
}

/** A study in the challenge's layout, see {@link openKaggleFolder}. */
export interface KaggleFolder<L extends Labels = Labels> extends PatientSource<L> {
  loadSlices(patient: string, indices: readonly number[]): Promise<PatientStack>;
  /** Path of the file of a patient's slice, counted from 0. */
  fileOf(patient: string, index: number): string;
  /** What is done to every image. */
  readonly preprocessing: CtPreprocessing;
  /** Images that could not be read and were left out, where `onBadFile` is `'skip'`. */
  readonly skipped: readonly SkippedFile[];
  /** Ends the threads of `workers`; the process also ends without. */
  close(): Promise<void>;
  /** Files and folders among the images that are no slice of the study, as paths inside the data folder. */
  readonly unlisted: readonly string[];
}

/**
 * Opens a study in the challenge's layout: `DIR/train.csv` and `DIR/train/ID_x/x_N.jpg`, N being the slice's place.
 *
 * Only names are read here, and every row must have its file; images are decoded patient by patient in `load`.
 * Slices are ordered by N as a number. Links that lead out of the folder are refused. Without `requireLabels` a
 * study without labels, or without a table, opens too.
 *
 * @param dir - The data folder.
 * @throws DataError that says what is wrong, with the file, row, patient and slice.
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

/** {@link openKaggleFolder} on a folder that may be open already. */
export async function kaggleFolder<const L extends Labels>(
  dir: string | Root,
  options: KaggleFolderOptions<L>,
): Promise<KaggleFolder<L>> {
  const { requireLabels = true, missingLabels = 'throw', images, table, ...rest } = options ?? {};
  const { labels = CT_LABELS as Labels as L, ...files } = rest;
  checkKnownKeys(options ?? {}, OPTIONS, 'openKaggleFolder');
  checkCommon('openKaggleFolder', dir, files, labels);
  check(
    typeof requireLabels === 'boolean',
    'openKaggleFolder: requireLabels',
    'true or false',
    requireLabels,
  );
  checkOneOf(missingLabels, MISSING_LABELS, 'openKaggleFolder: missingLabels');
  for (const [name, value] of Object.entries({ table: table === false ? undefined : table, images })) {
    check(
      value === undefined || (typeof value === 'string' && value !== '' && !isAbsolute(value)),
      `openKaggleFolder: ${name}`,
      'a name inside the data folder',
      value,
    );
  }
  check(
    !(requireLabels && table === false),
    'openKaggleFolder: table',
    'a table where labels are required',
    table,
  );

  const root = await openRoot(dir);
  const rows = await readTable(root, table, images ?? 'train', { labels, requireLabels, missingLabels });
  const found =
    rows === undefined
      ? await listStudy(root, images === undefined ? ['train', 'test', '.'] : [images])
      : await findRows(root, images ?? 'train', rows, files.onBadFile === 'skip');
  return openFound(found, labels, files);
}

/**
 * Opens one patient's folder of images `x_N.jpg`, without labels: what prediction needs.
 *
 * @param dir - The folder; its name becomes the patient's.
 * @throws DataError when there is no image in it, or a name has no number.
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

/** {@link openPatientFolder} on a folder that may be open already. */
export async function patientFolder<const L extends Labels>(
  dir: string | Root,
  options: SliceFileOptions & Pick<KaggleFolderOptions<L>, 'labels'>,
): Promise<KaggleFolder<L>> {
  const { labels = CT_LABELS as Labels as L, ...files } = options ?? {};
  checkKnownKeys(options ?? {}, [...SLICE_FILE_OPTIONS, 'labels'], 'openPatientFolder');
  checkCommon('openPatientFolder', dir, files, labels);
  const root = await openRoot(dir);
  const patient = basename(resolve(root.name));
  const { slices, unlisted } = await listPatient(root, '.', patient);
  return openFound({ slices: new Map([[patient, slices]]), unlisted, missing: [] }, labels, files);
}

async function openFound<L extends Labels>(
  { slices, unlisted, missing }: Found,
  labels: L,
  files: SliceFileOptions,
): Promise<KaggleFolder<L>> {
  const source = await SliceFileSource.open(slices, [...labels] as Labels as L, files, {}, missing);
  return Object.assign(source, { unlisted: unlisted.sort() });
}

/** Slices of each patient, and what else lay among them. */
interface Found {
  slices: Map<string, SliceFile[]>;
  unlisted: string[];
  /** Rows of the table without a file, where that is not an error. */
  missing: SkippedFile[];
}

/** Keys of {@link KaggleFolderOptions}. */
const OPTIONS = [...SLICE_FILE_OPTIONS, 'labels', 'requireLabels', 'missingLabels', 'table', 'images'];

const IMAGE = /\.(jpe?g|png)$/i;

/** The table's rows; undefined where there is none and none is needed. */
async function readTable(
  root: Root,
  asked: string | false | undefined,
  images: string,
  options: { labels: Labels; requireLabels: boolean; missingLabels: MissingLabels },
): Promise<{ rows: KaggleRow[]; file: string } | undefined> {
  if (asked === false) return undefined;
  const name = asked ?? `${images}.csv`;
  const file = join(root.name, name);
  const path = await inside(root, name, { file });
  if (path === undefined) {
    if (asked === undefined && !options.requireLabels) return undefined;
    throw new DataError('the table is missing', { file });
  }
  const records = await readCsvFile(path, file);
  return { rows: parseKaggleTable(records, { ...options, file }), file };
}

/** Finds the file of every row. */
async function findRows(
  root: Root,
  images: string,
  table: { rows: KaggleRow[]; file: string },
  skipMissing: boolean,
): Promise<Found> {
  const found: Found = { slices: new Map(), unlisted: [], missing: [] };
  const folders = await listFolder(root, images, { file: join(root.name, images) });
  const patients = groupByPatient(table.rows, table.file);
  for (const [patient, rows] of patients) {
    const where = { file: table.file, row: rows[0]!.row, patient, slice: rows[0]!.slice };
    if (!folders.has(patient)) {
      throw new DataError(`the patient has no folder in ${join(root.name, images)}`, where);
    }
    const files = await listFolder(root, join(images, patient), where);
    const byStem = new Map<string, string[]>();
    for (const name of [...files.keys()].filter((file) => IMAGE.test(file))) {
      byStem.set(sliceStem(name), [...(byStem.get(sliceStem(name)) ?? []), name]);
    }
    const listed = new Set<string>();
    const slices: SliceFile[] = [];
    for (const { slice, row, labels } of rows) {
      const at = { file: table.file, row, patient, slice };
      // an ID may come without ending
      const names = files.has(slice) ? [slice] : IMAGE.test(slice) ? [] : (byStem.get(slice) ?? []);
      const folder = join(root.name, images, patient);
      if (names.length === 0) {
        const error = new DataError(`the slice has no image file in ${folder}`, at);
        if (!skipMissing) throw error;
        found.missing.push({ file: join(folder, slice), error });
        continue;
      }
      if (names.length > 1) throw new DataError(`the slice has several image files: ${names.join(', ')}`, at);
      const name = names[0]!;
      listed.add(name);
      slices.push({
        slice,
        row,
        labels,
        format: 'image',
        file: await fileIn(root, join(images, patient), files.get(name)!, at),
      });
    }
    if (slices.length > 0) found.slices.set(patient, slices);
    found.unlisted.push(
      ...[...files.keys()].filter((f) => !listed.has(f)).map((f) => join(images, patient, f)),
    );
  }
  found.unlisted.push(...[...folders.keys()].filter((f) => !patients.has(f)).map((f) => join(images, f)));
  return found;
}

/** Takes every folder of images for a patient; the first of `candidates` that exists holds them. */
async function listStudy(root: Root, candidates: readonly string[]): Promise<Found> {
  for (const images of candidates) {
    const file = join(root.name, images);
    if ((await inside(root, images, { file })) === undefined) continue;
    const found: Found = { slices: new Map(), unlisted: [], missing: [] };
    for (const [name, entry] of await listFolder(root, images, { file })) {
      const place = join(images, name);
      const isFolder = entry.isSymbolicLink()
        ? (await stat((await inside(root, place, { file, patient: name })) ?? root.path)).isDirectory()
        : entry.isDirectory();
      if (!isFolder) {
        found.unlisted.push(place);
        continue;
      }
      const { slices, unlisted } = await listPatient(root, place, name);
      found.slices.set(name, slices);
      found.unlisted.push(...unlisted);
    }
    if (found.slices.size === 0) throw new DataError('there is no patient folder', { file });
    return found;
  }
  throw new DataError(`there is no folder ${candidates.join(' or ')}`, { file: root.name });
}

/** The images of a folder, ordered by their number. */
async function listPatient(root: Root, folder: string, patient: string) {
  const file = join(root.name, folder);
  checkName('patient', patient, { file, patient });
  const files = await listFolder(root, folder, { file, patient });
  const names = [...files.keys()].filter((name) => IMAGE.test(name));
  if (names.length === 0) throw new DataError('the patient has no slice', { file, patient });
  for (const slice of names) sliceOrder(slice, { file, patient, slice });
  const rows = names.map((slice) => ({ patient, slice, row: 0 }));
  const slices: SliceFile[] = [];
  for (const { slice } of groupByPatient(rows, file).get(patient)!) {
    const at = { file, patient, slice };
    slices.push({ slice, format: 'image', file: await fileIn(root, folder, files.get(slice)!, at) });
  }
  const unlisted = [...files.keys()].filter((name) => !IMAGE.test(name)).map((name) => join(folder, name));
  return { slices, unlisted };
}

function checkCommon(fn: string, dir: string | Root, files: SliceFileOptions, labels: Labels): void {
  const { preprocessing } = files;
  checkDir(fn, dir);
  check(
    typeof preprocessing === 'object' && preprocessing !== null,
    `${fn}: preprocessing`,
    'the result of createPreprocessing',
    preprocessing,
  );
  createPreprocessing(preprocessing);
  checkLabelNames(`${fn}: labels`, labels);
}
