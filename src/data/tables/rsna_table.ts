import { describe, shortened } from '../../base/describe';
import { DataError, type DataLocation } from '../../base/errors';
import { nearestName } from '../../base/nearest_name';
import { anything, oneOf, optional, resolveOptions, type Rules } from '../../base/options';
import { IGNORED_LABEL, type Labels } from '../../base/types';
import { LABEL_RULES, TABLE_NAME, type MissingLabels } from './label_columns';
import type { LabelTable, TableLabels } from './label_table';
import { CT_LABELS } from '../labels/labels';
import { RSNA_LABELS, rsnaPlaces, type RsnaLabel } from '../labels/rsna_labels';
import { checkName, sliceStem } from './slice_names';
import { checkFieldCount, labelValue } from './table_records';

/**
 * Options of {@link RsnaTableReader}.
 *
 * @inline
 */
export interface RsnaTableOptions {
  /**
   * Labels to return, in order: names of {@link RSNA_LABELS}, or their counterparts in {@link CT_LABELS}.
   * @defaultValue RSNA_LABELS
   */
  labels?: Labels;
  /**
   * How to treat a slice whose `any` is not the largest of its five hemorrhages: list it, or refuse the table.
   * @defaultValue 'report'
   */
  onInconsistentAny?: 'report' | 'throw';
  /**
   * How to treat labels for which no slice has a row, and names that RSNA does not have. A slice without a row that
   * others have is always refused.
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
  labels: optional(anything, RSNA_LABELS as Labels), // checked by `placesOf`, since some may be missing
  onInconsistentAny: optional(oneOf(['report', 'throw']), 'report'),
  missingLabels: LABEL_RULES.missingLabels,
  file: TABLE_NAME,
} satisfies Rules<RsnaTableOptions>;

/**
 * A row that repeats another one, with the same label.
 *
 * @inline
 */
export interface RsnaDuplicate {
  slice: string;
  label: RsnaLabel;
  /** The first of the two rows, where the header is row 1. */
  firstRow: number;
  /** Row that repeats it. */
  row: number;
}

/**
 * Content of RSNA's table, see {@link RsnaTableReader}.
 *
 * @inline
 */
export interface RsnaTable {
  /** Labels, in the order of the vectors in `slices`. */
  labels: Labels;
  /**
   * 0 or 1 for each label (-1 if the table may lack it and does) of each slice (`'ID_000012eaf'`), in order of first
   * appearance. Equal vectors are one object.
   */
  slices: ReadonlyMap<string, readonly number[]>;
  /** Rows that repeat an earlier one; the challenge's own `stage_2_train.csv` has some. */
  duplicates: RsnaDuplicate[];
  /** Slices whose `any` is not the largest of the five hemorrhages. */
  inconsistent: string[];
}

/**
 * Reads the long table of the RSNA 2019 challenge, `ID,Label` with a row `ID_<slice>_<label>` for every slice and
 * label, record by record: the table has 4.5 million rows, of which only number and label are kept.
 *
 * The rows of a slice need not be adjacent. Spaces around a field and empty records are ignored. A repeated row with an
 * equal label is accepted and listed; one with another label is refused.
 *
 * @throws ArgumentError for options out of range; DataError, from `add` or `finish`, with the file, row and slice.
 * @example
 * ```ts
 * const reader = new RsnaTableReader({ labels: CT_LABELS });
 * reader.add(['ID', 'Label'], 1);
 * reader.add(['ID_12cadc6af_epidural', '0'], 2); // ... and so on
 * const { slices } = reader.finish();
 * slices.get('ID_12cadc6af'); // [0, 0, 0, 0, 0]
 * ```
 * @see Flanders et al., "Construction of a Machine Learning Dataset through Collaboration: The RSNA 2019 Brain CT
 * Hemorrhage Challenge", Radiology: Artificial Intelligence 2020.
 */
export class RsnaTableReader {
  private readonly labels: Labels;
  private readonly places: number[];
  private readonly onInconsistentAny: 'report' | 'throw';
  private readonly missingLabels: MissingLabels;
  private readonly file: string;
  private columns: { id: number; label: number } | undefined;
  /** Number of each slice, in order of first appearance. */
  private readonly numbers = new Map<string, number>();
  /** For slice n and label l, at `6 n + l`: twice the row, plus the label; 0 for a row not yet seen. */
  private entries = new Float64Array(1024 * RSNA_LABELS.length);
  private readonly duplicates: RsnaDuplicate[] = [];

