import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { LabelLinear } from '../../src/layers/label_linear';
import { itKeepsTheLayerContract } from '../support/layer_contract';

describe('LabelLinear', () => {
  itKeepsTheLayerContract({
    layerClass: LabelLinear,
    args: {},
    inputShape: [2, 6, 5, 3],
    outputShape: [2, 6, 5],
    parameters: 5 * 3 + 5,
    masked: true,
  });

  it('is one dot product per label', () => {
    const layer = new LabelLinear();
    const x = tf.tensor3d([[[1, 2], [3, 4]]]); // prettier-ignore
    layer.build(x.shape);
    layer.setWeights([tf.tensor2d([[1, 10], [100, 1000]]), tf.tensor1d([0.5, 0])]); // prettier-ignore
    expect([...(layer.apply(x) as tf.Tensor).dataSync()]).toEqual([21.5, 4300]);
  });
});
