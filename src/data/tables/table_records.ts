import { describe } from '../../base/describe';
import { DataError, type DataLocation } from '../../base/errors';

/** Takes the records of a table: trims fields, omits empty records, and reads the header. */
export class TableRecords<Columns> {
  private header: { length: number; columns: Columns } | undefined;
  private isEmpty = true;

  /**
   * @param file - The table, for messages.
   * @param what - What a row describes.
   * @param findColumns - Finds the columns to read in the header; throws for an invalid header.
   */
  constructor(
    private readonly file: string,
    private readonly what: 'slice' | 'scan',
    private readonly findColumns: (header: readonly string[], where: DataLocation) => Columns,
  ) {}

  /**
   * The fields of the next record; undefined for the header and for empty records.
   *
   * @throws DataError for a record with another number of fields than the header.
   */
  take(record: readonly string[], row: number): { fields: string[]; columns: Columns } | undefined {
    const fields = record.map((field) => field.trim());
    if (fields.length <= 1 && (fields[0] ?? '') === '') return undefined;
    const where = { file: this.file, row };
    if (this.header === undefined) {
      this.header = { length: fields.length, columns: this.findColumns(fields, where) };
      return undefined;
    }
    checkFieldCount(fields.length, this.header.length, where);
    this.isEmpty = false;
    return { fields, columns: this.header.columns };
  }

  /** @throws DataError for a table without a header, or without rows. */
  end(): void {
    const { file, what } = this;
    if (this.header === undefined) throw new DataError('the table is empty: expected a header', { file });
    if (this.isEmpty) throw new DataError(`the table has a header but no ${what}`, { file });
  }
}

/** Throws a DataError unless a record has as many fields as the header. */
export function checkFieldCount(found: number, expected: number, where: DataLocation): void {
  if (found !== expected) {
    throw new DataError(`expected ${expected} fields as in the header, found ${found}`, where);
  }
}

/** A label's value from its field, which must be `'0'` or `'1'`. */
export function labelValue(text: string, label: string, where: DataLocation): 0 | 1 {
  if (text !== '0' && text !== '1') {
    throw new DataError(`label ${label}: expected 0 or 1, found ${describe(text)}`, where);
  }
  return text === '1' ? 1 : 0;
}
