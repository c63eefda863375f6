import { check, checkOneOf } from '../../base/checks';
import type { Labels } from '../../base/types';
import type { CtLabel } from './labels';

/** The six targets of the RSNA 2019 challenge, in the order of its submission file. */
export const RSNA_LABELS = [
  'epidural',
  'intraparenchymal',
  'intraventricular',
  'subarachnoid',
  'subdural',
  'any',
] as const;

/**
 * One of {@link RSNA_LABELS}.
 *
 * @inline
 */
export type RsnaLabel = (typeof RSNA_LABELS)[number];

/** RSNA's names of the five hemorrhages, as `CT_LABELS` calls them. `any` has no counterpart there. */
export const RSNA_TO_CT_LABELS: Readonly<Record<Exclude<RsnaLabel, 'any'>, CtLabel>> = {
  epidural: 'edh',
  intraparenchymal: 'ich',
  intraventricular: 'ivh',
  subarachnoid: 'sah',
  subdural: 'sdh',
};

/** Place of each label in {@link RSNA_LABELS}; a label may have RSNA's name or that of `CT_LABELS`. */
export function rsnaPlaces(what: string, labels: Labels): number[] {
  const names = Object.entries(RSNA_TO_CT_LABELS).map(([rsna, ct]) => `${rsna} (${ct})`);
  const rule = `a list of different labels out of ${names.join(', ')}, any`;
  check(Array.isArray(labels as unknown) && labels.length > 0, what, rule, labels);
  const places = labels.map((label) =>
    RSNA_LABELS.findIndex((name) => label === name || (name !== 'any' && label === RSNA_TO_CT_LABELS[name])),
  );
  const unknown = labels[places.indexOf(-1)];
  if (unknown !== undefined) checkOneOf(unknown, [...RSNA_LABELS, ...Object.values(RSNA_TO_CT_LABELS)], what);
  check(!places.includes(-1) && new Set(places).size === places.length, what, rule, labels);
  return places;
}
