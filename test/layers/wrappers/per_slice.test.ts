import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { PerSlice } from '../../../src/layers/wrappers/per_slice';
import { itKeepsTheLayerContract } from '../../support/layer_contract';
import { expectClose } from '../../support/matchers';

function smallCnn(): tf.LayersModel {
  const input = tf.input({ shape: [8, 8, 1] });
  const x = tf.layers.conv2d({ filters: 3, kernelSize: 3, activation: 'relu' }).apply(input);
  const y = tf.layers.globalAveragePooling2d({}).apply(x as tf.SymbolicTensor) as tf.SymbolicTensor;
  return tf.model({ inputs: input, outputs: y });
}

describe('PerSlice', () => {
  describe('around a model', () => {
    itKeepsTheLayerContract({
      layerClass: PerSlice,
      args: () => ({ layer: smallCnn() }),
      inputShape: [2, 6, 8, 8, 1],
      outputShape: [2, 6, 3],
      parameters: 9 * 3 + 3,
      masked: true,
    });
  });
  describe('around a layer', () => {
    itKeepsTheLayerContract({
      layerClass: PerSlice,
      args: () => ({ layer: tf.layers.dense({ units: 3 }), maskValue: 0 }),
      inputShape: [2, 6, 4],
      outputShape: [2, 6, 3],
      parameters: 15,
    });
  });

  it('gives each slice what the model gives it alone', () => {
    const cnn = smallCnn();
    const x = tf.randomNormal([2, 3, 8, 8, 1], 0, 1, 'float32', 1);
    const y = new PerSlice({ layer: cnn }).apply(x) as tf.Tensor;
    const alone = cnn.predict(tf.reshape(tf.slice(x, [1, 2], [1, 1]), [1, 8, 8, 1])) as tf.Tensor;
    expectClose(tf.slice(y, [1, 2], [1, 1]), alone, 1e-6);
  });

  it('runs the model once, not once per slice', () => {
    const cnn = smallCnn();
    let calls = 0;
    const call = cnn.call.bind(cnn);
    cnn.call = (inputs, kwargs) => {
      calls++;
      return call(inputs, kwargs);
    };
    new PerSlice({ layer: cnn }).apply(tf.zeros([2, 7, 8, 8, 1]));
    expect(calls).toBe(1);
  });

  it('masks slices that hold nothing but the mask value', () => {
    const layer = new PerSlice({ layer: smallCnn(), maskValue: -1 });
    const x = tf.concat([tf.zeros([1, 2, 8, 8, 1]), tf.fill([1, 1, 8, 8, 1], -1)], 1);
    expect([...layer.computeMask(x).dataSync()]).toEqual([1, 1, 0]);
  });

  it('freezes and thaws with its inner layer', () => {
    const layer = new PerSlice({ layer: smallCnn() });
    layer.apply(tf.zeros([1, 1, 8, 8, 1]));
    expect(layer.trainableWeights).toHaveLength(2);
    layer.trainable = false;
    expect(layer.trainableWeights).toHaveLength(0);
    expect(layer.nonTrainableWeights).toHaveLength(2);
  });
});
