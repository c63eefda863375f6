import { check } from '../../base/checks';
import { shortened } from '../../base/describe';
import { resolveOptions, type Rules } from '../../base/options';
import type { Labels } from '../../base/types';
import { CQ500, CQ500_TABLE } from './cq500_table';
import { checkMissing, LABEL_RULES, TABLE_NAME, type MissingLabels } from './label_columns';
import type { LabelTable } from './label_table';
import { NAME_COLUMNS, ScanReader, type ScanColumns, type ScanRow } from './scan_rows';

/**
 * Options of {@link parseScanTable}.
 *
 * @inline
 */
export interface ScanTableOptions {
  /**
   * Labels, in output order: columns of a plain table; for CQ500's `reads.csv` from `CT_LABELS` and `any`.
   * @defaultValue CT_LABELS
   */
  labels?: Labels;
  /**
   * How to treat labels without a column.
   * @defaultValue 'throw'
   */
  missingLabels?: MissingLabels;
  /**
   * Name of the table in error messages.
   * @defaultValue 'table'
   */
  file?: string;
}

const RULES = { ...LABEL_RULES, file: TABLE_NAME } satisfies Rules<ScanTableOptions>;

/**
 * Reads a table with one row per scan, from records already split into fields. The header determines the layout:
 *
 * - plain: a column `patient`, `name` or `dirname`, and one of 0 and 1 for each label;
 * - CQ500's `reads.csv`: `name`, and for each of three readers `R1:ICH`, `R1:IPH`, …; a label is 1 if two or three of
 *   the readers saw it. Labels are those of `CT_LABELS`, and `any`. Since the majority is taken per column, `any` can be
 *   1 while none of the five is: readers may agree that there is blood but not on its kind.
 *
 * Spaces around a field, empty records and other columns are ignored.
 *
 * @param records - The fields of every record, header first; record `i` is row `i + 1` in messages.
 * @returns The scans in the table's order.
 * @throws DataError for a missing or repeated column, a label other than 0 and 1, a name that is a path, or two rows of
 * one scan (CQ500's two spellings of a name count as one), with the file, row and patient.
 * @example
 * ```ts
 * parseScanTable([['name', 'ich', 'sdh'], ['scan 1', '0', '1']], { labels: ['ich', 'sdh'] });
 * // [{ patient: 'scan 1', labels: [0, 1], row: 2 }]
 * ```
 * @see Chilamkurthy et al., "Deep learning algorithms for detection of critical findings in head CT scans: a
 * retrospective study", The Lancet 2018.
 */
export function parseScanTable(
  records: readonly (readonly string[])[],
  options: ScanTableOptions = {},
): ScanRow[] {
  const wanted = resolveOptions('parseScanTable', options, RULES);
  check(Array.isArray(records as unknown), 'parseScanTable: records', 'a list of records', records);
  const header = records.find((record) => record.some((field) => field.trim() !== '')) ?? [];
  const isCq500 = CQ500_TABLE.matches(header.map((field) => field.trim()));
  const reader = new ScanReader(wanted, isCq500 ? CQ500 : PLAIN);
  records.forEach((record, i) => reader.add(record, i + 1));
  return reader.finish().scans;
}

/** A column for each label. */
const PLAIN: ScanColumns = {
  columnsOf: (label) => [label],
  checkLabels: (labels, _present, missingLabels, header, where) =>
    checkMissing(labels, header, missingLabels, `found ${shortened(header.join(','))}`, where),
};

/**
 * A table with one row per scan and a column for each label: a scan is found by the name of its patient or of a folder.
 */
export const SCAN_TABLE: LabelTable = {
  name: 'one row per scan',
  header: 'patient,<labels>',
  fileNames: ['labels.csv'],
  matches: (header) => header.some((name) => NAME_COLUMNS.includes(name)),
  reader: (wanted) => new ScanReader(wanted, PLAIN),
};
