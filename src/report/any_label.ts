/** Whether a sample has any of the labels, the first question in triage. */
import type { Labels } from '../base/types';
import { IGNORED_LABEL } from '../base/types';
import { CT_LABELS } from '../data/labels/labels';
import { RSNA_LABELS } from '../data/labels/rsna_labels';
import { decide } from '../metrics/decide';
import type { LabelRows } from '../metrics/labelled_scores';

/** The union of all labels: one truth, probability and decision per sample. */
export interface AnyLabel {
  name: string;
  yTrue: number[];
  probabilities: number[];
  found: boolean[];
}

const HEMORRHAGES: ReadonlySet<string> = new Set<string>([...CT_LABELS, ...RSNA_LABELS]);

/**
 * A sample is positive if any label is, negative if all labels are known to be absent, and unlabelled otherwise; it is
 * found if any label is found at its own threshold. Its probability is the largest of the labels' probabilities, the
 * lower bound in `max p <= P(any) <= sum p`, which holds for any dependence between labels.
 *
 * @returns undefined for a single label, or if the model has a label `any` of its own.
 */
export function anyLabel(
  labels: Labels,
  yTrue: LabelRows,
  probabilities: LabelRows,
  threshold: readonly number[],
): AnyLabel | undefined {
  if (labels.length < 2 || labels.includes('any')) return undefined;
  const name = labels.every((label) => HEMORRHAGES.has(label)) ? 'any hemorrhage' : 'any label';
  return {
    name,
    yTrue: yTrue.map((row) => (row.includes(1) ? 1 : row.includes(IGNORED_LABEL) ? IGNORED_LABEL : 0)),
    probabilities: probabilities.map((row) => Math.max(...row)),
    found: decide(probabilities, { threshold }).map((row) => row.includes(1)),
  };
}
