import * as tf from '@tensorflow/tfjs';
import { check, checkKnownKeys, checkOneOf } from '../base/errors';
import { IGNORED_LABEL } from '../base/types';
import { CONFUSION_COUNTS_KERNEL, type ConfusionCountsAttrs } from '../kernels/confusion_counts/contract';
import '../kernels/confusion_counts/plain';
import { hasKernel } from '../kernels/has_kernel';
import { checkThreshold, decide, type Threshold } from './decide';

/** Options of {@link confusionCounts}. */
export interface ConfusionCountsOptions {
  /**
   * Probability from which on a label counts as present, one for all labels or one per label.
   * @defaultValue 0.5
   */
  threshold?: Threshold;
  /**
   * What is counted together: all slices of a `'label'`, or all labels of a `'sample'` (one slice).
   * @defaultValue 'label'
   */
  per?: 'label' | 'sample';
}

/** True and false positives and negatives, float32, each `[labels]` or `[samples]`. */
export interface ConfusionCounts {
  /** Present and found. */
  tp: tf.Tensor1D;
  /** Absent but found. */
  fp: tf.Tensor1D;
  /** Present but missed. */
  fn: tf.Tensor1D;
  /** Absent and not found. */
  tn: tf.Tensor1D;
}

/**
 * Counts true and false positives and negatives; the caller disposes the four tensors.
 *
 * `tp = sum(y d)`, `fp = sum((1-y) d)`, `fn = sum(y (1-d))`, `tn = sum((1-y) (1-d))` over the labelled entries,
 * with the decision `d = probability >= threshold`.
 *
 * Shapes: `yTrue` and `probabilities` `[..., labels]`, equal, of rank 2 or more: `[n, labels]`,
 * `[batch, slices, labels]`. `yTrue` is 0 or 1, or -1 for "not labelled": such entries count nowhere. Values between 0
 * and 1 add their fraction to both sides; others have no meaning. Decisions (0 or 1, any dtype) do in place of
 * probabilities. NaN in either gives NaN in the counts it would have joined, never a quiet 0.
 *
 * Counts are float32, exact up to 2^24 (16.7 million) entries each.
 *
 * @throws {@link ArgumentError} for shapes that differ, empty tensors, or a bad option.
 *
 * @example
 * ```ts
 * const { tp, fn } = confusionCounts(yTrue, probabilities, { threshold: 0.4 });
 * const sensitivity = tf.divNoNan(tp, tf.add(tp, fn));
 * ```
 */
export function confusionCounts(
  yTrue: tf.Tensor,
  probabilities: tf.Tensor,
  options: ConfusionCountsOptions = {},
): ConfusionCounts {
  const what = 'confusionCounts';
  checkKnownKeys(options, ['threshold', 'per'], what);
  const { threshold = 0.5, per = 'label' } = options;
  checkOneOf(per, ['label', 'sample'], `${what}: per`);
  const labels = checkScores(what, yTrue, probabilities);
  checkThreshold(what, threshold, labels);
  if (hasKernel(CONFUSION_COUNTS_KERNEL)) {
    const thresholds = Array.from({ length: labels }, (_, label) =>
      Math.fround(typeof threshold === 'number' ? threshold : threshold[label]!),
    );
    const attrs: ConfusionCountsAttrs = { thresholds, per };
    const counts = tf
      .engine()
      .runKernel<tf.Tensor1D[]>(CONFUSION_COUNTS_KERNEL, { labels: yTrue, probabilities }, { ...attrs });
    const [tp, fp, fn, tn] = counts as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D];
    return { tp, fp, fn, tn };
  }
  return composedCounts(yTrue, probabilities, threshold, per);
}

/** The counts in tensor operations, for backends without the kernel. */
function composedCounts(
  yTrue: tf.Tensor,
  probabilities: tf.Tensor,
  threshold: Threshold,
  per: 'label' | 'sample',
): ConfusionCounts {
  return tf.tidy(() => {
    const labels = probabilities.shape.at(-1)!;
    const y = tf.reshape(tf.cast(yTrue, 'float32'), [-1, labels]);
    const d = tf.reshape(decide(probabilities, threshold), [-1, labels]);
    const labelled = tf.notEqual(y, IGNORED_LABEL);
    const nothing = tf.zerosLike(y);
    const present = tf.where(labelled, y, nothing);
    const absent = tf.where(labelled, tf.sub(1, y), nothing);
    // NaN probabilities of entries without a label count nowhere, too
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

/** Refuses anything but two tensors of one shape `[..., labels]`, not empty; returns the number of labels. */
export function checkScores(fn: string, yTrue: tf.Tensor, probabilities: tf.Tensor): number {
  // an empty sum is not 0 but whatever lay in memory on the WebAssembly backend
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
  return probabilities.shape[probabilities.rank - 1]!;
}
