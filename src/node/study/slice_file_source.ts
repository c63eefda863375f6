import * as tf from '@tensorflow/tfjs';
import { checkName } from '../../data/tables/kaggle_table';
import type { PatientSource, PatientStack } from '../../data/sources/patient_source';
import { check, checkOneOf, DataError } from '../../base/errors';
import { resolveWindow, type CtWindowName, type HuWindow } from '../../transforms/hu_window';
import { createPreprocessing, type CtPreprocessing } from '../../transforms/preprocessing';
import type { AugmentationDraw, Labels } from '../../base/types';
import { mapByFile } from '../files/by_file';
import type { FileProgress, SkippedFile } from '../files/file_bytes';
import type { DicomProblemKind } from '../../dicom/problems';
import { orientationOf } from '../../dicom/series/geometry';
import { turnOf } from '../../dicom/series/turn';
import { PreparationPool } from '../preparation/preparation_pool';
import {
  requestSlices,
  SlicePreparation,
  type SliceFormat,
  type SliceToPrepare,
  type StackRequest,
} from '../preparation/slice_preparation';

/**
 * Options of every source of files.
 *
 * @inline
 */
export interface SliceFileOptions {
  /** What is done to every slice; also gives all slices one size. */
  preprocessing: CtPreprocessing;
  /**
   * Threads that read, decode, preprocess and augment, ahead of the training step; 0 does it on the calling thread. What they
   * deliver, and in which order, does not depend on their number.
   * @defaultValue 0
   */
  workers?: number;
  /**
   * Folder where preprocessed slices are kept, for the next epoch and the next run: 4 bytes a pixel and channel. A slice is
   * found again by the content of its file and the settings it was made with, so one folder serves any number of studies and
   * settings.
   * @defaultValue none: slices are prepared each time
   */
  cacheFolder?: string;
  /**
   * The window that JPEG or PNG images show. Needed where the preprocessing has windows, to turn grey values back into
   * Hounsfield units; DICOM has them.
   * @defaultValue none
   */
  imageWindow?: CtWindowName | Readonly<HuWindow>;
  /**
   * Where the rows and the columns of JPEG or PNG images go, by the letters of DICOM's PatientOrientation: left, right, to the
   * back (posterior), to the front (anterior). Images that are not `'LP'` are turned to it; DICOM says it itself.
   * @defaultValue 'LP'
   */
  imageOrientation?: ImageOrientation;
  /**
   * What a slice that cannot be read does: `'throw'` stops when it is met; `'skip'` reads every file once at the start, and
   * lists those that cannot be read in `skipped`.
   * @defaultValue 'throw'
   */
  onBadFile?: 'throw' | 'skip';
  /** Told how far a reading at the start has come. */
  onProgress?: (progress: FileProgress) => void;
}

/**
 * Directions of rows and of columns: the first letter says where columns of a higher number lie, the second rows.
 *
 * @inline
 */
export type ImageOrientation = 'LP' | 'LA' | 'RP' | 'RA' | 'PL' | 'PR' | 'AL' | 'AR';

/** Every {@link ImageOrientation}. */
const IMAGE_ORIENTATIONS: readonly ImageOrientation[] = ['LP', 'LA', 'RP', 'RA', 'PL', 'PR', 'AL', 'AR'];

/** One slice of a {@link SliceFileSource}. */
export interface SliceFile {
  /** Name as the table, or else the folder, has it. */
  slice: string;
  /** Full path. */
  file: string;
  /** Which image of a file of several, counted from 0. */
  frame?: number;
  format: SliceFormat;
  /** Row of the table, if there is one. */
  row?: number;
  /** 0 or 1 for each label, or -1 where it is not labelled. */
  labels?: readonly number[];
}

/** What is known of the patients beside their slices. */
export interface PatientFacts {
  /** Labels of whole patients, where slices have none. */
  labelsOf?: (patient: string) => readonly number[] | undefined;
  /** The person, where one may have several scans. */
  groupOf?: (patient: string) => string;
  /** Kinds of DICOM error that do not stop. */
  allow?: readonly DicomProblemKind[];
}

/** Patients whose slices are files: names and labels are known at once, images are prepared when asked for. */
export class SliceFileSource<L extends Labels = Labels> implements PatientSource<L> {
  readonly patients: readonly string[];
  /** What is done to every slice. */
  readonly preprocessing: CtPreprocessing;
  /** Files that were left out, see {@link SliceFileOptions.onBadFile}. */
  readonly skipped: readonly SkippedFile[];
  readonly loadsAtOnce?: number;
  readonly labelsOf?: (patient: string) => readonly number[] | undefined;
  readonly groupOf?: (patient: string) => string;
  readonly loadAugmented?: (
    patient: string,
    draw: AugmentationDraw,
    indices?: readonly number[],
  ) => Promise<PatientStack>;

