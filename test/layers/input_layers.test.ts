import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { GrayToRgb, ImageNetNormalization } from '../../src/layers/input_layers';
import { itKeepsTheLayerContract } from '../support/layer_contract';
import { expectClose } from '../support/matchers';

describe('GrayToRgb', () => {
  itKeepsTheLayerContract({
    layerClass: GrayToRgb,
    args: {},
    inputShape: [2, 4, 5, 1],
    outputShape: [2, 4, 5, 3],
    parameters: 0,
    masked: true,
    images: true,
  });

  it('repeats the grey value', () => {
    const y = new GrayToRgb().apply(tf.tensor4d([0.5, 2], [1, 1, 2, 1])) as tf.Tensor;
    expect([...y.dataSync()]).toEqual([0.5, 0.5, 0.5, 2, 2, 2]);
  });
});

describe('ImageNetNormalization', () => {
  itKeepsTheLayerContract({
    layerClass: ImageNetNormalization,
    args: {},
    inputShape: [2, 4, 5, 3],
    outputShape: [2, 4, 5, 3],
    parameters: 0,
    masked: true,
    images: true,
  });

  it('makes 0 of the mean and 1 of one deviation above it', () => {
    const x = tf.tensor4d([0.485, 0.456, 0.406, 0.485 + 0.229, 0.456 + 0.224, 0.406 + 0.225], [1, 1, 2, 3]);
    expectClose(new ImageNetNormalization().apply(x) as tf.Tensor, [0, 0, 0, 1, 1, 1], 1e-5);
  });
});

it('layers for images refuse another number of channels, which would be broadcast', () => {
  for (const channels of [2, 3]) {
    expect(() => new GrayToRgb().apply(tf.zeros([1, 2, 2, channels]))).toThrow(/expected \[n, h, w, 1\]/);
  }
  for (const channels of [1, 4]) {
    expect(() => new ImageNetNormalization().apply(tf.zeros([1, 2, 2, channels]))).toThrow(
      /input: expected \[n, h, w, 3\], received float32 tensor of shape \[1, 2, 2, /,
    );
  }
});
