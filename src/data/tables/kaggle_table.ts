import { check } from '../../base/checks';
import { shortened } from '../../base/describe';
import { DataError, type DataLocation } from '../../base/errors';
import { flag, optional, resolveOptions, type Rules } from '../../base/options';
import type { Labels } from '../../base/types';
import { checkMissing, LABEL_RULES, orIgnored, TABLE_NAME, type MissingLabels } from './label_columns';
import type { LabelTable, LabelTableReader, SliceRow, TableLabels, WantedLabels } from './label_table';
import { checkName, sliceOrder, sliceStem } from './slice_names';
import { labelValue, TableRecords } from './table_records';

/**
 * Options of {@link parseKaggleTable}.
 *
 * @inline
 */
export interface KaggleTableOptions {
  /**
   * Label columns, all or some of the table's, in output order.
   * @defaultValue CT_LABELS
   */
  labels?: Labels;
  /**
   * Whether a table without label columns is refused.
   * @defaultValue true
   */
  requireLabels?: boolean;
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

const RULES = {
  ...LABEL_RULES,
  requireLabels: optional(flag, true),
  file: TABLE_NAME,
} satisfies Rules<KaggleTableOptions>;

/**
 * Reads the challenge's table, `dirname,ID,<labels>` in any column order, from records already split into fields.
 *
 * Spaces around a field, empty records and columns of labels that were not requested are ignored. Refused are missing
 * and repeated columns, columns of anything but labels, labels other than 0 and 1, repeated slices, and names that could
 * lead out of the patient's folder.
 *
 * @param records - The fields of every record, header first; record `i` is row `i + 1` in messages.
 * @returns The slices in the table's order.
 * @throws DataError that describes the problem, with the file, row, patient and slice.
 * @example
 * ```ts
 * parseKaggleTable([['dirname', 'ID', 'ich', 'ivh', 'sah', 'sdh', 'edh'], ['ID_049', '049_0.jpg', '0', '0', '1', '0', '0']]);
 * // [{ patient: 'ID_049', slice: '049_0.jpg', row: 2, labels: [0, 0, 1, 0, 0] }]
 * ```
 */
export function parseKaggleTable(
  records: readonly (readonly string[])[],
  options: KaggleTableOptions = {},
): SliceRow[] {
  const wanted = resolveOptions('parseKaggleTable', options, RULES);
  check(Array.isArray(records as unknown), 'parseKaggleTable: records', 'a list of records', records);
  const reader = new KaggleReader(wanted);
  records.forEach((record, i) => reader.add(record, i + 1));
  const { rows } = reader.finish();
  for (const { patient, slice, row } of rows) sliceOrder(slice, { file: wanted.file, row, patient, slice });
  return rows;
}

/** The challenge's table: a slice is found by the names of its folder and its file. */
export const KAGGLE_TABLE: LabelTable = {
  name: 'challenge',
  header: 'dirname,ID,<labels>',
  fileNames: [], // its name is that of the folder of images, e.g. `train.csv`
  matches: (header) => header.includes('dirname') && header.includes('ID'),
  reader: (wanted) => new KaggleReader(wanted),
};

class KaggleReader implements LabelTableReader {
  private readonly records: TableRecords<ReturnType<typeof findColumns>>;
  private readonly rows = new Map<string, SliceRow>();

  constructor(private readonly wanted: WantedLabels) {
    this.records = new TableRecords(wanted.file, 'slice', (header, where) =>
      findColumns(header, wanted, where),
    );
  }

  add(record: readonly string[], row: number): void {
    const taken = this.records.take(record, row);
    if (taken === undefined) return;
    const { fields, columns } = taken;
    const patient = fields[columns.patient]!;
    const slice = fields[columns.slice]!;
    const where = { file: this.wanted.file, row, patient, slice };
    checkName('patient', patient, where);
    checkName('slice', slice, where);
    const key = keyOf(patient, slice);
    const first = this.rows.get(key);
    if (first !== undefined) throw new DataError(`the slice is already in row ${first.row}`, where);
    const values = columns.values.map(({ name, column }) => labelValue(fields[column]!, name, where));
    const labels = columns.labels?.map((place) => values[place]);
    this.rows.set(key, { patient, slice, row, ...(labels && { labels: orIgnored(labels) }) });
  }

  finish(): TableLabels & { rows: SliceRow[] } {
    this.records.end();
    const rows = [...this.rows.values()];
    const nameOf = ({ patient, slice }: SliceRow) => `${patient}/${slice}`;
    return {
      names: rows.map(nameOf),
      problems: [],
      rows,
      ofSlice: ({ patients, slices }) => {
        const keys = patients.flatMap((patient) => slices.map((slice) => keyOf(patient, slice)));
        const found = this.rows.get(keys.find((key) => this.rows.has(key)) ?? '');
        return found && { name: nameOf(found), row: found.row, labels: found.labels };
      },
    };
  }
}

const keyOf = (patient: string, slice: string) => JSON.stringify([patient, sliceStem(slice)]);

/**
 * The rows of each patient, ordered by {@link sliceOrder}; patients in order of first appearance.
 *
 * @throws DataError if two slices of a patient have the same number, so that their order is not known.
 */
export function groupByPatient(rows: readonly SliceRow[], file?: string): Map<string, SliceRow[]> {
  const patients = new Map<string, SliceRow[]>();
  for (const row of rows) {
    const slices = patients.get(row.patient);
    if (slices === undefined) patients.set(row.patient, [row]);
    else slices.push(row);
  }
  for (const [patient, slices] of patients) {
    for (const { slice, row } of slices)
      sliceOrder(slice, { file, row: row > 0 ? row : undefined, patient, slice });
    slices.sort((a, b) => sliceOrder(a.slice) - sliceOrder(b.slice));
    slices.forEach((row, i) => {
      const before = slices[i - 1];
      if (before !== undefined && sliceOrder(before.slice) === sliceOrder(row.slice)) {
        throw new DataError(`the slice has the same number as ${before.slice}, so their order is not known`, {
          file,
          row: row.row > 0 ? row.row : undefined,
          patient,
          slice: row.slice,
        });
      }
    });
  }
  return patients;
}

/** The columns of the names, those of zeros and ones, and for each label its place among these, if there are any. */
function findColumns(
  header: readonly string[],
  { labels, requireLabels, missingLabels }: WantedLabels,
  where: DataLocation,
) {
  const list = (names: readonly string[]) => shortened(names.map((name) => JSON.stringify(name)).join(', '));
  const found = `found ${shortened(header.join(','))}`;
  const seen = new Set<string>();
  const repeated = header.filter((name) => seen.size === seen.add(name).size);
  if (repeated.length > 0) throw new DataError(`repeated column ${list(repeated)}: ${found}`, where);
  const expected = `expected ${['dirname', 'ID', ...labels].join(',')}, ${found}`;
  const missing = ['dirname', 'ID'].filter((name) => !header.includes(name));
  if (missing.length > 0) throw new DataError(`missing column ${list(missing)}: ${expected}`, where);
  // a table with any other column has labels
  const labelled = requireLabels || header.length > 2;
  if (labelled) checkMissing(labels, header, missingLabels, expected, where);
  const values = header
    .map((name, column) => ({ name, column }))
    .filter(({ name }) => name !== 'dirname' && name !== 'ID');
  return {
    patient: header.indexOf('dirname'),
    slice: header.indexOf('ID'),
    values,
    labels: labelled ? labels.map((label) => values.findIndex(({ name }) => name === label)) : undefined,
  };
}
