import { check } from '../../base/checks';
import { hasControl, shortened } from '../../base/describe';
import { DataError, type DataLocation } from '../../base/errors';
import { nearestName } from '../../base/nearest_name';
import { oneOf, optional, rule } from '../../base/options';
import { IGNORED_LABEL, type Labels } from '../../base/types';
import { CT_LABELS } from '../labels/labels';
import { RSNA_LABELS } from '../labels/rsna_labels';

/**
 * How to treat a label that a table does not have: `'throw'` refuses the table; `'unlabelled'` reads it as -1, "not
 * labelled", on every slice (scan), which losses and metrics ignore. At least one of the labels must exist, and a name
 * similar to one of the table's other columns is always refused as misspelt.
 *
 * @inline
 */
export type MissingLabels = 'throw' | 'unlabelled';

/** Throws unless `labels` can be the label columns of a table. */
export function checkLabelNames(what: string, labels: Labels): void {
  const expected =
    'a list of distinct, non-empty label names without control characters, other than dirname and ID';
  const isName = (l: unknown) =>
    typeof l === 'string' && l.trim() === l && l !== '' && !hasControl(l) && l !== 'dirname' && l !== 'ID';
  check(Array.isArray(labels as unknown) && labels.length > 0, what, expected, labels);
  check(labels.every(isName) && new Set(labels).size === labels.length, what, expected, labels);
}

/** Rules of the options that all readers of labels share. */
export const LABEL_RULES = {
  labels: optional<Labels>({ check: (value, what) => checkLabelNames(what, value as Labels) }, CT_LABELS),
  missingLabels: optional(oneOf<MissingLabels>(['throw', 'unlabelled']), 'throw'),
};

/** The rule of a table's name for messages. */
export const TABLE_NAME = optional(
  rule<string>('a text', (value) => typeof value === 'string'),
  'table',
);

/** Labels whose names are similar without being misspelt. */
const KNOWN: readonly string[] = [...CT_LABELS, ...RSNA_LABELS];

/**
 * Throws a DataError unless the labels that are not among the `columns` may be missing.
 *
 * @param rest - The end of the message, e.g. which columns were found.
 */
export function checkMissing(
  labels: Labels,
  columns: readonly string[],
  missingLabels: MissingLabels,
  rest: string,
  where: DataLocation,
): void {
  const missing = labels.filter((label) => !columns.includes(label));
  const others = columns.filter((column) => !labels.includes(column));
  const meant = missing.flatMap((label) => {
    const near = nearestName(label, others);
    const differ = near === undefined || (KNOWN.includes(label) && KNOWN.includes(near));
    return differ ? [] : [near];
  });
  const allowed = missingLabels === 'unlabelled' && meant.length === 0 && missing.length < labels.length;
  if (missing.length === 0 || allowed) return;
  const names = shortened(missing.map((name) => JSON.stringify(name)).join(', '));
  const hint = meant.length === 0 ? '' : `; did you mean ${meant.map((name) => `'${name}'`).join(', ')}?`;
  throw new DataError(`missing column ${names}: ${rest}${hint}`, where);
}

/** Label values, with -1 for labels without a column, which are undefined. */
export const orIgnored = (values: readonly (number | undefined)[]): number[] =>
  values.map((value) => value ?? IGNORED_LABEL);
