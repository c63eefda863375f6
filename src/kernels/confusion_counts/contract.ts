/** Kernel with inputs `labels`, `probabilities`; outputs tp, fp, fn, tn. */
export const CONFUSION_COUNTS_KERNEL = 'CtConfusionCounts';

export interface ConfusionCountsAttrs {
  /** Probability from which a label counts as present, one per label, rounded to float32. */
  thresholds: number[];
  per: 'label' | 'sample';
}
