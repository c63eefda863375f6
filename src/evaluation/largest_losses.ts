import { check, isPositiveInteger } from '../base/checks';
import { labelledScoresOf, type LabelRows } from '../metrics/labelled_scores';
import { logLossOf } from '../metrics/probability_errors';

/**
 * The loss of a sample.
 *
 * @inline
 */
export interface PredictionLoss {
  /** Its index among the samples, from 0. */
  index: number;
  /** Log loss, the mean over its labelled labels. */
  loss: number;
  /** Index of the label with the largest loss. */
  label: number;
}

/**
 * The samples with the largest losses, largest first: worth inspecting, since such a slice is difficult or wrongly
 * labelled.
 *
 * The log loss of each label has probabilities in [1e-7, 1 - 1e-7], as `weightedLogLoss` does. Samples of equal loss
 * keep their order; samples without labelled entries are left out.
 *
 * @param yTrue - `[samples][labels]`: 0, 1, or -1 for "not labelled".
 * @param probabilities - `[samples][labels]`, in [0, 1].
 * @param count - Maximum number of samples.
 * @throws ArgumentError for rows that differ in shape, other label values, a labelled probability outside [0, 1], or a
 * bad count.
 * @example
 * ```ts
 * for (const { index, loss, label } of largestLosses(yTrue, probabilities)) console.log(rows[index], labels[label], loss);
 * ```
 */
export function largestLosses(yTrue: LabelRows, probabilities: LabelRows, count = 10): PredictionLoss[] {
  const fn = 'largestLosses';
  check(isPositiveInteger(count), `${fn}: count`, 'an integer of at least 1', count);
  check(Array.isArray(probabilities as unknown), `${fn}: probabilities`, 'rows of numbers', probabilities);
  check(
    Array.isArray(yTrue as unknown) && yTrue.length === probabilities.length,
    `${fn}: yTrue`,
    `${probabilities.length} rows`,
    yTrue,
  );
  const losses = probabilities.flatMap((row, index): PredictionLoss[] => {
    const truth = yTrue[index]!;
    check(truth.length === row.length, `${fn}: yTrue[${index}]`, `${row.length} labels`, truth);
    const loss = logLossOf(labelledScoresOf(fn, truth, row, 'probability'));
    if (loss === undefined) return [];
    const perLabel = row.map((p, l) => logLossOf(labelledScoresOf(fn, [truth[l]!], [p], 'probability')));
    const worst = Math.max(...perLabel.map((value) => value ?? -1));
    return [{ index, loss, label: perLabel.indexOf(worst) }];
  });
  return losses.sort((a, b) => b.loss - a.loss || a.index - b.index).slice(0, count);
}
