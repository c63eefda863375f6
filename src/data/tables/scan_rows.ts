import { shortened } from '../../base/describe';
import { DataError, type DataLocation } from '../../base/errors';
import type { Labels } from '../../base/types';
import { orIgnored, type MissingLabels } from './label_columns';
import type { LabelTableReader, TableLabels, WantedLabels } from './label_table';
import { checkName } from './slice_names';
import { labelValue, TableRecords } from './table_records';

/**
 * The row of a scan.
 *
 * @inline
 */
export interface ScanRow {
  /** The scan as named in the table; CQ500's folders are found by these names. */
  patient: string;
  /** 0 or 1 for each label, or -1 if the table may lack it and does. */
  labels: number[];
  /** Row in the table, where the header is row 1. */
  row: number;
  /**
   * For each label, how many of the three readers saw it (-1 if the table lacks it); only for CQ500's `reads.csv`.
   */
  votes?: number[];
}

/** The part in which formats with a row per scan differ. */
export interface ScanColumns {
  /** Columns of a label; none for one that the format does not have. */
  columnsOf(label: string): readonly string[];
  /**
   * Refuses labels that are missing and must not be.
   *
   * @param present - The labels that have a column.
   */
  checkLabels(
    labels: Labels,
    present: Labels,
    missingLabels: MissingLabels,
    header: readonly string[],
    where: DataLocation,
  ): void;
  /** Number of columns per label, whose majority is the label's value; undefined if a label has a single column. */
  readonly voters?: number;
}

/** Possible columns for the scan's name. */
export const NAME_COLUMNS: readonly string[] = ['patient', 'name', 'dirname'];

/** Reads a table with a row per scan. */
export class ScanReader implements LabelTableReader {
  private readonly records: TableRecords<ReturnType<typeof findColumns>>;
  private readonly rows = new Map<string, ScanRow>();

  constructor(
    private readonly wanted: Omit<WantedLabels, 'requireLabels'>,
    private readonly columns: ScanColumns,
  ) {
    this.records = new TableRecords(wanted.file, 'scan', (header, where) =>
      findColumns(header, wanted, columns, where),
    );
  }

  add(record: readonly string[], row: number): void {
    const taken = this.records.take(record, row);
    if (taken === undefined) return;
    const { fields, columns } = taken;
    const patient = fields[columns.name]!;
    const where = { file: this.wanted.file, row, patient };
    checkName('patient', patient, where);
    const key = scanKey(patient);
    const first = this.rows.get(key);
    if (first !== undefined) throw new DataError(`the scan is already in row ${first.row}`, where);
    const sums = columns.labels.map((ofLabel) =>
      ofLabel?.reduce((sum, { name, column }) => sum + labelValue(fields[column]!, name, where), 0),
    );
    const { voters } = this.columns;
    const labels = voters === undefined ? sums : sums.map((sum) => sum && (2 * sum > voters ? 1 : 0));
    this.rows.set(key, {
      patient,
      labels: orIgnored(labels),
      row,
      votes: voters === undefined ? undefined : orIgnored(sums),
    });
  }

  /** The labels, and the rows in the table's order. */
  finish(): TableLabels & { scans: ScanRow[] } {
    this.records.end();
    const scans = [...this.rows.values()];
    return {
      scans,
      names: scans.map(({ patient }) => patient),
      problems: [],
      ofScan: (names) => {
        const found = this.rows.get(names.map(scanKey).find((key) => this.rows.has(key)) ?? '');
        return found && { name: found.patient, row: found.row, labels: found.labels };
      },
    };
  }
}

/**
 * A common key for CQ500's names of a scan: `'CQ500CT0'` for `'CQ500-CT-0'` in its table and for the folder
 * `'CQ500CT0 CQ500CT0'`. Any other name is its own key.
 */
export function scanKey(name: string): string {
  const number = /^CQ500-?CT-?(\d+)(?: CQ500-?CT-?\1)?$/.exec(name)?.[1];
  return number === undefined ? name : `CQ500CT${number}`;
}

/** The column of the name, and the columns of each label that is present. */
function findColumns(
  header: readonly string[],
  { labels, missingLabels }: Pick<WantedLabels, 'labels' | 'missingLabels'>,
  { columnsOf, checkLabels }: ScanColumns,
  where: DataLocation,
) {
  const found = `found ${shortened(header.join(','))}`;
  const names = header.filter((name) => NAME_COLUMNS.includes(name));
  if (names.length !== 1) {
    throw new DataError(`expected one column out of ${NAME_COLUMNS.join(', ')}, ${found}`, where);
  }
  const count = (name: string) => header.filter((other) => other === name).length;
  const present = labels.filter((label) => columnsOf(label).some((name) => count(name) > 0));
  checkLabels(labels, present, missingLabels, header, where);
  const wanted = labels.map((label) =>
    missingLabels === 'throw' || present.includes(label) ? columnsOf(label) : undefined,
  );
  const all = wanted.flatMap((columns) => columns ?? []);
  const missing = all.filter((name) => count(name) === 0);
  if (missing.length > 0) throw new DataError(`missing column ${missing.join(', ')}: ${found}`, where);
  const repeated = all.filter((name) => count(name) > 1);
  if (repeated.length > 0) throw new DataError(`repeated column ${repeated.join(', ')}: ${found}`, where);
  return {
    name: header.indexOf(names[0]!),
    labels: wanted.map((columns) => columns?.map((name) => ({ name, column: header.indexOf(name) }))),
  };
}
