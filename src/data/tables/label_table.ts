import type { Labels } from '../../base/types';
import type { MissingLabels } from './label_columns';

/** A format that labels come in. One file of this room implements one; `label_tables.ts` lists them. */
export interface LabelTable {
  /** What the format is called, for messages. */
  readonly name: string;
  /** How its header looks, for messages: `'ID,Label'`. */
  readonly header: string;
  /** Names that its file usually has; a data folder is searched for them. */
  readonly fileNames: readonly string[];
  /** Whether a header, its fields trimmed, is one of this format. */
  matches(header: readonly string[]): boolean;
  /**
   * Starts to read a table.
   *
   * @throws ArgumentError for labels that such a table cannot have.
   */
  reader(wanted: WantedLabels): LabelTableReader;
}

/** What is asked of a table. */
export interface WantedLabels {
  /** Labels, in the order they come out. */
  labels: Labels;
  /** What becomes of labels that the table does not have. */
  missingLabels: MissingLabels;
  /** Whether a table that only names slices, and has no label at all, is refused. */
  requireLabels: boolean;
  /** Name of the table in error messages. */
  file: string;
}

/** Takes a table record by record, so that none need be held whole. */
export interface LabelTableReader {
  /**
   * Takes the next record, the header first.
   *
   * @param row - Its row in the table, the header being row 1.
   * @throws DataError with file, row, patient and slice.
   */
  add(record: readonly string[], row: number): void;
  /** What the records came to. */
  finish(): TableLabels;
}

/** The labels of a table, found by whatever names a folder has for its slices and scans. */
export interface TableLabels {
  /** Every slice or scan in the table, as it names them. */
  readonly names: readonly string[];
  /** Faults of the table that did not stop the reading. */
  readonly problems: readonly string[];
  /** Labels of a slice; a format that only knows scans has no such method. */
  ofSlice?(names: SliceNames): TableEntry | undefined;
  /**
   * Labels of a scan as a whole, by the names of its patient and folders; a format that only knows slices has no such
   * method.
   */
  ofScan?(names: readonly string[]): TableEntry | undefined;
  /** Every slice with its patient, where the table names both: it then says what a folder of images holds. */
  readonly rows?: readonly SliceRow[];
}

/** Names that a slice may have in a table, the surest first. */
export interface SliceNames {
  /** Of its patient: PatientID, folders. */
  patients: readonly string[];
  /** Of itself: SOPInstanceUID, file name. */
  slices: readonly string[];
}

/** What a table says of a slice or a scan. */
export interface TableEntry {
  /** The slice or scan, as in {@link TableLabels.names}. */
  name: string;
  /** Row in the table, the header being row 1; missing where an entry has several. */
  row?: number | undefined;
  /** 0 or 1 for each label, or -1 where the table lacks it and may; missing where the table has no labels. */
  labels?: readonly number[] | undefined;
}

/**
 * One slice of the challenge's table.
 *
 * @inline
 */
export interface SliceRow {
  /** Patient: the folder's name, column `dirname`. */
  patient: string;
  /** Slice: the file's name as the table writes it, column `ID`; the ending may be missing. */
  slice: string;
  /** Row in the table, the header being row 1. */
  row: number;
  /** 0 or 1 for each label, or -1 where the table lacks it and may; missing when the table has no label columns. */
  labels?: number[];
}
