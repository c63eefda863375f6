import * as tf from '@tensorflow/tfjs';
import { IGNORED_LABEL } from '../../base/types';
import { registerInMemoryKernel, type Values } from '../in_memory';
import { CONFUSION_COUNTS_KERNEL, type ConfusionCountsAttrs } from './contract';

type Inputs = Record<'labels' | 'probabilities', tf.TensorInfo>;

registerInMemoryKernel<Inputs, ConfusionCountsAttrs>(
  CONFUSION_COUNTS_KERNEL,
  ({ inputs: { labels, probabilities }, attrs: { thresholds, per }, backend }) => {
    const columns = thresholds.length;
    const rows = tf.util.sizeFromShape(labels.shape) / columns;
    const perLabel = per === 'label';
    const [groups, entries] = perLabel ? [columns, rows] : [rows, columns];
    const counts = Array.from({ length: 4 }, () => backend.make([groups]));
    const [y, p, ...sums] = backend.values([labels, probabilities, ...counts]) as [
      Values,
      Values,
      ...Values[],
    ];
    for (let group = 0; group < groups; group++) {
      let [tp, fp, fn, tn] = [0, 0, 0, 0];
      for (let entry = 0; entry < entries; entry++) {
        const column = perLabel ? group : entry;
        const at = (perLabel ? entry : group) * columns + column;
        const given = y[at]!;
        if (given === IGNORED_LABEL) continue;
        const label = given >= 0 && given <= 1 ? given : NaN;
        const probability = p[at]!;
        const found = !(probability >= 0 && probability <= 1)
          ? NaN
          : probability >= thresholds[column]!
            ? 1
            : 0;
        // products rather than branches, for labels between 0 and 1, and so that NaN is kept
        tp += label * found;
        fp += (1 - label) * found;
        fn += label * (1 - found);
        tn += (1 - label) * (1 - found);
      }
      [tp, fp, fn, tn].forEach((count, kind) => (sums[kind]![group] = count));
    }
    return counts;
  },
);
