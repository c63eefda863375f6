import type { Labels } from '../../base/types';
import type { MissingLabels } from './label_columns';

/** A format of label tables. Each is implemented in a file of this folder, and listed in `label_tables.ts`. */
export interface LabelTable {
  /** Name of the format, for messages. */
  readonly name: string;
  /** Its header, for messages: `'ID,Label'`. */
  readonly header: string;
  /** Usual names of its file, which are searched for in a data folder. */
  readonly fileNames: readonly string[];
  /** Whether a header, with trimmed fields, belongs to this format. */
  matches(header: readonly string[]): boolean;
  /**
   * Starts to read a table.
   *
   * @throws ArgumentError for labels that such a table cannot have.
   */
  reader(wanted: WantedLabels): LabelTableReader;
}

/** The labels requested from a table. */
export interface WantedLabels {
  /** Labels, in output order. */
  labels: Labels;
  /** How to treat labels that the table does not have. */
  missingLabels: MissingLabels;
  /** Whether to refuse a table that only names slices, without any label. */
  requireLabels: boolean;
  /** Name of the table in error messages. */
  file: string;
}

/** Reads a table record by record, so that it need not be in memory as a whole. */
export interface LabelTableReader {
  /**
   * Takes the next record, the header first.
   *
   * @param row - Its row in the table, where the header is row 1.
   * @throws DataError with file, row, patient and slice.
   */
  add(record: readonly string[], row: number): void;
  /** The labels of all records. */
  finish(): TableLabels;
}

/** The labels of a table, to be found by the names that slices and scans have in a folder. */
export interface TableLabels {
  /** Every slice or scan, as named in the table. */
  readonly names: readonly string[];
  /** Problems of the table that did not stop the reading. */
  readonly problems: readonly string[];
  /** Labels of a slice; missing in a format with scans only. */
  ofSlice?(names: SliceNames): TableEntry | undefined;
  /** Labels of a whole scan, by the names of its patient and folders; missing in a format with slices only. */
  ofScan?(names: readonly string[]): TableEntry | undefined;
  /** Every slice with its patient, if the table names both, and so lists the contents of a folder of images. */
  readonly rows?: readonly SliceRow[];
}

/** Possible names of a slice in a table, the most reliable first. */
export interface SliceNames {
  /** Of the patient: PatientID, folders. */
  patients: readonly string[];
  /** Of the slice: SOPInstanceUID, file name. */
  slices: readonly string[];
}

/** The entry of a slice or a scan. */
export interface TableEntry {
  /** The slice or scan, as in {@link TableLabels.names}. */
  name: string;
  /** Row in the table, where the header is row 1; missing if there are several. */
  row?: number | undefined;
  /** 0 or 1 for each label, or -1 if the table may lack it and does; missing if the table has no labels. */
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
  /** Slice: the file's name as in column `ID`, possibly without extension. */
  slice: string;
  /** Row in the table, where the header is row 1. */
  row: number;
  /** 0 or 1 for each label, or -1 if the table may lack it and does; missing if the table has no label columns. */
  labels?: number[];
}
