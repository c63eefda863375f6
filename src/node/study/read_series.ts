import * as tf from '@tensorflow/tfjs';
import { check, checkKnownKeys, checkOneOf, DataError } from '../../base/errors';
import { mapAtMost } from '../../data/sources/map_at_most';
import { readFileBytes, type FileProgress, type SkippedFile } from '../files/file_bytes';
import {
  checkDecodeOptions,
  DECODE_OPTIONS,
  decodeDicomSlice,
  type DecodeDicomOptions,
} from '../../dicom/pixels/decode_slice';
import { isGray } from '../../dicom/pixels/pixel_format';
import { mergeProblems, type DicomProblem } from '../../dicom/problems';
import { checkScanOptions, scan, type ScanDicomOptions } from './scan_folder';
import { withoutSlices, type DicomSeriesInfo } from '../../dicom/series/series';
import { SERIES_KINDS, type DicomSeriesKind } from '../../dicom/series/series_kind';

/** Options of {@link readDicomSeries}. */
export interface ReadDicomSeriesOptions extends ScanDicomOptions, DecodeDicomOptions {
  /** Told after each slice how far the decoding has come. */
  onProgress?: (progress: FileProgress) => void;
  /**
   * Kinds of series to read.
   * @defaultValue all: `['axial', 'localizer', 'derived', 'other']`
   */
  kinds?: readonly DicomSeriesKind[];
  /**
   * SeriesInstanceUID of the only series to read.
   * @defaultValue all series
   */
  series?: string;
}

/** A series with its pixels. */
export interface DicomSeries extends DicomSeriesInfo {
  /** `[slices, rows, columns]` in Hounsfield units, float32. */
  hu: tf.Tensor3D;
}

/** The series of a folder. */
export interface DicomSeriesList extends Array<DicomSeries> {
  /** Files left out because something is wrong with them; always empty with `onBadFile: 'throw'`. */
  skipped: SkippedFile[];
  /** Files that are no gray DICOM images: other kinds of file, DICOMDIR, reports, colour images. */
  unlisted: string[];
}

/** Slices that are decoded at the same time; more only fills the memory, because decoding has one thread. */
const DECODING_AT_ONCE = 4;

/** An axial series whose lowest value is above the first, or its highest below the second, has no air or no tissue. */
const PLAUSIBLE_LOWEST = -200;
const PLAUSIBLE_HIGHEST = 0;

/**
 * Reads a folder of DICOM files as ordered series in Hounsfield units.
 *
 * Reads what {@link scanDicomFolder} finds with {@link decodeDicomSlice}, so both say what is read and how. Series of
 * every kind come back, told apart by `kind`; colour images have no Hounsfield units and are listed in `unlisted`.
 * The caller disposes the `hu` of each series.
 *
 * @param dir - The folder; it may hold many studies.
 * @returns The series, with `skipped` and `unlisted` beside them.
 * @throws DataError that names the file, with `onBadFile: 'throw'`.
 * @example
 * ```ts
 * for (const { description, hu } of await readDicomSeries('study', { kinds: ['axial'] })) {
 *   const brain = huWindow(hu, CT_WINDOWS.brain); // [slices, rows, columns], 0..1
 *   console.log(description, brain.shape);
 *   tf.dispose([hu, brain]);
 * }
 * ```
 */
