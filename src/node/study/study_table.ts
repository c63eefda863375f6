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

/** Options of everything that finds the labels of a data folder in a table. */
export interface StudyTableOptions<L extends Labels = Labels> {
  /**
   * Labels, in the order they come out: all of the table's or some. For RSNA's table of `RSNA_LABELS`, or their
   * counterparts in `CT_LABELS`; for CQ500's of `CT_LABELS` and `any`.
   * @defaultValue CT_LABELS
   */
  labels?: L;
  /**
   * Whether every slice, or every scan, must have labels; if not, the table may lack them, or be missing altogether.
   * @defaultValue true
   */
  requireLabels?: boolean;
  /**
   * What becomes of labels that the table does not have.
   * @defaultValue 'throw'
   */
  missingLabels?: MissingLabels;
  /**
   * The table's name inside the folder, of any format that labels come in; `false` reads none.
   * @defaultValue the first that is there of `train.csv` (of images: named after their folder), `stage_2_train.csv`,
   * `stage_1_train.csv`, `reads.csv`, `labels.csv`; for DICOM `train.csv` is the last
   */
  table?: string | false;
}

/** A name of something inside the data folder. */
export const INSIDE = rule<string>(
  'a name inside the data folder',
  (value) => typeof value === 'string' && value !== '' && !path.isAbsolute(value),
);

/** How options about labels are checked. */
export const STUDY_TABLE_RULES = {
  ...LABEL_RULES,
  requireLabels: optional(flag, true),
  table: optional(or(false, INSIDE)),
} satisfies Rules<StudyTableOptions>;

/** What is asked of a data folder's table, checked. */
export interface WantedTable {
  labels: Labels;
  requireLabels: boolean;
  missingLabels: MissingLabels;
  table: string | false | undefined;
}

/** Refuses to do without a table where labels are required. */
export function checkTable(fn: string, { requireLabels, table }: WantedTable): void {
  check(!(requireLabels && table === false), `${fn}: table`, 'a table where labels are required', table);
}

/** File names of tables, without that of the challenge, which each kind of folder puts where it belongs. */
export const TABLE_FILES: readonly string[] = LABEL_TABLES.flatMap(({ fileNames }) => fileNames);

/** Names of a stack's slices, and where each is, for messages. */
export interface SliceToLabel {
  /** Its own names, the surest first. */
  names: readonly string[];
  where: DataLocation;
}

/** The table of a data folder, whatever its format, and what of it has been found in the folder. */
export class StudyTable {
  private readonly used = new Set<string>();

  constructor(
    /** Its path, beginning with the folder as the caller named it. */
    readonly file: string,
    private readonly table: TableLabels,
    private readonly requireLabels: boolean,
  ) {}

  /** Every slice with its patient, where the table names both. */
  get rows() {
    return this.table.rows;
  }

  /** Faults of the table that did not stop the reading. */
  get problems(): readonly string[] {
    return this.table.problems;
  }

  /** Slices or scans of the table that were not asked for so far. */
  unused(): string[] {
    return this.table.names.filter((name) => !this.used.has(name));
  }

  /**
   * What the table says of a stack: of each slice, or of the scan as a whole.
   *
   * @param patients - Names of the scan: of its patient, of its folders; the surest first.
   * @throws DataError where labels are required, for the first slice without any.
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
 * Reads the table of a data folder, in any format there is; undefined where none is wanted, or there and needed.
 *
 * @param names - Names that it may have in the folder where `wanted` has none; the first that is there is read.
 * @throws DataError for a table that is missing or in no such format, and for what is wrong with it.
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
