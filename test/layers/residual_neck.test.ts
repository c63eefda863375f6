import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { ResidualNeck } from '../../src/layers/residual_neck';
import { itKeepsTheLayerContract } from '../support/layer_contract';
import { expectClose } from '../support/matchers';

describe('ResidualNeck', () => {
  describe('of unequal widths', () => {
    itKeepsTheLayerContract({
      layerClass: ResidualNeck,
      args: {},
      inputShape: [
        [2, 6, 4],
        [2, 6, 3],
      ],
      outputShape: [2, 6, 4],
      parameters: 3 * 4 + 4,
      masked: true,
    });
  });
  describe("in 'concat' mode", () => {
    itKeepsTheLayerContract({
      layerClass: ResidualNeck,
      args: { mode: 'concat' },
      inputShape: [
        [2, 6, 4],
        [2, 6, 3],
      ],
      outputShape: [2, 6, 7],
      parameters: 0,
      masked: true,
    });
  });

  it('adds equal widths as they are and applies ReLU', () => {
    const y = new ResidualNeck().apply([tf.tensor3d([[[1, -5]]]), tf.tensor3d([[[2, 3]]])]) as tf.Tensor;
    expect([...y.dataSync()]).toEqual([3, 0]);
  });

  it('projects as nn.Linear', () => {
    const neck = new ResidualNeck({ activation: 'linear' });
    const [cnn, slice] = [tf.zeros([1, 2, 3]), tf.randomNormal([1, 2, 2])];
    const y = neck.apply([cnn, slice]) as tf.Tensor;
    const [kernel, bias] = neck.getWeights() as [tf.Tensor2D, tf.Tensor];
    expectClose(
      tf.reshape(y, [2, 3]),
      tf.add(tf.matMul(tf.reshape(slice, [2, 2]) as tf.Tensor2D, kernel), bias),
      1e-6,
    );
  });

  it('takes label axes too', () => {
    const y = new ResidualNeck().apply([tf.zeros([1, 2, 5, 4]), tf.zeros([1, 2, 5, 6])]) as tf.Tensor;
    expect(y.shape).toEqual([1, 2, 5, 4]);
  });

  it('refuses anything but two inputs of equal leading axes', () => {
    const [a, b] = [tf.zeros([1, 2, 3]), tf.zeros([1, 4, 3])];
    expect(() => new ResidualNeck().apply(a)).toThrow(/two inputs/);
    expect(() => new ResidualNeck().apply([a, b])).toThrow(/equal leading axes/);
    expect(() => new ResidualNeck({ mode: 'mul' as never })).toThrow(/mode/);
  });
});
