import { RsnaTableReader, type RsnaTable, type RsnaTableOptions } from '../../data/tables/rsna_table';
import { eachCsvRecord } from '../files/csv_file';

/**
 * Reads the table of the RSNA 2019 challenge (`stage_2_train.csv`), streaming: only the labels are held.
 *
 * @param file - The file; also its name in messages, unless `options` have another.
 * @throws DataError when it cannot be read, is not CSV text in UTF-8, or as {@link RsnaTableReader} says.
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
