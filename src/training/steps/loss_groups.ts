import * as tf from '@tensorflow/tfjs';
import { IGNORED_LABEL, type ConfiguredFn, type LossFn } from '../../base/types';
import type { AsymmetricLossFn } from '../../losses/asymmetric_loss';
import { chunksOf, slicesOf, type Chunk } from '../../models/slice_chunks';

/** Some stacks of a batch. The batch's loss is the sum of the groups' losses, each times its share. */
export interface LossGroup {
  stacks: Chunk;
  share: tf.Scalar;
}

/**
 * A batch in groups of at most `size` stacks.
 *
 * @param labels - `[batch, …]`, -1 for entries that do not count.
 * @returns undefined where no stack fits, or for a loss whose shares are not known.
 */
export function lossGroups(loss: LossFn, labels: tf.Tensor, size: number): LossGroup[] | undefined {
  if (size === 0 || !isAsymmetricLoss(loss)) return undefined;
  const { reduction } = loss.getConfig();
  const weightOf = (part: tf.Tensor): tf.Scalar => {
    if (reduction === 'mean') return tf.sum(tf.cast(tf.notEqual(part, IGNORED_LABEL), 'float32'));
    return tf.scalar(reduction === 'sum' ? 1 : part.size);
  };
  const total = reduction === 'sum' ? 1 : tf.maximum(weightOf(labels), 1); // where nothing counts every loss is 0
  return chunksOf(labels.shape[0]!, size).map((stacks) => ({
    stacks,
    share: tf.tidy(() => tf.div(weightOf(slicesOf(labels, stacks)), total)),
  }));
}

const isAsymmetricLoss = (loss: LossFn): loss is AsymmetricLossFn =>
  (loss as Partial<ConfiguredFn>).getClassName?.() === 'asymmetricLoss';
