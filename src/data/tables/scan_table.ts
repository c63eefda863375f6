import {
  check,
  checkKnownKeys,
  checkOneOf,
  DataError,
  nearestName,
  shortened,
  type DataLocation,
} from '../../base/errors';
import type { Labels } from '../../base/types';
import { checkLabelNames, checkName } from './kaggle_table';
import { checkMissing, MISSING_LABELS, orIgnored, type MissingLabels } from './label_columns';
import { CT_LABELS, type CtLabel } from '../labels/labels';
import { checkFieldCount, headerAndBody, labelValue } from './table_records';

/**
 * Options of {@link parseScanTable}.
 *
 * @inline
 */
export interface ScanTableOptions {
  /**
   * Labels, in the order they come out: columns of a plain table; for CQ500's `reads.csv` names of {@link CQ500_COLUMNS}.
   * @defaultValue CT_LABELS
   */
  labels?: Labels;
  /**
   * What becomes of labels that the table has no column of.
   * @defaultValue 'throw'
   */
  missingLabels?: MissingLabels;
  /**
   * Name of the table in error messages.
   * @defaultValue 'table'
   */
  file?: string;
}

/**
 * What a table says of one scan.
 *
 * @inline
 */
export interface ScanRow {
  /** The scan as the table names it; CQ500's folders are found from its names. */
  patient: string;
  /** 0 or 1 for each label, or -1 where the table lacks it and may. */
  labels: number[];
  /** Row in the table, the header being row 1. */
  row: number;
  /** For each label, how many of the three readers saw it (-1 where the table lacks it); only of CQ500's `reads.csv`. */
  votes?: number[];
}

/**
 * Column of CQ500's `reads.csv` (after `R1:` and so on) for each of our labels.
 *
 * Mind the name ICH: in CQ500 it is *any* intracranial hemorrhage, and intraparenchymal hemorrhage, which
 * {@link CT_LABELS} call `ich`, is IPH there.
 */
export const CQ500_COLUMNS: Readonly<Record<CtLabel | 'any', string>> = {
  ich: 'IPH',
  ivh: 'IVH',
  sah: 'SAH',
  sdh: 'SDH',
  edh: 'EDH',
  any: 'ICH',
};

const READERS = ['R1', 'R2', 'R3'];
const NAME_COLUMNS = ['patient', 'name', 'dirname'];

/**
 * Reads a table with one row per scan, from records already split into fields. The header says which of two layouts it is:
 *
 * - plain: a column `patient`, `name` or `dirname`, and one of 0 and 1 for each label;
 * - CQ500's `reads.csv`: `name`, and for each of three readers `R1:ICH`, `R1:IPH`, …; a label is 1 where two or three of the
 *   readers saw it. Labels are found by {@link CQ500_COLUMNS}. Because every column is voted on by itself, `any` can be 1 where
 *   none of the five is: readers may agree that there is blood and not on which.
 *
 * Spaces around a field, empty records and other columns are ignored.
 *
 * @param records - The fields of every record, header first; record `i` is row `i + 1` in messages.
 * @returns The scans in the table's order.
 * @throws DataError for a missing or repeated column, a label other than 0 and 1, a name that is a path, or two rows of one scan
 * (CQ500's two spellings of a name are one), with the file, row and patient.
 * @example
 * ```ts
 * parseScanTable([['name', 'ich', 'sdh'], ['scan 1', '0', '1']], { labels: ['ich', 'sdh'] });
 * // [{ patient: 'scan 1', labels: [0, 1], row: 2 }]
 * ```
 * @see Chilamkurthy et al., "Deep learning algorithms for detection of critical findings in head CT scans: a retrospective
 * study", The Lancet 2018.
 */