  constructor(options: RsnaTableOptions = {}) {
    const resolved = resolveOptions('RsnaTableReader', options, RULES);
    const { labels, onInconsistentAny, missingLabels, file } = resolved;
    this.places = placesOf(labels, missingLabels);
    this.labels = [...labels];
    this.onInconsistentAny = onInconsistentAny;
    this.missingLabels = missingLabels;
    this.file = file;
  }

  /**
   * Takes the next record, the header first.
   *
   * @param record - Its fields.
   * @param row - Its row in the table, where the header is row 1, for messages.
   */
  add(record: readonly string[], row: number): void {
    if (record.length === 0 || (record.length === 1 && record[0]!.trim() === '')) return;
    const where = { file: this.file, row };
    if (this.columns === undefined) {
      this.columns = findColumns(record, where);
      return;
    }
    checkFieldCount(record.length, 2, where);
    const { slice, place } = splitId(record[this.columns.id]!.trim(), where);
    const text = record[this.columns.label]!.trim();
    this.keep(slice, place, labelValue(text, RSNA_LABELS[place]!, { ...where, slice }), row);
  }

  /**
   * The labels of all records.
   *
   * @throws DataError for a table without slices, a slice without a label, or with `onInconsistentAny: 'throw'` one with
   * an inconsistent `any`.
   */
  finish(): RsnaTable {
    const { file, labels, duplicates } = this;
    if (this.columns === undefined) throw new DataError('the table is empty: expected a header', { file });
    if (this.numbers.size === 0) throw new DataError('the table has a header but no slice', { file });
    const vectors = new Map<string, readonly number[]>();
    const slices = new Map<string, readonly number[]>();
    const inconsistent: string[] = [];
    const absent = this.absentPlaces();
    for (const [slice, number] of this.numbers) {
      const bits = this.labelsOf(slice, number, absent);
      const any = bits.at(-1)!;
      const largest = Math.max(...bits.slice(0, -1));
      if (absent.size === 0 && any !== largest) {
        if (this.onInconsistentAny === 'throw') {
          const message = `label any is ${any}, the largest of the five hemorrhages is ${largest}`;
          throw new DataError(message, { file, slice });
        }
        inconsistent.push(slice);
      }
      const vector = this.places.map((place) => bits[place] ?? IGNORED_LABEL);
      const key = vector.join();
      const known = vectors.get(key) ?? vector;
      vectors.set(key, known);
      slices.set(slice, known);
    }
    return { labels, slices, duplicates, inconsistent };
  }

  private keep(slice: string, place: number, label: number, row: number): void {
    let number = this.numbers.get(slice);
    if (number === undefined) {
      number = this.numbers.size;
      this.numbers.set(slice, number);
      this.makeRoom();
    }
    const at = number * RSNA_LABELS.length + place;
    const known = this.entries[at]!;
    if (known === 0) {
      this.entries[at] = 2 * row + label;
      return;
    }
    const firstRow = Math.floor(known / 2);
    if (known % 2 !== label) {
      const message = `label ${RSNA_LABELS[place]} is ${label}, but ${known % 2} in row ${firstRow}`;
      throw new DataError(message, { file: this.file, row, slice });
    }
    this.duplicates.push({ slice, label: RSNA_LABELS[place]!, firstRow, row });
  }

  /** Labels for which no slice has a row, if they may be missing. */
  private absentPlaces(): ReadonlySet<number> {
    if (this.missingLabels === 'throw') return new Set();
    const entries = this.entries.subarray(0, this.numbers.size * RSNA_LABELS.length);
    const present = new Set<number>();
    entries.forEach((entry, at) => {
      if (entry !== 0) present.add(at % RSNA_LABELS.length);
    });
    if (!this.places.some((place) => present.has(place))) {
      throw new DataError(`no slice has a row for any of ${this.labels.join(', ')}`, { file: this.file });
    }
    return new Set(RSNA_LABELS.map((_, place) => place).filter((place) => !present.has(place)));
  }

