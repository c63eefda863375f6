import { checkKnownKeys } from '../../base/errors';
import { parseScanTable, type ScanRow, type ScanTableOptions } from '../../data/tables/scan_table';
import { readCsvFile } from '../files/csv_file';

/**
 * Reads a table with one row per scan, see {@link parseScanTable}; CQ500's `reads.csv` is one.
 *
 * @param file - The file; also its name in messages, unless `options` have another.
 * @throws DataError when it cannot be read, is not CSV text in UTF-8, or as {@link parseScanTable} says.
 * @example
 * ```ts
 * const scans = await readScanTable('cq500/reads.csv', { labels: [...CT_LABELS, 'any'] });
 * ```
 */
export async function readScanTable(file: string, options: ScanTableOptions = {}): Promise<ScanRow[]> {
  checkKnownKeys(options, ['labels', 'missingLabels', 'file'], 'readScanTable');
  const { file: name = file } = options;
  return parseScanTable(await readCsvFile(file, name), { ...options, file: name });
}