export function parseScanTable(
  records: readonly (readonly string[])[],
  options: ScanTableOptions = {},
): ScanRow[] {
  checkKnownKeys(options, ['labels', 'missingLabels', 'file'], 'parseScanTable');
  const { labels = CT_LABELS, missingLabels = 'throw', file = 'table' } = options;
  check(Array.isArray(records as unknown), 'parseScanTable: records', 'a list of records', records);
  checkLabelNames('parseScanTable: labels', labels);
  checkOneOf(missingLabels, MISSING_LABELS, 'parseScanTable: missingLabels');
  const { header, body } = headerAndBody(records, file);
  const columns = findColumns(header.fields, labels, missingLabels, { file, row: header.row });
  if (body.length === 0) throw new DataError('the table has a header but no scan', { file });

  const seen = new Map<string, number>();
  return body.map(({ row, fields }) => {
    checkFieldCount(fields.length, header.fields.length, { file, row });
    const patient = fields[columns.name]!;
    const where = { file, row, patient };
    checkName('patient', patient, where);
    const first = seen.get(scanKey(patient));
    if (first !== undefined) throw new DataError(`the scan is already in row ${first}`, where);
    seen.set(scanKey(patient), row);
    const value = (column: number) => labelValue(fields[column]!, header.fields[column]!, where);
    const votes = columns.labels.map((places) =>
      places?.map(value).reduce<number>((sum, vote) => sum + vote, 0),
    );
    if (!columns.reads) return { patient, labels: orIgnored(votes), row };
    const majority = votes.map((count) => count && (2 * count > READERS.length ? 1 : 0));
    return { patient, labels: orIgnored(majority), row, votes: orIgnored(votes) };
  });
}

/**
 * One key for the names that CQ500 gives a scan: `'CQ500-CT-0'` in its table and `'CQ500CT0 CQ500CT0'` as its folder are both
 * `'CQ500CT0'`. Any other name is its own key.
 *
 * @example
 * ```ts
 * scanKey('CQ500CT0 CQ500CT0'); // 'CQ500CT0'
 * ```
 */
export function scanKey(name: string): string {
  const number = /^CQ500-?CT-?(\d+)(?: CQ500-?CT-?\1)?$/.exec(name)?.[1];
  return number === undefined ? name : `CQ500CT${number}`;
}

/** Where the name is, and for each label that is there its column, or one a reader. */
function findColumns(
  header: readonly string[],
  labels: Labels,
  missingLabels: MissingLabels,
  where: DataLocation,
) {
  const found = `found ${shortened(header.join(','))}`;
  const reads = header.some((name) => READERS.some((reader) => name.startsWith(`${reader}:`)));
  const names = header.filter((name) => NAME_COLUMNS.includes(name));
  if (names.length !== 1) {
    throw new DataError(`expected one column out of ${NAME_COLUMNS.join(', ')}, ${found}`, where);
  }
  const columnsOf = (label: string) => {
    if (!reads) return [label];
    const column = (CQ500_COLUMNS as Readonly<Record<string, string>>)[label];
    return column === undefined ? [] : READERS.map((reader) => `${reader}:${column}`);
  };
  const count = (name: string) => header.filter((other) => other === name).length;
  const has = (label: string) => columnsOf(label).some((name) => count(name) > 0);
  if (reads) {
    // a label that CQ500 cannot have is no column that is missing
    const known = Object.keys(CQ500_COLUMNS);
    const may = (label: string) => missingLabels === 'unlabelled' && nearestName(label, known) === undefined;
    const unknown = labels.find((label) => !known.includes(label) && !may(label));
    if (unknown !== undefined) checkOneOf(unknown, known, 'parseScanTable: labels of CQ500');
  }
  const needed = missingLabels === 'throw';
  if (!reads || !needed)
    checkMissing(labels, reads ? labels.filter(has) : header, missingLabels, found, where);
  const wanted = labels.map((label) => (needed || has(label) ? columnsOf(label) : undefined));
  const missing = wanted.flatMap((names) => names ?? []).filter((name) => count(name) === 0);
  if (missing.length > 0) throw new DataError(`missing column ${missing.join(', ')}: ${found}`, where);
  const repeated = wanted.flatMap((names) => names ?? []).filter((name) => count(name) > 1);
  if (repeated.length > 0) throw new DataError(`repeated column ${repeated.join(', ')}: ${found}`, where);
  return {
    reads,
    name: header.indexOf(names[0]!),
    labels: wanted.map((columns) => columns?.map((name) => header.indexOf(name))),
  };
}
