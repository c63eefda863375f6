import { DataError, describe, type DataLocation } from '../../base/errors';

/** A record with its fields trimmed, and its row in the table, the header being row 1. */
export interface TableRecord {
  row: number;
  fields: string[];
}

/** Header and other records of a table, empty ones left out; a table without a header is refused. */
export function headerAndBody(
  records: readonly (readonly string[])[],
  file: string,
): { header: TableRecord; body: TableRecord[] } {
  const filled = records
    .map((record, i) => ({ row: i + 1, fields: record.map((field) => field.trim()) }))
    .filter(({ fields }) => fields.length > 1 || (fields[0] ?? '') !== '');
  const [header, ...body] = filled;
  if (header === undefined) throw new DataError('the table is empty: expected a header', { file });
  return { header, body };
}

/** Throws a DataError unless a record has as many fields as the header. */
export function checkFieldCount(found: number, expected: number, where: DataLocation): void {
  if (found !== expected) {
    throw new DataError(`expected ${expected} fields as in the header, found ${found}`, where);
  }
}

/** A label's value from its field: `'0'` or `'1'`, nothing else. */
export function labelValue(text: string, label: string, where: DataLocation): 0 | 1 {
  if (text !== '0' && text !== '1') {
    throw new DataError(`label ${label}: expected 0 or 1, found ${describe(text)}`, where);
  }
  return text === '1' ? 1 : 0;
}