  /** All six labels of a slice, in the order of RSNA_LABELS; -1 for those that are absent. */
  private labelsOf(slice: string, number: number, absent: ReadonlySet<number>): number[] {
    const entries = RSNA_LABELS.map((_, place) => this.entries[number * RSNA_LABELS.length + place]!);
    const missing = RSNA_LABELS.filter((_, place) => entries[place] === 0 && !absent.has(place));
    if (missing.length > 0) {
      throw new DataError(`the slice has no row for ${missing.join(', ')}`, { file: this.file, slice });
    }
    return entries.map((entry) => (entry === 0 ? IGNORED_LABEL : entry % 2));
  }

  private makeRoom(): void {
    const needed = this.numbers.size * RSNA_LABELS.length;
    if (needed <= this.entries.length) return;
    const larger = new Float64Array(2 * this.entries.length);
    larger.set(this.entries);
    this.entries = larger;
  }
}

/**
 * The long table of RSNA: a slice is found by its SOPInstanceUID or its file's name, with or without a leading `ID_`.
 */
export const RSNA_TABLE: LabelTable = {
  name: 'RSNA 2019',
  header: 'ID,Label',
  fileNames: ['stage_2_train.csv', 'stage_1_train.csv'],
  matches: (header) => header.includes('ID') && header.includes('Label'),
  reader: ({ labels, missingLabels, file }) => {
    const reader = new RsnaTableReader({ labels, missingLabels, file });
    return { add: (record, row) => reader.add(record, row), finish: () => tableLabels(reader.finish()) };
  },
};

function tableLabels({ slices, duplicates, inconsistent }: RsnaTable): TableLabels {
  return {
    names: [...slices.keys()],
    problems: [
      ...duplicates.map(
        ({ slice, label, firstRow, row }) => `row ${row}: repeats row ${firstRow}, ${slice} ${label}`,
      ),
      ...inconsistent.map((slice) => `slice ${slice}: any is not the largest of the five`),
    ],
    ofSlice: (names) => {
      const stems = names.slices.map(sliceStem);
      const name = stems.flatMap((stem) => [stem, `ID_${stem}`]).find((one) => slices.has(one));
      return name === undefined ? undefined : { name, labels: slices.get(name) };
    },
  };
}

/** Place of each label in RSNA_LABELS; -1 for a label that RSNA does not have and that may be missing. */
function placesOf(labels: Labels, missingLabels: MissingLabels): number[] {
  const what = 'RsnaTableReader: labels';
  if (missingLabels === 'throw' || !Array.isArray(labels as unknown)) return rsnaPlaces(what, labels);
  // a name similar to one of RSNA's is refused as misspelt
  const own = labels.filter((label) => nearestName(label, [...RSNA_LABELS, ...CT_LABELS]) !== undefined);
  const places = rsnaPlaces(what, own.length > 0 ? own : labels);
  return labels.map((label) => places[own.indexOf(label)] ?? -1);
}

/** The slice's name, before the last underscore, and the label's place in RSNA_LABELS. */
function splitId(id: string, where: DataLocation): { slice: string; place: number } {
  const end = id.lastIndexOf('_');
  const slice = id.slice(0, Math.max(end, 0));
  const place = RSNA_LABELS.indexOf(id.slice(end + 1) as RsnaLabel);
  if (!/^ID_./.test(slice) || place < 0) {
    const expected = `expected ID_<slice>_<label> with a label of ${RSNA_LABELS.join(', ')}`;
    throw new DataError(`${expected}, found ${describe(id)}`, where);
  }
  checkName('slice', slice, where);
  return { slice, place };
}

function findColumns(record: readonly string[], where: DataLocation): { id: number; label: number } {
  const header = record.map((field) => field.trim());
  const columns = { id: header.indexOf('ID'), label: header.indexOf('Label') };
  if (header.length !== 2 || columns.id < 0 || columns.label < 0) {
    throw new DataError(`expected the header ID,Label, found ${shortened(header.join(','))}`, where);
  }
  return columns;
}
