import {
  check,
  checkKnownKeys,
  checkOneOf,
  DataError,
  describe,
  hasControl,
  shortened,
  type DataLocation,
} from '../../base/errors';
import type { Labels } from '../../base/types';
import { CT_LABELS } from '../labels/labels';
import { checkMissing, MISSING_LABELS, orIgnored, type MissingLabels } from './label_columns';
import { checkFieldCount, headerAndBody, labelValue } from './table_records';

/**
 * Options of {@link parseKaggleTable}.
 *
 * @inline
 */
export interface KaggleTableOptions {
  /**
   * Label columns, all of the table's or some, in the order the labels come out.
   * @defaultValue CT_LABELS
   */
  labels?: Labels;
  /**
   * Whether a table without label columns is refused.
   * @defaultValue true
   */
  requireLabels?: boolean;
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
 * One slice of the challenge's table.
 *
 * @inline
 */
export interface KaggleRow {
  /** Patient: the folder's name, column `dirname`. */
  patient: string;
  /** Slice: the file's name as the table writes it, column `ID`; the ending may be missing. */
  slice: string;
  /** Row in the table, the header being row 1. */
  row: number;
  /** 0 or 1 for each label, or -1 where the table lacks it and may; missing when the table has no label columns. */
  labels?: number[];
}

/**
 * Reads the challenge's table, `dirname,ID,<labels>` in any column order, from records already split into fields.
 *
 * Spaces around a field, empty records and columns of labels that are not asked for are ignored; everything else must be right: no
 * missing or repeated column, labels 0 or 1, no column of anything else, no slice twice, no name that could leave the patient's
 * folder.
 *
 * @param records - The fields of every record, header first; record `i` is row `i + 1` in messages.
 * @returns The slices in the table's order.
 * @throws DataError that says what is wrong, with the file, row, patient and slice.
 * @example
 * ```ts
 * parseKaggleTable([['dirname', 'ID', 'ich', 'ivh', 'sah', 'sdh', 'edh'], ['ID_049', '049_0.jpg', '0', '0', '1', '0', '0']]);
 * // [{ patient: 'ID_049', slice: '049_0.jpg', row: 2, labels: [0, 0, 1, 0, 0] }]
 * ```
 */
export function parseKaggleTable(
  records: readonly (readonly string[])[],
  options: KaggleTableOptions = {},
): KaggleRow[] {
  checkKnownKeys(options, ['labels', 'requireLabels', 'missingLabels', 'file'], 'parseKaggleTable');
  const { labels = CT_LABELS, requireLabels = true, missingLabels = 'throw', file = 'table' } = options;
  check(Array.isArray(records as unknown), 'parseKaggleTable: records', 'a list of records', records);
  checkLabelNames('parseKaggleTable: labels', labels);
  checkOneOf(missingLabels, MISSING_LABELS, 'parseKaggleTable: missingLabels');
  const { header, body } = headerAndBody(records, file);
  const place = { file, row: header.row };
  const columns = findColumns(header.fields, labels, { requireLabels, missingLabels }, place);
  if (body.length === 0) throw new DataError('the table has a header but no slice', { file });

  const seen = new Map<string, number>();
  return body.map(({ row, fields }) => {
    checkFieldCount(fields.length, header.fields.length, { file, row });
    const patient = fields[columns.patient]!;
    const slice = fields[columns.slice]!;
    const where = { file, row, patient, slice };
    checkName('patient', patient, where);
    checkName('slice', slice, where);
    sliceOrder(slice, where);
    const key = JSON.stringify([patient, sliceStem(slice)]);
    const first = seen.get(key);
    if (first !== undefined) throw new DataError(`the slice is already in row ${first}`, where);
    seen.set(key, row);
    if (columns.labels === undefined) return { patient, slice, row };
    const values = header.fields.map((name, column) =>
      name === 'dirname' || name === 'ID' ? undefined : labelValue(fields[column]!, name, where),
    );
    return { patient, slice, row, labels: orIgnored(columns.labels.map((column) => values[column])) };
  });
}

/**
 * The rows of each patient, its slices in {@link sliceOrder}; patients in order of first appearance.
 *
 * @throws DataError when two slices of a patient have the same number, so that their order is not known.
 * @example
 * ```ts
 * const records = [['dirname', 'ID', 'ich'], ['1', '1_1.png', '0'], ['1', '1_0.png', '1']];
 * const rows = parseKaggleTable(records, { labels: ['ich'] });
 * groupByPatient(rows).get('1')?.map(({ slice }) => slice); // ['1_0.png', '1_1.png']
 * ```
 */
export function groupByPatient(rows: readonly KaggleRow[], file?: string): Map<string, KaggleRow[]> {
  const patients = new Map<string, KaggleRow[]>();
  for (const row of rows) {
    const slices = patients.get(row.patient);
    if (slices === undefined) patients.set(row.patient, [row]);
    else slices.push(row);
  }
  for (const [patient, slices] of patients) {
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

/**
 * Place of a slice in its patient: the number after the last underscore, before the ending
 * (`'049_10.jpg'` is 10, and comes after `'049_9.jpg'`).
 *
 * @throws DataError when the name has no such number.
 * @example
 * ```ts
 * sliceOrder('049_10.jpg'); // 10
 * ```
 */
export function sliceOrder(name: string, where: DataLocation = { slice: name }): number {
  const digits = /_(\d{1,15})$/.exec(sliceStem(name))?.[1];
  if (digits === undefined) {
    throw new DataError('the slice name has no number after its last underscore, as in 049_10.jpg', where);
  }
  return Number(digits);
}

/**
 * A slice's file name without its ending: `'049_0.jpg'` is `'049_0'`.
 *
 * @example
 * ```ts
 * sliceStem('049_10.jpg'); // '049_10'
 * ```
 */
export function sliceStem(name: string): string {
  return name.replace(/\.[a-z][a-z0-9]{0,4}$/i, '');
}

/** Throws a DataError unless `name` is the plain name of a file or folder, which cannot lead elsewhere. */
export function checkName(what: 'study' | 'patient' | 'slice', name: string, where: DataLocation): void {
  if (name === '') throw new DataError(`the ${what} name is empty`, where);
  if (hasControl(name)) {
    throw new DataError(
      `the ${what} name ${describe(name)} has a line end or another control character, expected a plain name`,
      where,
    );
  }
  if (name === '.' || name === '..' || /[/\\]|^[A-Za-z]:/.test(name)) {
    throw new DataError(`the ${what} name ${describe(name)} is a path, expected a plain name`, where);
  }
}

/** Throws unless `labels` can be the label columns of a table. */
export function checkLabelNames(what: string, labels: Labels): void {
  const rule =
    'a list of distinct, non-empty label names without control characters, other than dirname and ID';
  check(Array.isArray(labels as unknown) && labels.length > 0, what, rule, labels);
  check(
    labels.every(
      (l) =>
        typeof l === 'string' &&
        l.trim() === l &&
        l !== '' &&
        !hasControl(l) &&
        l !== 'dirname' &&
        l !== 'ID',
    ) && new Set(labels).size === labels.length,
    what,
    rule,
    labels,
  );
}

function findColumns(
  header: readonly string[],
  labels: Labels,
  { requireLabels, missingLabels }: { requireLabels: boolean; missingLabels: MissingLabels },
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
  // a table with any other column is one of labels
  const labelled = requireLabels || header.length > 2;
  if (labelled) checkMissing(labels, header, missingLabels, expected, where);
  return {
    patient: header.indexOf('dirname'),
    slice: header.indexOf('ID'),
    labels: labelled ? labels.map((label) => header.indexOf(label)) : undefined,
  };
}
