import * as tf from '@tensorflow/tfjs';
import { registerInMemoryKernel, type Values } from '../in_memory';
import { OWN_KERNELS, type ConfusionCountsAttrs } from '../kernels';
import { IGNORED_LABEL } from '../types';

type Inputs = Record<'labels' | 'probabilities', tf.TensorInfo>;

registerInMemoryKernel<Inputs, ConfusionCountsAttrs>(
  OWN_KERNELS.confusionCounts,
  ({ inputs: { labels, probabilities }, attrs: { thresholds, per }, backend }) => {
    const columns = thresholds.length;
    const size = tf.util.sizeFromShape(labels.shape);
    const counts = Array.from({ length: 4 }, () =>
      backend.make([per === 'label' ? columns : size / columns]),
    );
    const [y, p, ...sums] = backend.values([labels, probabilities, ...counts]) as [
      Values,
      Values,
      ...Values[],
    ];
    const groups = sums[0]!.length;
    const totals = new Float64Array(4 * groups);
    for (let i = 0; i < size; i++) {
      const label = y[i]!;
      if (label === IGNORED_LABEL) continue;
      const column = i % columns;
      const group = per === 'label' ? column : (i - column) / columns;
      const found = Number.isNaN(p[i]!) ? NaN : Number(p[i]! >= thresholds[column]!);
      // products rather than branches, for labels between 0 and 1, and so that NaN is kept
      totals[group]! += label * found;
      totals[groups + group]! += (1 - label) * found;
      totals[2 * groups + group]! += label * (1 - found);
      totals[3 * groups + group]! += (1 - label) * (1 - found);
    }
    sums.forEach((sum, kind) => sum.set(totals.subarray(kind * groups, (kind + 1) * groups)));
    return counts;
  },
);
