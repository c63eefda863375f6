import { resolveOptions, optional, rule, type Rules } from '../../base/options';
import { LABEL_RULES } from '../../data/tables/label_columns';
import type { ScanRow } from '../../data/tables/scan_rows';
import { parseScanTable, type ScanTableOptions } from '../../data/tables/scan_table';
import { RsnaTableReader, type RsnaTable, type RsnaTableOptions } from '../../data/tables/rsna_table';
import { eachCsvRecord, readCsvFile } from '../files/csv_file';

/**
 * Reads the table of the RSNA 2019 challenge (`stage_2_train.csv`) as a stream: only the labels are kept in memory.
 *
 * @param file - The file, which is also its name in messages, unless `options` contains another.
 * @throws DataError if it cannot be read or is not CSV text in UTF-8; errors of {@link RsnaTableReader}.
 * @example
 * ```ts
 * const { slices, duplicates } = await readRsnaTable('rsna/stage_2_train.csv', { labels: CT_LABELS });
 * ```
 */
export async function readRsnaTable(file: string, options: RsnaTableOptions = {}): Promise<RsnaTable> {
  const { file: name = file } = options;
  const reader = new RsnaTableReader({ ...options, file: name });
  await eachCsvRecord(file, (fields, row) => reader.add(fields, row), name);
  return reader.finish();
}

/**
 * Reads a table with one row per scan, such as CQ500's `reads.csv`, see {@link parseScanTable}.
 *
 * @param file - The file, which is also its name in messages, unless `options` contains another.
 * @throws DataError if it cannot be read or is not CSV text in UTF-8; errors of {@link parseScanTable}.
 * @example
 * ```ts
 * const scans = await readScanTable('cq500/reads.csv', { labels: [...CT_LABELS, 'any'] });
 * ```
 */
export async function readScanTable(file: string, options: ScanTableOptions = {}): Promise<ScanRow[]> {
  const { file: name = file, ...wanted } = resolveOptions('readScanTable', options, SCAN_RULES);
  return parseScanTable(await readCsvFile(file, name), { ...wanted, file: name });
}

const SCAN_RULES = {
  ...LABEL_RULES,
  file: optional(rule<string>('a text', (value) => typeof value === 'string')),
} satisfies Rules<ScanTableOptions>;
