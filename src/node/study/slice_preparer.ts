import type * as tf from '@tensorflow/tfjs';
import { check, isRecord } from '../../base/checks';
import { DataError } from '../../base/errors';
import {
  callback,
  flag,
  integerIn,
  oneOf,
  optional,
  resolveOptions,
  rule,
  type Rules,
} from '../../base/options';
import { PRECISIONS } from '../../base/stored_values';
import type { DicomProblemKind } from '../../dicom/problems';
import { orientationOf } from '../../dicom/series/geometry';
import { turnOf } from '../../dicom/series/turn';
import { resolveWindow, type CtWindowName, type HuWindow } from '../../transforms/hu_window';
import { createPreprocessing, type CtPreprocessing } from '../../transforms/preprocessing';
import { mapByFile } from '../../dicom/files/by_file';
import type { FileProgress, SkippedFile } from '../files/file_bytes';
import { PreparationPool } from '../preparation/preparation_pool';
import {
  SlicePreparation,
  type SliceFormat,
  type SliceToPrepare,
  type StackRequest,
} from '../preparation/slice_preparation';

/**
 * Options of sources of slice files.
 *
 * @inline
 */
export interface SliceFileOptions {
  /** Preprocessing of every slice; also makes all slices the same size. */
  preprocessing: CtPreprocessing;
  /**
   * Number of threads that read, decode, preprocess and augment ahead of the training step; with 0 the calling thread
   * does it. Results and order do not depend on the number.
   * @defaultValue 0
   */
  workers?: number;
  /**
   * Folder, outside the study, in which preprocessed slices are cached for later epochs and runs: 4 bytes per pixel and
   * channel. Slices are keyed by the content of their file and the settings, so one folder serves any number of studies
   * and settings. DICOM headers are cached there too, as by `scanDicomFolder`.
   * @defaultValue none: slices are prepared each time
   */
  cacheFolder?: string;
  /**
   * Precision of prepared slices in `cacheFolder`: `'float16'` takes half of the space and `'uint8'`, 255ths, a
   * quarter; slices are rounded to it even the first time. docs/performance.md shows the effect.
   * @defaultValue 'float32'
   */
  cachePrecision?: 'float32' | 'float16' | 'uint8';
  /**
   * The window of JPEG or PNG images. Needed to convert grey values back to HU if the preprocessing has windows, and to
   * window DICOM images in the same way if it has none.
   * @defaultValue none
   */
  imageWindow?: CtWindowName | Readonly<HuWindow>;
  /**
   * Directions of the rows and columns of JPEG or PNG images, by the letters of DICOM's PatientOrientation: left,
   * right, posterior, anterior. Other images than `'LP'` are reoriented; DICOM files state their orientation.
   * @defaultValue 'LP'
   */
  imageOrientation?: ImageOrientation;
  /**
   * How to treat an unreadable slice: `'throw'` throws when it is loaded; `'skip'` reads every file once at the start,
   * and lists unreadable ones in `skipped`.
   * @defaultValue 'throw'
   */
  onBadFile?: 'throw' | 'skip';
  /**
   * Whether links in the folder may lead out of it, like those of DVC and DataLad.
   * @defaultValue false
   */
  followLinks?: boolean;
  /** Called with the progress of reading at the start. */
  onProgress?: (progress: FileProgress) => void;
}

/**
 * Directions of rows and columns: the first letter is the direction of increasing column numbers, the second of row
 * numbers.
 *
 * @inline
 */
export type ImageOrientation = 'LP' | 'LA' | 'RP' | 'RA' | 'PL' | 'PR' | 'AL' | 'AR';

/** Every {@link ImageOrientation}. */
const IMAGE_ORIENTATIONS: readonly ImageOrientation[] = ['LP', 'LA', 'RP', 'RA', 'PL', 'PR', 'AL', 'AR'];

/** Most threads that can be requested. */
const MOST_WORKERS = 64;