export async function readDicomSeries(
  dir: string,
  options: ReadDicomSeriesOptions = {},
): Promise<DicomSeriesList> {
  checkKnownKeys(
    options,
    [...DECODE_OPTIONS, 'onBadFile', 'onProgress', 'kinds', 'series'],
    'readDicomSeries',
  );
  const { onBadFile = 'throw', onProgress, kinds = SERIES_KINDS, series: uid, ...decoding } = options;
  checkScanOptions('readDicomSeries', dir, { onBadFile, onProgress });
  const decodeOptions = checkDecodeOptions('readDicomSeries', decoding);
  check(Array.isArray(kinds), 'readDicomSeries: kinds', 'a list of kinds of series', kinds);
  kinds.forEach((kind) => checkOneOf(kind, SERIES_KINDS, 'readDicomSeries: kinds'));
  check(uid === undefined || typeof uid === 'string', 'readDicomSeries: series', 'a UID', uid);

  const found = await scan('readDicomSeries', dir, { onBadFile });
  const { skipped } = found;
  const isGraySeries = ({ slices }: DicomSeriesInfo) => isGray(slices[0]!.header.pixels);
  const colour = found.series.filter((info) => !isGraySeries(info)).flatMap(({ slices }) => slices);
  const chosen = found.series.filter(
    (info) => isGraySeries(info) && kinds.includes(info.kind) && (uid === undefined || uid === info.uid),
  );
  const total = chosen.reduce((sum, { slices }) => sum + slices.length, 0);
  let done = 0;
  const list: DicomSeries[] = [];
  try {
    for (const info of chosen) {
      const read = await readStack(info, found.paths, decodeOptions, (file, error) => {
        if (error !== undefined && onBadFile === 'throw') throw error;
        if (error !== undefined) skipped.push({ file, error });
        onProgress?.({ done: ++done, total, file });
      });
      if (read !== undefined) list.push(read);
    }
  } catch (error) {
    list.forEach(({ hu }) => hu.dispose());
    throw error;
  }
  const unlisted = [...found.unlisted, ...colour.map(({ file }) => file)].sort();
  return Object.assign(list, { skipped, unlisted });
}

/** Decodes a series; undefined if every slice of it was left out. */
async function readStack(
  info: DicomSeriesInfo,
  paths: ReadonlyMap<string, string>,
  options: Required<DecodeDicomOptions>,
  onDone: (file: string, error?: DataError) => void,
): Promise<DicomSeries | undefined> {
  const { rows, columns } = info;
  const size = rows * columns;
  const where = { file: info.slices[0]!.file };
  let values: Float32Array | undefined;
  const problems: DicomProblem[] = [];
  const decoded = await mapAtMost([...info.slices.entries()], DECODING_AT_ONCE, async ([index, { file }]) => {
    try {
      const slice = await decodeDicomSlice(
        await readFileBytes(paths.get(file)!, 'DICOM', { file }),
        { file },
        options,
      );
      if (slice.rows !== rows || slice.columns !== columns) {
        throw new DataError('the file changed while the folder was read', { file });
      }
      // only now, so that a header alone allocates nothing
      values ??= allocate(info.slices.length * size, where);
      values.set(slice.hu, index * size);
      problems.push(...slice.problems);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      onDone(file, error);
      return false;
    }
    onDone(file);
    return true;
  });
  if (values === undefined) return undefined;
  const good = decoded.flatMap((ok, index) => (ok ? [index] : []));
  const complete = good.length === info.slices.length;
  if (!complete) good.forEach((from, to) => values!.copyWithin(to * size, from * size, (from + 1) * size));
  const kept = values.subarray(0, good.length * size);
  const described = complete ? info : withoutSlices(info, good.map((i) => info.slices[i]!)); // prettier-ignore
  return {
    ...described,
    problems: mergeProblems([
      ...described.problems,
      ...problems,
      ...(info.kind === 'axial' ? implausible(kept, where.file) : []),
    ]),
    hu: tf.tensor3d(kept, [good.length, rows, columns], 'float32'),
  };
}

function allocate(length: number, where: { file: string }): Float32Array {
  try {
    return new Float32Array(length);
  } catch (error) {
    throw new DataError(`the series needs ${length * 4} bytes, which are not there`, where, { cause: error });
  }
}

function implausible(hu: Float32Array, file: string): DicomProblem[] {
  let lowest = Infinity;
  let highest = -Infinity;
  for (const value of hu) {
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  if (lowest <= PLAUSIBLE_LOWEST && highest >= PLAUSIBLE_HIGHEST) return [];
  const message = `values go from ${lowest} to ${highest}: Hounsfield units of a head reach from air to tissue`;
  return [{ kind: 'implausible-hu', message, file }];
}
