import * as tf from '@tensorflow/tfjs';
import { check, isNumeric } from '../base/checks';
import { IGNORED_LABEL } from '../base/types';
import { CONFUSION_COUNTS_KERNEL, type ConfusionCountsAttrs } from '../kernels/confusion_counts/contract';
import '../kernels/confusion_counts/plain';
import { hasKernel } from '../kernels/has_kernel';
import { thresholdsOf, type Threshold } from './decide';

/** True and false positives and negatives, float32, each `[labels]` or `[samples]`. */
export interface ConfusionCounts {
  tp: tf.Tensor1D;
  fp: tf.Tensor1D;
  fn: tf.Tensor1D;
  tn: tf.Tensor1D;
}

/**
 * Counts true and false positives and negatives; the caller disposes the four tensors.
 *
 * `tp = sum(y d)`, `fp = sum((1-y) d)`, `fn = sum(y (1-d))`, `tn = sum((1-y) (1-d))` over the labelled entries,
 * with the decision `d = probability >= threshold`.
 *
 * Shapes: `yTrue` and `probabilities` `[..., labels]`, see {@link checkScores}. `yTrue` is 0 or 1, or -1 for "not
 * labelled": such entries are ignored. Values between 0 and 1 add their fraction to both sides. Decisions (0 or 1, any
 * dtype) may be passed instead of probabilities. NaN in either, another label and a probability outside [0, 1] give NaN
 * in the affected counts, never a silent number.
 *
 * Counts are float32, exact up to 2^24 (16.7 million) entries each.
 *
 * @param per - Whether to count per `'label'` (over all slices) or per `'sample'` (over all labels of a slice).
 */
export function confusionCounts(
  yTrue: tf.Tensor,
  probabilities: tf.Tensor,
  threshold: Threshold,
  per: 'label' | 'sample' = 'label',
): ConfusionCounts {
  const thresholds = thresholdsOf('threshold', threshold, probabilities.shape.at(-1)!).map(Math.fround);
  if (!hasKernel(CONFUSION_COUNTS_KERNEL)) return composedCounts(yTrue, probabilities, thresholds, per);
  const attrs: ConfusionCountsAttrs = { thresholds, per };
  const [tp, fp, fn, tn] = tf
    .engine()
    .runKernel<tf.Tensor1D[]>(CONFUSION_COUNTS_KERNEL, { labels: yTrue, probabilities }, { ...attrs });
  return { tp: tp!, fp: fp!, fn: fn!, tn: tn! };
}

/** The counts in tensor operations, for backends without the kernel. */
function composedCounts(
  yTrue: tf.Tensor,
  probabilities: tf.Tensor,
  thresholds: readonly number[],
  per: 'label' | 'sample',
): ConfusionCounts {
  return tf.tidy(() => {
    const given = tf.reshape(tf.cast(yTrue, 'float32'), [-1, thresholds.length]);
    const y = inUnitRange(given);
    const p = inUnitRange(tf.reshape(tf.cast(probabilities, 'float32'), y.shape));
    const d = tf.where(tf.isNaN(p), p, tf.cast(tf.greaterEqual(p, tf.tensor1d([...thresholds])), 'float32'));
    const labelled = tf.notEqual(given, IGNORED_LABEL);
    const nothing = tf.zerosLike(y);
    const present = tf.where(labelled, y, nothing);
    const absent = tf.where(labelled, tf.sub(1, y), nothing);
    // NaN probabilities of entries without a label are ignored too
    const found = tf.where(labelled, d, nothing);
    const missed = tf.sub(1, found);
    const count = (a: tf.Tensor, b: tf.Tensor): tf.Tensor1D => tf.sum(tf.mul(a, b), per === 'label' ? 0 : 1);
    return {
      tp: count(present, found),
      fp: count(absent, found),
      fn: count(present, missed),
      tn: count(absent, missed),
    };
  });
}

/** Values in [0, 1] as they are, NaN for all others. */
export function inUnitRange(x: tf.Tensor): tf.Tensor {
  return tf.where(tf.logicalOr(tf.less(x, 0), tf.greater(x, 1)), tf.fill(x.shape, NaN), x);
}

/** Checks two non-empty tensors of numbers of the same shape `[..., labels]`; returns the number of labels. */
export function checkScores(fn: string, yTrue: tf.Tensor, probabilities: tf.Tensor): number {
  // on the WebAssembly backend an empty sum is not 0 but uninitialised memory
  check(
    probabilities instanceof tf.Tensor && probabilities.rank >= 2 && probabilities.size > 0,
    `${fn}: probabilities`,
    'a tensor [..., labels] of rank 2 or more, not empty',
    probabilities,
  );
  check(
    yTrue instanceof tf.Tensor && tf.util.arraysEqual(yTrue.shape, probabilities.shape),
    `${fn}: yTrue`,
    `a tensor of the shape of the probabilities, [${probabilities.shape.join(', ')}]`,
    yTrue,
  );
  for (const [name, { dtype }] of Object.entries({ probabilities, yTrue })) {
    check(isNumeric(dtype), `${fn}: ${name}`, 'a tensor of numbers', `dtype ${dtype}`);
  }
  return probabilities.shape[probabilities.rank - 1]!;
}