/** Rules of {@link SliceFileOptions}. */
export const SLICE_FILE_RULES = {
  preprocessing: {
    check: (value, what) => {
      check(isRecord(value), what, 'the result of createPreprocessing', value);
      createPreprocessing(value as unknown as CtPreprocessing);
    },
  },
  workers: optional(integerIn(0, MOST_WORKERS), 0),
  cacheFolder: optional(rule<string>('a path', (value) => typeof value === 'string' && value !== '')),
  cachePrecision: optional(oneOf(PRECISIONS), 'float32'),
  imageWindow: optional({
    check: (value, what) => void resolveWindow(what, value as CtWindowName | Readonly<HuWindow>),
  }),
  imageOrientation: optional(oneOf(IMAGE_ORIENTATIONS), 'LP'),
  onBadFile: optional(oneOf(['throw', 'skip']), 'throw'),
  followLinks: optional(flag, false),
  onProgress: optional(callback),
} satisfies Rules<SliceFileOptions>;

/** One slice of a {@link SliceFileSource}. */
export interface SliceFile {
  /** Name in the table or, without one, in the folder. */
  slice: string;
  /** Full path. */
  file: string;
  /** Index of the frame in a multi-frame file, from 0. */
  frame?: number;
  format: SliceFormat;
  /** Row of the table, if there is one. */
  row?: number;
  /** 0 or 1 for each label, or -1 if not labelled. */
  labels?: readonly number[];
}

export const toPrepare = (
  patient: string,
  { file, frame, format, slice, row }: SliceFile,
): SliceToPrepare => ({ file, frame, format, where: { patient, slice, row } });

/** Prepares stacks on the calling thread or on others. */
export interface Preparer {
  preprocessing: CtPreprocessing;
  /** Number of stacks to request at a time; undefined on the calling thread. */
  capacity?: number;
  prepare(request: StackRequest): Promise<tf.Tensor4D>;
  close(): Promise<void>;
}

export function createPreparer(
  options: SliceFileOptions,
  slices: ReadonlyMap<string, readonly SliceFile[]>,
  allow: readonly DicomProblemKind[],
): Preparer {
  const resolved = resolveOptions('SliceFileSource', options, SLICE_FILE_RULES);
  const { workers, cacheFolder, cachePrecision, imageWindow, imageOrientation } = resolved;
  const preprocessing = createPreprocessing(resolved.preprocessing);
  const imageTurn = turnOf(orientationOf([...imageOrientation])!);
  const formats = new Set([...slices.values()].flat().map(({ format }) => format));
  const shown = imageWindow === undefined ? undefined : resolveWindow('imageWindow', imageWindow);
  if (formats.has('dicom')) {
    const what = 'preprocessing: windows';
    const needed =
      "at least one, e.g. ['brain'], since DICOM has HU; or imageWindow (--image-window), the window of the images that the model was trained on";
    check(preprocessing.windows !== false || shown !== undefined, what, needed, false);
  }
  if (formats.has('image') && preprocessing.windows !== false) {
    const what = 'imageWindow';
    const needed = 'the window of the images, since the preprocessing has windows';
    check(imageWindow !== undefined, what, needed, imageWindow);
  }
  // window DICOM like the images
  const windows =
    formats.has('dicom') && shown !== undefined && preprocessing.windows === false ? [shown] : undefined;
  const settings = {
    preprocessing: windows ? { ...preprocessing, windows } : preprocessing,
    imageWindow: shown,
    imageTurn,
    allow: allow.length > 0 ? allow : undefined, // part of the cache's key
    ...{ cacheFolder, cachePrecision },
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

/** Prepares every slice once, and leaves out unreadable ones, and patients without readable slices. */
export async function readable(
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
  // the error of a whole file applies to each of its slices
  const byError = new Map(files.flatMap(({ file }, i) => (errors[i] ? [[errors[i], file]] : [])));
  const skipped = [...byError].map(([error, file]) => ({ file, error }));
  const bad = new Set(files.filter((_, i) => errors[i]).map(({ slice }) => slice));
  const good = [...slices]
    .map(([patient, ofPatient]) => [patient, ofPatient.filter((slice) => !bad.has(slice))] as const)
    .filter(([, ofPatient]) => ofPatient.length > 0);
  return { slices: new Map(good), skipped };
}

/** Why slices of a file cannot be prepared, if so. Tries all of them at once, so that an intact file is read once. */
async function problemsOf(
  preparer: Preparer,
  slices: readonly SliceToPrepare[],
): Promise<(DataError | undefined)[]> {
  const problems: (DataError | undefined)[] = [];
  while (problems.length < slices.length) {
    const rest = slices.slice(problems.length);
    const error = await problemOf(preparer, { slices: rest });
    // the slices before the one it names are intact; an error without a slice concerns the file
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
