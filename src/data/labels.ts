/** The five hemorrhages of the challenge, in its column order. */
export const CT_LABELS = ['ich', 'ivh', 'sah', 'sdh', 'edh'] as const;

/** One of {@link CT_LABELS}. */
export type CtLabel = (typeof CT_LABELS)[number];

/** What each label stands for, for tables and reports. */
export const CT_LABEL_NAMES: Readonly<Record<CtLabel, string>> = {
  ich: 'intracerebral (intraparenchymal) hemorrhage',
  ivh: 'intraventricular hemorrhage',
  sah: 'subarachnoid hemorrhage',
  sdh: 'subdural hematoma',
  edh: 'epidural hematoma',
};

export { IGNORED_LABEL } from '../types';
