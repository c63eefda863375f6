import { RsnaTableReader, type RsnaTable, type RsnaTableOptions } from '../data/rsna_table';
import { eachCsvRecord } from './csv_file';

/**
 * Reads the table of the RSNA 2019 challenge (`stage_2_train.csv`), streaming: only the labels are held.
 *
 * @param file - The file; also its name in messages.
 * @throws DataError when it cannot be read, is not CSV text in UTF-8, or as {@link RsnaTableReader} says.
 * @example
 * ```ts
 * const { slices, duplicates } = await readRsnaTable('rsna/stage_2_train.csv', { labels: CT_LABELS });
 * ```
 */
export async function readRsnaTable(
  file: string,
  options: Omit<RsnaTableOptions, 'file'> = {},
): Promise<RsnaTable> {
  const reader = new RsnaTableReader({ ...options, file });
  await eachCsvRecord(file, (fields, row) => reader.add(fields, row));
  return reader.finish();
}