  private constructor(
    private readonly slices: ReadonlyMap<string, readonly SliceFile[]>,
    readonly labels: L,
    private readonly preparer: Preparer,
    { labelsOf, groupOf }: PatientFacts,
    skipped: readonly SkippedFile[],
  ) {
    this.patients = [...slices.keys()];
    this.preprocessing = preparer.preprocessing;
    this.skipped = skipped;
    if (labelsOf) this.labelsOf = labelsOf;
    if (groupOf) this.groupOf = groupOf;
    if (preparer.capacity !== undefined) {
      this.loadsAtOnce = preparer.capacity;
      this.loadAugmented = (patient, draw, indices) => this.stack(patient, indices, draw);
    }
  }

  /**
   * @param slices - The slices of each patient, in order.
   * @param skipped - Files that were left out before.
   * @throws ArgumentError for an option out of range; DataError for what `onBadFile` says.
   */
  static async open<L extends Labels>(
    slices: ReadonlyMap<string, readonly SliceFile[]>,
    labels: L,
    options: SliceFileOptions,
    facts: PatientFacts = {},
    skipped: readonly SkippedFile[] = [],
  ): Promise<SliceFileSource<L>> {
    checkNames(slices);
    const preparer = createPreparer(options, slices, facts.allow ?? []);
    if (options.onBadFile !== 'skip') return new SliceFileSource(slices, labels, preparer, facts, skipped);
    try {
      const read = await readable(slices, preparer, options.onProgress);
      const all = [...skipped, ...read.skipped];
      if (read.slices.size === 0 && all[0]) {
        throw new DataError(`none of ${all.length} files can be read; the first: ${all[0].error.message}`);
      }
      return new SliceFileSource(read.slices, labels, preparer, facts, all);
    } catch (error) {
      await preparer.close();
      throw error;
    }
  }

  sliceNames(patient: string): readonly string[] {
    return this.slicesOf(patient).map(({ slice }) => slice);
  }

  sliceLabels(patient: string): readonly (readonly number[])[] | undefined {
    const labels = this.slicesOf(patient).map((slice) => slice.labels);
    return labels.every((vector) => vector !== undefined) ? labels : undefined;
  }

  async load(patient: string): Promise<PatientStack> {
    return this.stack(patient);
  }

  async loadSlices(patient: string, indices: readonly number[]): Promise<PatientStack> {
    return this.stack(patient, indices);
  }

  /** Path of the file of a patient's slice, counted from 0. */
  fileOf(patient: string, index: number): string {
    const slice = this.slicesOf(patient)[index];
    check(
      slice !== undefined,
      'fileOf: index',
      `an integer from 0 to ${this.slicesOf(patient).length - 1}`,
      index,
    );
    return slice.file;
  }

  /** Ends the threads, if there are any; the process also ends without. */
  async close(): Promise<void> {
    await this.preparer.close();
  }

  private slicesOf(patient: string): readonly SliceFile[] {
    const slices = this.slices.get(patient);
    check(slices !== undefined, 'patient', 'a patient of the folder', patient);
    return slices;
  }

  private async stack(
    patient: string,
    indices?: readonly number[],
    draw?: AugmentationDraw,
  ): Promise<PatientStack> {
    const all = this.slicesOf(patient);
    const rule = `a list of at least one integer from 0 to ${all.length - 1}`;
    const isIndex = (index: number) => Number.isInteger(index) && index >= 0 && index < all.length;
    const ok =
      indices === undefined || (Array.isArray(indices) && indices.length > 0 && indices.every(isIndex));
    check(ok, 'loadSlices: indices', rule, indices);
    const wanted = indices?.map((index) => all[index]!) ?? all;
    const files = all.map((slice) => toPrepare(patient, slice));
    const images = await this.preparer.prepare(requestSlices(files, indices, this.preprocessing, draw));
    const vectors = wanted.map(({ labels }) => labels);
    const labelled = vectors.every((vector) => vector !== undefined);
    return {
      patient,
      slices: wanted.map(({ slice }) => slice),
      images,
      ...(labelled && {
        labels: tf.tensor2d(
          vectors.map((vector) => [...vector]),
          [wanted.length, this.labels.length],
          'float32',
        ),
      }),
    };
  }
}

/** Refuses at once what no table of predictions could hold. */
function checkNames(slices: ReadonlyMap<string, readonly SliceFile[]>): void {
  for (const [patient, ofPatient] of slices) {
    checkName('patient', patient, { patient });
    for (const { slice, file } of ofPatient) checkName('slice', slice, { file, patient, slice });
  }
}

const toPrepare = (patient: string, { file, frame, format, slice, row }: SliceFile): SliceToPrepare => ({
  file,
  ...(frame !== undefined && { frame }),
  format,
  where: { patient, slice, ...(row !== undefined && { row }) },
});

/** What prepares stacks: the calling thread, or others. */
interface Preparer {
  preprocessing: CtPreprocessing;
  /** Stacks to ask for at a time; undefined on the calling thread. */
  capacity?: number;
  prepare(request: StackRequest): Promise<tf.Tensor4D>;
  close(): Promise<void>;
}

/** More threads than any machine has use for here. */
const MOST_WORKERS = 64;

