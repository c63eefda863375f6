import path from 'node:path';
import { check } from '../../base/checks';
import { DataError, type DataLocation } from '../../base/errors';
import { flag, optional, or, rule, type Rules } from '../../base/options';
import type { Labels } from '../../base/types';
import { LABEL_RULES, type MissingLabels } from '../../data/tables/label_columns';
import type { LabelTableReader, TableEntry, TableLabels } from '../../data/tables/label_table';
import { LABEL_TABLES, labelTableOf } from '../../data/tables/label_tables';
import { eachCsvRecord } from '../files/csv_file';
import { inside, type Root } from './data_root';

/** Options for labels in a table of a data folder. */
export interface StudyTableOptions<L extends Labels = Labels> {
  /**
   * Labels in output order: all or some of those in the table. For RSNA's table from `RSNA_LABELS`, or their
   * counterparts in `CT_LABELS`; for CQ500's from `CT_LABELS` and `any`.
   * @defaultValue CT_LABELS
   */
  labels?: L;
  /**
   * Whether every slice, or every scan, must have labels; if not, the table may lack them, or be missing altogether.
   * @defaultValue true
   */
  requireLabels?: boolean;
  /**
   * How to treat labels that the table does not have.
   * @defaultValue 'throw'
   */
  missingLabels?: MissingLabels;
  /**
   * The table's name inside the folder, in any supported format; `false` reads none.
   * @defaultValue the first one present of `train.csv` (for images, named after their folder), `stage_2_train.csv`,
   * `stage_1_train.csv`, `reads.csv`, `labels.csv`; for DICOM `train.csv` is the last
   */
  table?: string | false;
}

/** A relative path inside the data folder. */
export const INSIDE = rule<string>(
  'a name inside the data folder',
  (value) => typeof value === 'string' && value !== '' && !path.isAbsolute(value),
);

/** Rules of {@link StudyTableOptions}. */
export const STUDY_TABLE_RULES = {
  ...LABEL_RULES,
  requireLabels: optional(flag, true),
  table: optional(or(false, INSIDE)),
} satisfies Rules<StudyTableOptions>;

/** Resolved {@link StudyTableOptions}. */
export interface WantedTable {
  labels: Labels;
  requireLabels: boolean;
  missingLabels: MissingLabels;
  table: string | false | undefined;
}

/** Requires a table if labels are required. */
export function checkTable(fn: string, { requireLabels, table }: WantedTable): void {
  check(!(requireLabels && table === false), `${fn}: table`, 'a table, since labels are required', table);
}

/** File names of tables, except that of the challenge, whose priority depends on the kind of folder. */
export const TABLE_FILES: readonly string[] = LABEL_TABLES.flatMap(({ fileNames }) => fileNames);

/** A slice to be found in a table. */
export interface SliceToLabel {
  /** Its names, the most reliable first. */
  names: readonly string[];
  where: DataLocation;
}

/** The table of a data folder in any format, and which of its entries have been found in the folder. */
export class StudyTable {
  private readonly used = new Set<string>();

  constructor(
    /** Its path, beginning with the folder as given by the caller. */
    readonly file: string,
    private readonly table: TableLabels,
    private readonly requireLabels: boolean,
  ) {}

  /** Every slice with its patient, if the table lists both. */
  get rows() {
    return this.table.rows;
  }

  /** Problems of the table that did not stop the reading. */
  get problems(): readonly string[] {
    return this.table.problems;
  }

  /** Slices or scans of the table that have not been requested so far. */
  unused(): string[] {
    return this.table.names.filter((name) => !this.used.has(name));
  }

  /**
   * Labels of a stack: of each slice, or of the whole scan.
   *
   * @param patients - Names of the scan, from its patient and folders, the most reliable first.
   * @throws DataError for the first slice without labels, if they are required.
   */
  labelsOf(
    patients: readonly string[],
    slices: readonly SliceToLabel[],
  ): { ofScan: TableEntry | undefined; ofSlices: (TableEntry | undefined)[] } {
    const ofScan = this.find(this.table.ofScan?.(patients));
    const ofSlices = slices.map(({ names, where }) => {
      const entry = this.find(this.table.ofSlice?.({ patients, slices: names }));
      if (this.requireLabels && entry?.labels === undefined && ofScan?.labels === undefined) {
        throw new DataError(`neither slice nor scan has labels in ${this.file}`, where);
      }
      return entry;
    });
    return { ofScan, ofSlices };
  }

  private find(entry: TableEntry | undefined): TableEntry | undefined {
    if (entry !== undefined) this.used.add(entry.name);
    return entry;
  }
}

/**
 * Reads the table of a data folder in any supported format; undefined if none is requested, or none is present and none
 * required.
 *
 * @param names - Possible names of the table if `wanted` has none; the first one present is read.
 * @throws DataError for a table that is missing, of an unknown format, or invalid.
 */
export async function readStudyTable(
  root: Root,
  names: readonly string[],
  wanted: WantedTable,
): Promise<StudyTable | undefined> {
  const { table, requireLabels } = wanted;
  if (table === false) return undefined;
  const candidates = table === undefined ? [...new Set(names)] : [table];
  for (const name of candidates) {
    const file = path.join(root.name, name);
    const real = await inside(root, name, { file });
    if (real === undefined) continue;
    return new StudyTable(file, await readTable(real, { ...wanted, file }), requireLabels);
  }
  if (table === undefined && !requireLabels) return undefined;
  throw new DataError(`the table is missing: ${candidates.join(' or ')}`, { file: root.name });
}

async function readTable(real: string, wanted: WantedTable & { file: string }): Promise<TableLabels> {
  const { file } = wanted;
  let reader: LabelTableReader | undefined;
  const add = (fields: readonly string[], row: number) => {
    if (fields.every((field) => field.trim() === '')) return;
    reader ??= labelTableOf(fields, { file, row }).reader(wanted);
    reader.add(fields, row);
  };
  await eachCsvRecord(real, add, file);
  if (reader === undefined) throw new DataError('the table is empty: expected a header', { file });
  return reader.finish();
}
