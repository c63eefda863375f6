import { fBetaOf } from '../metrics/decision_counts';
import { bootstrapIntervals, type BootstrapInterval, type BootstrapOptions } from './bootstrap';

/** Entries of one label, or of several pooled: truth, scores, decisions and patients. */
export interface ScoredEntries {
  /** 0, 1, or -1 for "not labelled", which is ignored. */
  yTrue: readonly number[];
  /** Higher if the label is more likely present. */
  scores: readonly number[];
  /** The decision for each entry. */
  found: readonly boolean[];
  /** Index of each entry's patient. */
  patients: readonly number[];
}

/** Scores whose intervals are computed together. */
export type IntervalScore =
  'f2' | 'allPositive' | 'difference' | 'sensitivity' | 'specificity' | 'averagePrecision' | 'rocAuc';

/**
 * Bootstrap intervals over patients, on the same resamples: of F2, of the F2 of predicting every entry positive and the
 * difference of the two, of sensitivity, specificity, average precision and the area under the ROC curve.
 *
 * Entries are sorted once. A resample is a weight for each patient, so that its scores take one pass over the entries.
 *
 * @param count - Number of patients.
 */
export function scoreIntervals(
  entries: ScoredEntries,
  count: number,
  options: BootstrapOptions,
): Record<IntervalScore, BootstrapInterval> {
  const { patients, yTrue, found, ends } = sorted(entries);
  const times = new Float64Array(count);
  const scoresOf = (sample: readonly number[]): Record<IntervalScore, number | undefined> => {
    times.fill(0);
    for (const patient of sample) times[patient]!++;
    let [tp, fp, hits, alarms] = [0, 0, 0, 0]; // of all entries so far, and of those decided to be present
    let [precisions, twice] = [0, 0]; // precision at each positive, and twice the area in pairs
    let i = 0;
    for (const end of ends) {
      const [positives, negatives] = [tp, fp];
      for (; i < end; i++) {
        const often = times[patients[i]!]!;
        if (yTrue[i] === 1) {
          tp += often;
          if (found[i] === 1) hits += often;
        } else {
          fp += often;
          if (found[i] === 1) alarms += often;
        }
      }
      if (tp > positives) precisions += (tp - positives) * (tp / (tp + fp));
      twice += (fp - negatives) * (tp + positives);
    }
    const f2 = fBetaOf({ tp: hits, fp: alarms, fn: tp - hits });
    const allPositive = fBetaOf({ tp, fp, fn: 0 });
    return {
      f2,
      allPositive,
      difference: f2 === undefined || allPositive === undefined ? undefined : f2 - allPositive,
      sensitivity: tp > 0 ? hits / tp : undefined,
      specificity: fp > 0 ? (fp - alarms) / fp : undefined,
      averagePrecision: tp > 0 ? precisions / tp : undefined,
      rocAuc: tp > 0 && fp > 0 ? twice / (2 * tp * fp) : undefined,
    };
  };
  const everyone = Array.from({ length: count }, (_, patient) => patient);
  return bootstrapIntervals('scoreIntervals', everyone, scoresOf, options);
}

/** The labelled entries in descending order of their scores, and the end of each run of equal scores. */
function sorted({ yTrue, scores, found, patients }: ScoredEntries) {
  const order = yTrue.flatMap((y, i) => (y === 0 || y === 1 ? [i] : []));
  order.sort((a, b) => scores[b]! - scores[a]!);
  const isLast = (place: number) => scores[order[place]!] !== scores[order[place + 1]!];
  return {
    patients: Int32Array.from(order, (i) => patients[i]!),
    yTrue: Uint8Array.from(order, (i) => yTrue[i]!),
    found: Uint8Array.from(order, (i) => Number(found[i])),
    ends: order.flatMap((_, place) => (isLast(place) ? [place + 1] : [])),
  };
}
