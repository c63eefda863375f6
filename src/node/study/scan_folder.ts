import { callback, flag, oneOf, optional, resolveOptions, rule, type Rules } from '../../base/options';
import { checkDir, openRoot, type Root } from './data_root';
import type { FileProgress, SkippedFile } from '../files/file_bytes';
import { headersOfFound } from '../../dicom/files/file_headers';
import { scanFiles, skipper, type DicomScan } from '../../dicom/files/scan_files';
import { HeaderIndex, type IndexedFile } from '../files/header_index';
import { headersOf } from './dicom_file';
import { walkFolder } from './walk_folder';

/**
 * Options of {@link scanDicomFolder}.
 *
 * @inline
 */
export interface ScanDicomOptions {
  /**
   * How to treat a file that is damaged, truncated or not supported, and a series that cannot be ordered: `'throw'`
   * stops at the first, `'skip'` lists it in `skipped` and continues.
   * @defaultValue 'throw'
   */
  onBadFile?: 'throw' | 'skip';
  /**
   * Whether links in the folder may lead out of it; otherwise such a link is treated as an unreadable file.
   * @defaultValue false
   */
  followLinks?: boolean;
  /**
   * Folder, outside the scanned one, in which headers are cached for the next scan: files with unchanged size and times
   * are then not read again. The cache contains what the headers contain, including patient ids.
   * @defaultValue none: headers are read each time
   */
  cacheFolder?: string;
  /** Called after each file with the progress of reading. */
  onProgress?: (progress: FileProgress) => void;
}

/** Rules of {@link ScanDicomOptions}. */
export const SCAN_RULES = {
  onBadFile: optional(oneOf(['throw', 'skip']), 'throw'),
  followLinks: optional(flag, false),
  cacheFolder: optional(rule<string>('a path', (value) => typeof value === 'string' && value !== '')),
  onProgress: optional(callback),
} satisfies Rules<ScanDicomOptions>;

/**
 * Finds the DICOM series in a folder and its subfolders, with their files in order, without reading pixels.
 *
 * Only the header of each file is read. Slices are ordered by their position along the slices' normal, from feet to
 * head, regardless of file names and instance numbers. A stack is one acquisition of one person: patients that share a
 * series, and passes over the same positions, are separated; series of one slice each that fit together are merged.
 * Copies are left out and listed in `skipped`. Links that lead out of the folder are refused.
 *
 * Unusual properties are listed in the `problems` of each series, with a severity. Errors among them are not thrown
 * here, but by functions that read the pixels.
 *
 * @param dir - The folder, which may contain many studies.
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

/** {@link scanDicomFolder} with checked options, and with the real path of every file. */
export async function scan(
  dir: string | Root,
  {
    onBadFile,
    followLinks,
    onProgress,
    cacheFolder,
    signal,
  }: Pick<ScanDicomOptions, 'onProgress' | 'followLinks'> & {
    onBadFile: 'throw' | 'skip';
    cacheFolder?: string | undefined;
    signal?: AbortSignal | undefined;
  },
): Promise<DicomScan & { paths: ReadonlyMap<string, string> }> {
  const skipped: SkippedFile[] = [];
  const root = await openRoot(dir, followLinks);
  const found = await walkFolder(root, skipper(onBadFile, skipped));
  const read = ({ file, path }: IndexedFile) =>
    headersOfFound(file, (where, mustBeDicom) => headersOf(path, where, mustBeDicom));
  const index = cacheFolder === undefined ? undefined : await HeaderIndex.open(cacheFolder, root.path);
  let isComplete = false;
  try {
    const scanned = await scanFiles(
      found,
      (one) => (index ? index.headersOf(one, () => read(one)) : read(one)),
      { onBadFile, onProgress, signal },
      skipped,
    );
    isComplete = true;
    return { ...scanned, paths: new Map(found.map(({ file, path }) => [file, path])) };
  } finally {
    // after a failure too, so that another attempt need not read the same files again
    await index?.save(isComplete);
  }
}
