import * as tf from '@tensorflow/tfjs';
import { describe, it } from 'vitest';
import { PerLabel } from '../../../src/layers/wrappers/per_label';
import { SliceDependencyGRU } from '../../../src/layers/slice_dependency_gru';
import { itKeepsTheLayerContract } from '../../support/layer_contract';
import { expectClose } from '../../support/matchers';

describe('PerLabel', () => {
  itKeepsTheLayerContract({
    layerClass: PerLabel,
    args: () => ({ layer: new SliceDependencyGRU({ units: 2 }) }),
    inputShape: [2, 6, 5, 3],
    outputShape: [2, 6, 5, 4],
    parameters: 2 * (3 * 6 + 2 * 6 + 12),
    masked: true,
  });

  it('treats every label alike and by itself, and masks all of them', () => {
    const gru = new SliceDependencyGRU({ units: 2, seed: 1 });
    const x = tf.randomNormal([2, 4, 3, 3], 0, 1, 'float32', 1);
    const mask = tf.tensor2d([
      [1, 1, 1, 0],
      [1, 1, 1, 1],
    ]);
    const y = new PerLabel({ layer: gru }).apply(x, { mask }) as tf.Tensor;
    for (let label = 0; label < 3; label++) {
      const one = tf.reshape(tf.slice(x, [0, 0, label, 0], [2, 4, 1, 3]), [2, 4, 3]);
      const alone = gru.apply(one, { mask }) as tf.Tensor;
      expectClose(tf.reshape(tf.slice(y, [0, 0, label, 0], [2, 4, 1, 4]), [2, 4, 4]), alone, 1e-6);
    }
  });
});
