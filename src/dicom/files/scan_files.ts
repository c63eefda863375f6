import { DataError } from '../../base/errors';
import type { FileProgress, SkippedFile } from '../../base/file_progress';
import { mapAtMost } from '../../base/map_at_most';
import type { DicomHeader } from '../dicom_header';
import { groupSeries, type DicomSeriesInfo } from '../series/series';
import { headerSharer } from '../series/share_equal';
import type { DicomFile } from '../series/stack_order';

/**
 * Contents of a folder, see `scanDicomFolder`.
 *
 * @inline
 */
export interface DicomScan {
  series: DicomSeriesInfo[];
  /** Every file that was left out, and why: copies of others, and with `onBadFile: 'skip'` those with an error. */
  skipped: SkippedFile[];
  /** Files other than DICOM images: other kinds of file, DICOMDIR, reports. */
  unlisted: string[];
}

/** Headers read at the same time, which is limited by the disk rather than the processor. */
const HEADERS_AT_ONCE = 16;

/** Options of {@link scanFiles}. */
export interface ScanFilesOptions {
  onBadFile: 'throw' | 'skip';
  onProgress?: ((progress: FileProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** A function that throws the error of a file, or adds the file to `skipped`. */
export function skipper(onBadFile: 'throw' | 'skip', skipped: SkippedFile[]) {
  return (file: string, error: DataError): void => {
    if (onBadFile === 'throw') throw error;
    skipped.push({ file, error });
  };
}

/**
 * Reads the headers of files and groups them into series.
 *
 * @param headersOf - Reads the headers of a file's images; undefined for a file other than a DICOM image.
 * @param skipped - Files that were left out before.
 */
export async function scanFiles<T extends { file: string }>(
  files: readonly T[],
  headersOf: (file: T) => Promise<readonly DicomHeader[] | undefined>,
  { onBadFile, onProgress, signal }: ScanFilesOptions,
  skipped: SkippedFile[] = [],
): Promise<DicomScan> {
  const skip = skipper(onBadFile, skipped);
  const unlisted: string[] = [];
  const share = headerSharer();
  let done = 0;
  const read = await mapAtMost(files, HEADERS_AT_ONCE, async (found) => {
    signal?.throwIfAborted();
    const { file } = found;
    let headers: readonly DicomHeader[] | undefined;
    try {
      headers = await headersOf(found);
      if (headers === undefined) unlisted.push(file);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      skip(file, error);
    }
    onProgress?.({ done: ++done, total: files.length, file });
    return (headers ?? []).map((header, frame): DicomFile => ({
      file,
      frame: header.pixels.frames > 1 ? frame : undefined,
      header: share(header),
    }));
  });
  const copies = new Map<string, DataError>();
  const series = groupSeries(
    read.flat(),
    (bad, error) => new Set(bad.map(({ file }) => file)).forEach((file) => skip(file, error)),
    (file, error) => copies.set(file, error), // once per file, for any number of frames
  );
  copies.forEach((error, file) => skipped.push({ file, error }));
  const byName = (a: string, b: string) => (a < b ? -1 : 1);
  return {
    series,
    skipped: skipped.sort((a, b) => byName(a.file, b.file)),
    unlisted: unlisted.sort(byName),
  };
}
