import { basename } from 'node:path';
import { DataError } from '../../base/errors';
import { callback, flag, oneOf, optional, resolveOptions, type Rules } from '../../base/options';
import { checkDir, openRoot, type Root } from './data_root';
import { mapAtMost } from '../../data/sources/map_at_most';
import type { FileProgress, SkippedFile } from '../files/file_bytes';
import { headersOf } from './dicom_file';
import { NoImageError } from '../../dicom/dicom_header';
import { groupSeries, type DicomSeriesInfo } from '../../dicom/series/series';
import type { DicomFile } from '../../dicom/series/stack_order';
import { headerSharer } from '../../dicom/series/share_equal';
import { walkFolder } from './walk_folder';

/**
 * Options of {@link scanDicomFolder}.
 *
 * @inline
 */
export interface ScanDicomOptions {
  /**
   * What to do about a file that is damaged, cut short or not supported, and about a series that cannot be ordered:
   * `'throw'` stops at the first, `'skip'` lists it in `skipped` and goes on.
   * @defaultValue 'throw'
   */
  onBadFile?: 'throw' | 'skip';
  /**
   * Whether links in the folder may lead out of it; if not, such a link is a file that cannot be read.
   * @defaultValue false
   */
  followLinks?: boolean;
  /** Told after each file how far the reading has come. */
  onProgress?: (progress: FileProgress) => void;
}

/** How {@link ScanDicomOptions} are checked. */
export const SCAN_RULES = {
  onBadFile: optional(oneOf(['throw', 'skip']), 'throw'),
  followLinks: optional(flag, false),
  onProgress: optional(callback),
} satisfies Rules<ScanDicomOptions>;

/**
 * What a folder holds, see {@link scanDicomFolder}.
 *
 * @inline
 */
export interface DicomScan {
  series: DicomSeriesInfo[];
  /**
   * Every file that was left out, and why: copies of others, and with `onBadFile: 'skip'` those with which something is
   * wrong.
   */
  skipped: SkippedFile[];
  /** Files that are no DICOM images: other kinds of file, DICOMDIR, reports. */
  unlisted: string[];
}

/** Headers that are read at the same time; they wait for the disk and not for the processor. */
const HEADERS_AT_ONCE = 16;

/** Names of files that must be DICOM; any other file is when it has the magic number. */
const DICOM_NAME = /\.(dcm|dicom|ima)$/i;

/**
 * Finds the DICOM series in a folder and its subfolders: which files, in which order, without reading their pixels.
 *
 * Of each file only the header is read. Slices are ordered by their position along the slices' normal, from feet to
 * head; names of files and instance numbers do not matter. A stack is one acquisition of one person: patients that share
 * a series, and passes over the same positions, come apart; series of one slice each that fit on one another come
 * together. Copies are left out and listed in `skipped`. Links that lead out of the folder are refused.
 *
 * What is unusual is in each series' `problems`, with a severity. Nothing stops at an error here: what reads the pixels does.
 *
 * @param dir - The folder; it may hold many studies.
 * @throws DataError that names the file, with `onBadFile: 'throw'`.
 * @example
 * ```ts
 * const { series } = await scanDicomFolder('studies', { onBadFile: 'skip' });
 * for (const { description, kind, slices } of series) console.log(description, kind, slices.length);
 * ```
 */
export async function scanDicomFolder(dir: string, options: ScanDicomOptions = {}): Promise<DicomScan> {
  const resolved = resolveOptions('scanDicomFolder', options, SCAN_RULES);
  checkDir('scanDicomFolder', dir);
  return scan(dir, resolved);
}

/** {@link scanDicomFolder} with options that are checked, and the real path of every file. */
export async function scan(
  dir: string | Root,
  {
    onBadFile,
    followLinks,
    onProgress,
  }: Pick<ScanDicomOptions, 'onProgress' | 'followLinks'> & { onBadFile: 'throw' | 'skip' },
): Promise<DicomScan & { paths: ReadonlyMap<string, string> }> {
  const skipped: SkippedFile[] = [];
  const skip = (file: string, error: DataError) => {
    if (onBadFile === 'throw') throw error;
    skipped.push({ file, error });
  };

  const root = await openRoot(dir, followLinks);
  const found = await walkFolder(root, skip);
  const unlisted: string[] = [];
  const share = headerSharer();
  let done = 0;
  const read = await mapAtMost(found, HEADERS_AT_ONCE, async ({ file, path }) => {
    const headers = await readOne(file, path, skip, unlisted);
    onProgress?.({ done: ++done, total: found.length, file });
    return (headers ?? []).map((header, frame): DicomFile => ({
      file,
      ...(header.pixels.frames > 1 && { frame }),
      header: share(header),
    }));
  });
  const copies = new Map<string, DataError>();
  const series = groupSeries(
    read.flat(),
    (bad, error) => new Set(bad.map(({ file }) => file)).forEach((file) => skip(file, error)),
    (file, error) => copies.set(file, error), // once, however many frames it has
  );
  copies.forEach((error, file) => skipped.push({ file, error }));
  const byName = (a: string, b: string) => (a < b ? -1 : 1);
  return {
    series,
    skipped: skipped.sort((a, b) => byName(a.file, b.file)),
    unlisted: unlisted.sort(byName),
    paths: new Map(found.map(({ file, path }) => [file, path])),
  };
}

/** The headers of a file's images; undefined for one that is no DICOM image, or is left out. */
async function readOne(
  file: string,
  path: string,
  skip: (file: string, error: DataError) => void,
  unlisted: string[],
) {
  try {
    const isIndex = basename(file).toUpperCase() === 'DICOMDIR';
    const headers = isIndex ? undefined : await headersOf(path, { file }, DICOM_NAME.test(file));
    if (headers === undefined) unlisted.push(file);
    return headers;
  } catch (error) {
    if (error instanceof NoImageError) unlisted.push(file);
    else if (error instanceof DataError) skip(file, error);
    else throw error;
    return undefined;
  }
}