/** The options that {@link SliceFileSource.open} takes, for functions that take more. */
export const SLICE_FILE_OPTIONS = [
  'preprocessing',
  'workers',
  'cacheFolder',
  'imageWindow',
  'imageOrientation',
  'onBadFile',
  'onProgress',
];

function createPreparer(
  options: SliceFileOptions,
  slices: ReadonlyMap<string, readonly SliceFile[]>,
  allow: readonly DicomProblemKind[],
): Preparer {
  const { workers = 0, cacheFolder, imageWindow, imageOrientation = 'LP', onBadFile = 'throw' } = options;
  const preprocessing = createPreprocessing(options.preprocessing);
  const rule = `an integer in 0..${MOST_WORKERS}`;
  check(Number.isInteger(workers) && workers >= 0 && workers <= MOST_WORKERS, 'workers', rule, workers);
  const isPath = cacheFolder === undefined || (typeof cacheFolder === 'string' && cacheFolder !== '');
  check(isPath, 'cacheFolder', 'a path', cacheFolder);
  checkOneOf(onBadFile, ['throw', 'skip'], 'onBadFile');
  checkOneOf(imageOrientation, IMAGE_ORIENTATIONS, 'imageOrientation');
  const imageTurn = turnOf(orientationOf([...imageOrientation])!);
  const formats = new Set([...slices.values()].flat().map(({ format }) => format));
  if (formats.has('dicom')) {
    const what = 'preprocessing: windows';
    check(preprocessing.windows !== false, what, "at least one, e.g. ['brain'], since DICOM holds HU", false);
  }
  if (formats.has('image') && preprocessing.windows !== false) {
    const what = 'imageWindow';
    const needed = 'the window that the images show, since the preprocessing has windows';
    check(imageWindow !== undefined, what, needed, imageWindow);
  }
  const settings = {
    preprocessing,
    ...(imageWindow !== undefined && { imageWindow: resolveWindow('imageWindow', imageWindow) }),
    ...(imageTurn !== undefined && { imageTurn }),
    ...(allow.length > 0 && { allow }),
    ...(cacheFolder !== undefined && { cacheFolder }),
  };
  if (workers === 0) {
    const preparation = new SlicePreparation(settings);
    return {
      preprocessing,
      prepare: (request) => preparation.prepare(request),
      close: async () => undefined,
    };
  }
  const pool = new PreparationPool(workers, settings);
  const { capacity } = pool;
  return { preprocessing, capacity, prepare: (request) => pool.prepare(request), close: () => pool.close() };
}

/** Prepares every slice once, and leaves out those that cannot be; a patient of whom none is left is left out too. */
async function readable(
  slices: ReadonlyMap<string, readonly SliceFile[]>,
  preparer: Preparer,
  onProgress: SliceFileOptions['onProgress'],
): Promise<{ slices: Map<string, readonly SliceFile[]>; skipped: SkippedFile[] }> {
  const files = [...slices].flatMap(([patient, ofPatient]) =>
    ofPatient.map((slice) => ({ patient, slice, file: slice.file })),
  );
  let done = 0;
  const errors = await mapByFile(files, preparer.capacity ?? 1, async (ofFile) => {
    const found = await problemsOf(
      preparer,
      ofFile.map(({ patient, slice }) => toPrepare(patient, slice)),
    );
    for (const { file } of ofFile) onProgress?.({ done: ++done, total: files.length, file });
    return found;
  });
  // an error of a whole file is that of each of its slices
  const byError = new Map(files.flatMap(({ file }, i) => (errors[i] ? [[errors[i], file]] : [])));
  const skipped = [...byError].map(([error, file]) => ({ file, error }));
  const bad = new Set(files.filter((_, i) => errors[i]).map(({ slice }) => slice));
  const good = [...slices]
    .map(([patient, ofPatient]) => [patient, ofPatient.filter((slice) => !bad.has(slice))] as const)
    .filter(([, ofPatient]) => ofPatient.length > 0);
  return { slices: new Map(good), skipped };
}

/** Why slices of a file cannot be prepared, if so: all of them at a time, so that it is read once where all can be. */
async function problemsOf(
  preparer: Preparer,
  slices: readonly SliceToPrepare[],
): Promise<(DataError | undefined)[]> {
  const problems: (DataError | undefined)[] = [];
  while (problems.length < slices.length) {
    const rest = slices.slice(problems.length);
    const error = await problemOf(preparer, { slices: rest });
    // those before the one it names were prepared; an error that names none is of the file
    const bad = rest.findIndex(({ where }) => where.slice === error?.location.slice);
    if (error === undefined || bad < 0) problems.push(...rest.map(() => error));
    else problems.push(...rest.slice(0, bad).map(() => undefined), error);
  }
  return problems;
}

/** Why a stack cannot be prepared, if so. */
async function problemOf(preparer: Preparer, request: StackRequest): Promise<DataError | undefined> {
  try {
    (await preparer.prepare(request)).dispose();
    return undefined;
  } catch (error) {
    if (error instanceof DataError) return error;
    throw error;
  }
}
