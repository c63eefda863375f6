import { check } from '../../base/checks';
import type { ByLabel, Labels } from '../../base/types';

/** The five hemorrhages of the challenge, in its column order. */
export const CT_LABELS = ['ich', 'ivh', 'sah', 'sdh', 'edh'] as const;

/** The type of {@link CT_LABELS}, the default labels. */
export type CtLabels = typeof CT_LABELS;

/** One of {@link CT_LABELS}. */
export type CtLabel = CtLabels[number];

/** The full name of each label, for tables and reports. */
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
 * @throws ArgumentError unless there is one value per label.
 */
export function byLabel<const L extends Labels, T>(labels: L, values: readonly T[]): ByLabel<L, T> {
  check(values.length === labels.length, 'byLabel: values', `one for each of ${labels.join(', ')}`, values);
  return Object.fromEntries(labels.map((label, i) => [label, values[i]])) as ByLabel<L, T>;
}

export { IGNORED_LABEL } from '../../base/types';
