import { DataError } from '../../base/errors';
import { resolveOptions } from '../../base/options';
import { MAX_FILE_BYTES } from '../../base/file_progress';
import { parseDicom } from '../dicom_header';
import { headersOfFound, readHeaders } from './file_headers';
import { listFiles, type DicomFiles, type ListedFile } from './list_files';
import {
  READ_SERIES_RULES,
  readFoundSeries,
  type DicomSeriesList,
  type ReadDicomSeriesOptions,
} from './read_found_series';
import { scanFiles } from './scan_files';

export type { DicomFiles } from './list_files';

/**
 * Reads DICOM files in a page as ordered series in Hounsfield units; no data leaves the page. The function of this
 * name in `ct-multilabel/node` reads folders on disk in the same way, with bit-identical values.
 *
 * Files may be in nested folders, in any order and among other files. First the beginning of each file is read to find
 * the series; then the slices are decoded. Codecs are loaded on demand. The function also runs in a worker, to which a
 * page can send files and handles, so that decoding does not block the page.
 *
 * Series of every kind are returned, distinguished by `kind`; colour images have no Hounsfield units and are listed in
 * `unlisted`. Axial slices that are stored mirrored, upside down or transposed are reoriented. A problem that is an
 * error stops the reading, unless `onBadFile` skips it or `allow` names it. The caller disposes the `hu` of each
 * series.
 *
 * @param files - Files, folders of files, or a list of either, from inputs, pickers or drops.
 * @returns The series, with `skipped` and `unlisted`.
 * @throws DataError that names the file, with `onBadFile: 'throw'`, for a file that cannot be read or a problem that is
 * an error; the reason of `signal` if that aborts the reading.
 * @example
 * ```ts
 * const input = document.querySelector('input')!;
 * const cancel = new AbortController();
 * const list = await readDicomSeries(input.files!, {
 *   onBadFile: 'skip',
 *   onProgress: ({ done, total }) => console.log(`${done} of ${total}`),
 *   signal: cancel.signal,
 * });
 * for (const { description, hu } of list) console.log(description, hu.shape);
 * ```
 */
export async function readDicomSeries(
  files: DicomFiles,
  options: ReadDicomSeriesOptions = {},
): Promise<DicomSeriesList> {
  const checked = resolveOptions('readDicomSeries', options, READ_SERIES_RULES);
  const { onBadFile, signal } = checked;
  const listed = await listFiles('readDicomSeries: files', files);
  const byPath = new Map(listed.map((one) => [one.file, one]));
  const found = await scanFiles(
    listed,
    ({ file }) =>
      headersOfFound(file, async (where, mustBeDicom) => {
        const opened = await open(byPath.get(file)!);
        const start = (length: number) => bytesOf(opened.slice(0, length), file);
        return readHeaders({ size: opened.size, start }, where, mustBeDicom);
      }),
    { onBadFile, signal },
  );
  return readFoundSeries(
    found,
    async (file) => {
      const bytes = await bytesOf(await open(byPath.get(file)!), file);
      return parseDicom(bytes, { file }, bytes.length);
    },
    checked,
  );
}

async function open({ file, open: opened }: ListedFile): Promise<File> {
  const found = await orDataError(file, opened);
  if (found.size > MAX_FILE_BYTES) {
    throw new DataError(`the DICOM file has ${found.size} bytes, more than ${MAX_FILE_BYTES}`, { file });
  }
  return found;
}

const bytesOf = (blob: Blob, file: string): Promise<Uint8Array> =>
  orDataError(file, async () => new Uint8Array(await blob.arrayBuffer()));

/** Converts the browser's error for a file that is missing or not readable. */
async function orDataError<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new DataError(
      `the DICOM file cannot be read: ${(error as Error).message}`,
      { file },
      { cause: error },
    );
  }
}
