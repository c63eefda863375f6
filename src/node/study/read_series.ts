import { readDicom } from '../files/read_dicom';
import { readDicomSeries as readFiles, type DicomFiles } from '../../dicom/files/read_series';
import {
  READ_SERIES_RULES,
  readFoundSeries,
  type DicomSeriesList,
  type ReadDicomSeriesOptions,
} from '../../dicom/files/read_found_series';
import { resolveOptions, type Rules } from '../../base/options';
import { checkDir } from './data_root';
import { scan, SCAN_RULES, type ScanDicomOptions } from './scan_folder';

/**
 * Options of {@link readDicomSeries} for a folder.
 *
 * @inline
 */
export interface ReadDicomFolderOptions
  extends ReadDicomSeriesOptions, Pick<ScanDicomOptions, 'followLinks'> {}

const RULES = {
  ...READ_SERIES_RULES,
  followLinks: SCAN_RULES.followLinks,
} satisfies Rules<ReadDicomFolderOptions>;

export type { DicomSeriesList } from '../../dicom/files/read_found_series';

/**
 * Reads a folder of DICOM files as ordered series in Hounsfield units.
 *
 * Decodes the series found by `scanDicomFolder` with `decodeDicomSlice`; see both for details. Series of every kind are
 * returned, distinguished by `kind`; colour images have no Hounsfield units and are listed in `unlisted`. Axial slices
 * that are stored mirrored, upside down or transposed are reoriented. A problem that is an error stops the reading,
 * unless `onBadFile` skips it or `allow` names it; for example, an axial stack without air or tissue is not a head in
 * HU. The caller disposes the `hu` of each series.
 *
 * @param dir - The folder, which may contain many studies; or files in a page, as for `ct-multilabel/dicom`.
 * @returns The series, with `skipped` and `unlisted`.
 * @throws DataError that names the file, with `onBadFile: 'throw'`, for a file that cannot be read or a problem that is
 * an error; the reason of `signal` if that aborts the reading.
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
  dir: string | DicomFiles,
  options: ReadDicomFolderOptions = {},
): Promise<DicomSeriesList> {
  if (typeof dir === 'object') return readFiles(dir, options);
  const { followLinks, ...checked } = resolveOptions('readDicomSeries', options, RULES);
  checkDir('readDicomSeries', dir);
  const { onBadFile, signal } = checked;
  const { paths, ...found } = await scan(dir, { onBadFile, followLinks, signal });
  return readFoundSeries(found, (file) => readDicom(paths.get(file)!, { file }), checked);
}
