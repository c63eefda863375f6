import * as tf from '@tensorflow/tfjs';
import { DataError } from '../../base/errors';
import { callback, listOf, oneOf, optional, rule, type Resolved, type Rules } from '../../base/options';
import type { FileProgress, SkippedFile } from '../../base/file_progress';
import type { ParsedDicom } from '../dicom_header';
import { decodeFrame, READ_RULES, stopAtError, type ReadOptions } from '../pixels/decode_slice';
import { isGray } from '../pixels/pixel_format';
import { implausibleRange, rangeOf } from '../pixels/plausible';
import { firstError, mergeProblems, type DicomProblem } from '../problems';
import { withoutSlices, type DicomSeriesInfo } from '../series/series';
import { SERIES_KINDS, type DicomSeriesKind } from '../series/series_kind';
import { turnOf, turnPlane } from '../series/turn';
import { mapByFile } from './by_file';
import type { DicomScan } from './scan_files';

/**
 * Options of {@link readDicomSeries}.
 *
 * @inline
 */
export interface ReadDicomSeriesOptions extends ReadOptions {
  /**
   * How to treat a file that is damaged, truncated or not supported, and a series that cannot be ordered or has an
   * error: `'throw'` stops at the first, `'skip'` lists it in `skipped` and continues.
   * @defaultValue 'throw'
   */
  onBadFile?: 'throw' | 'skip';
  /** Called after each slice with the progress of decoding. */
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
  /**
   * Aborts the reading, which throws the signal's reason and disposes all tensors.
   * @defaultValue none
   */
  signal?: AbortSignal;
}

/**
 * A series with its pixels.
 *
 * @inline
 */
export interface DicomSeries extends DicomSeriesInfo {
  /** `[slices, rows, columns]` in Hounsfield units, float32; axial slices in the standard orientation. */
  hu: tf.Tensor3D;
}

/**
 * The series of a folder.
 *
 * @inline
 */
export interface DicomSeriesList extends Array<DicomSeries> {
  /** Every file that was left out, and why: copies of others, and with `onBadFile: 'skip'` those with an error. */
  skipped: SkippedFile[];
  /**
   * Files other than gray DICOM images: other kinds of file, DICOMDIR, reports, colour images. Without `kinds`,
   * also images without Hounsfield units that are not of an axial scan: spectral maps, other modalities.
   */
  unlisted: string[];
}

/** Files decoded at the same time; more would only fill the memory, since decoding has one thread. */
const DECODING_AT_ONCE = 4;

/** Rules of {@link ReadDicomSeriesOptions}. */
export const READ_SERIES_RULES = {
  ...READ_RULES,
  onBadFile: optional(oneOf(['throw', 'skip']), 'throw'),
  onProgress: optional(callback),
  kinds: optional(listOf(oneOf(SERIES_KINDS))),
  series: optional(rule<string>('a UID', (value) => typeof value === 'string')),
  signal: optional(rule<AbortSignal>('an AbortSignal', (value) => value instanceof AbortSignal)),
} satisfies Rules<ReadDicomSeriesOptions>;

/**
 * Decodes the series that a scan found.
 *
 * @param open - Reads and parses a file.
 */
