import { shortened } from '../../base/describe';
import { DataError, type DataLocation } from '../../base/errors';
import { CQ500_TABLE } from './cq500_table';
import { KAGGLE_TABLE } from './kaggle_table';
import type { LabelTable } from './label_table';
import { RSNA_TABLE } from './rsna_table';
import { SCAN_TABLE } from './scan_table';

/** Every supported format; the first one that matches a header is used. */
export const LABEL_TABLES: readonly LabelTable[] = [KAGGLE_TABLE, RSNA_TABLE, CQ500_TABLE, SCAN_TABLE];

/**
 * The format of a table with this header.
 *
 * @throws DataError that lists the formats, for a header that matches none.
 */
export function labelTableOf(header: readonly string[], where: DataLocation): LabelTable {
  const fields = header.map((field) => field.trim());
  const table = LABEL_TABLES.find((format) => format.matches(fields));
  if (table !== undefined) return table;
  const known = LABEL_TABLES.map((format) => `${format.header} (${format.name})`).join('; ');
  throw new DataError(
    `the header is not one of a label table: expected ${known}; found ${shortened(fields.join(','))}`,
    where,
  );
}
