import { check } from '../../base/checks';
import type { ByLabel, Labels } from '../../base/types';

/** The five hemorrhages of the challenge, in its column order. */
export const CT_LABELS = ['ich', 'ivh', 'sah', 'sdh', 'edh'] as const;

/** The tuple {@link CT_LABELS}: what labels are where none are given. */
export type CtLabels = typeof CT_LABELS;

/** One of {@link CT_LABELS}. */
export type CtLabel = CtLabels[number];

/** What each label stands for, for tables and reports. */
export const CT_LABEL_NAMES: Readonly<Record<CtLabel, string>> = {
  ich: 'intracerebral (intraparenchymal) hemorrhage',
  ivh: 'intraventricular hemorrhage',
  sah: 'subarachnoid hemorrhage',
  sdh: 'subdural hematoma',
  edh: 'epidural hematoma',
};

/**
 * Values in the order of the labels, by the labels' names.
 *
 * @throws ArgumentError for another number of values than of labels.
 * @example
 * ```ts
 * byLabel(CT_LABELS, [0.1, 0.8, 0.2, 0.1, 0.4]).ivh; // 0.8; `.hiv` does not compile
 * ```
 */
export function byLabel<const L extends Labels, T>(labels: L, values: readonly T[]): ByLabel<L, T> {
  check(values.length === labels.length, 'byLabel: values', `one for each of ${labels.join(', ')}`, values);
  return Object.fromEntries(labels.map((label, i) => [label, values[i]])) as ByLabel<L, T>;
}

export { IGNORED_LABEL } from '../../base/types';