export async function readFoundSeries(
  found: DicomScan,
  open: (file: string) => Promise<ParsedDicom>,
  {
    onBadFile,
    onProgress,
    kinds,
    series: uid,
    signal,
    ...decode
  }: Resolved<ReadDicomSeriesOptions, typeof READ_SERIES_RULES>,
): Promise<DicomSeriesList> {
  const { skipped } = found;
  const named = kinds !== undefined || uid !== undefined;
  const isImage = ({ slices, kind, problems }: DicomSeriesInfo) =>
    isGray(slices[0]!.header.pixels) &&
    (named || kind === 'axial' || firstError(problems, decode.allow) === undefined);
  const none = found.series.filter((info) => !isImage(info)).flatMap(({ slices }) => slices);
  const chosen = found.series.filter(
    (info) =>
      isImage(info) && (kinds ?? SERIES_KINDS).includes(info.kind) && (uid === undefined || uid === info.uid),
  );
  const total = chosen.reduce((sum, { slices }) => sum + slices.length, 0);
  let done = 0;
  const list: DicomSeries[] = [];
  try {
    for (const info of chosen) {
      const read = await readStack(info, open, { ...decode, signal }, (files, error) => {
        if (error !== undefined && onBadFile === 'throw') throw error;
        if (error !== undefined) skipped.push(...[...new Set(files)].map((file) => ({ file, error })));
        else onProgress?.({ done: (done += files.length), total, file: files[0]! });
      });
      if (read !== undefined) list.push(read);
    }
  } catch (error) {
    list.forEach(({ hu }) => hu.dispose());
    throw error;
  }
  const unlisted = [...found.unlisted, ...new Set(none.map(({ file }) => file))].sort();
  return Object.assign(list, { skipped, unlisted });
}

/** Decodes a series; undefined if all its slices were left out. */
async function readStack(
  info: DicomSeriesInfo,
  open: (file: string) => Promise<ParsedDicom>,
  { signal, ...options }: Resolved<ReadOptions, typeof READ_RULES> & { signal: AbortSignal | undefined },
  onDone: (files: readonly string[], error?: DataError) => void,
): Promise<DicomSeries | undefined> {
  const { rows, columns } = info;
  const size = rows * columns;
  const where = { file: info.slices[0]!.file };
  const turn = info.slices[0]!.header.imageOrientation && turnOf(info.slices[0]!.header.imageOrientation);
  let values: Float32Array | undefined;
  // by slice, since they finish in any order
  const problems: (readonly DicomProblem[])[] = [];
  const indexed = info.slices.map(({ file, frame }, index) => ({ index, file, frame }));
  const decoded = await mapByFile(indexed, DECODING_AT_ONCE, async (ofFile) => {
    const { file } = ofFile[0]!;
    let parsed: ParsedDicom | undefined;
    const isDecoded: boolean[] = [];
    for (const { index, frame } of ofFile) {
      try {
        signal?.throwIfAborted();
        parsed ??= await open(file);
        const slice = await decodeFrame(parsed, { file }, { ...options, frame });
        const stored = { values: slice.hu, rows: slice.rows, columns: slice.columns };
        const plane = turn ? turnPlane(stored, turn) : stored;
        if (plane.rows !== rows || plane.columns !== columns) {
          throw new DataError('the file changed while the folder was read', { file });
        }
        // after the first slice is decoded, so that a header alone cannot allocate memory
        values ??= allocate(info.slices.length * size, where);
        values.set(plane.values, index * size);
        problems[index] = slice.problems;
        isDecoded.push(true);
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        onDone([file], error);
        isDecoded.push(false);
      } finally {
        onDone([file]);
      }
    }
    return isDecoded;
  });
  if (values === undefined) return undefined;
  const good = decoded.flatMap((ok, index) => (ok ? [index] : []));
  const complete = good.length === info.slices.length;
  if (!complete) good.forEach((from, to) => values!.copyWithin(to * size, from * size, (from + 1) * size));
  const kept = values.subarray(0, good.length * size);
  const described = complete ? info : withoutSlices(info, good.map((i) => info.slices[i]!)); // prettier-ignore
  const all = mergeProblems([
    ...described.problems,
    ...problems.flat(),
    ...(info.kind === 'axial' ? implausibleRange(rangeOf(kept), where.file) : []),
  ]);
  try {
    stopAtError(all, options.allow, where);
  } catch (error) {
    onDone(described.slices.map(({ file }) => file), error as DataError); // prettier-ignore
    return undefined;
  }
  return { ...described, problems: all, hu: tf.tensor3d(kept, [good.length, rows, columns], 'float32') };
}

function allocate(length: number, where: { file: string }): Float32Array {
  try {
    return new Float32Array(length);
  } catch (error) {
    throw new DataError(`the series needs ${length * 4} bytes of memory, which are not available`, where, {
      cause: error,
    });
  }
}
