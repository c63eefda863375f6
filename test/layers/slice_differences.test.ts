import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SliceDifferences } from '../../src/layers/slice_differences';
import { itKeepsTheLayerContract } from '../support/layer_contract';
import { expectClose } from '../support/matchers';

describe('SliceDifferences', () => {
  itKeepsTheLayerContract({
    layerClass: SliceDifferences,
    args: {},
    inputShape: [2, 6, 3],
    outputShape: [2, 6, 9],
    parameters: 0,
    masked: true,
  });

  it('says how a slice differs from the one before and the one after', () => {
    const y = new SliceDifferences().apply(tf.tensor3d([[[1], [4], [9]]])) as tf.Tensor;
    expect(y.arraySync()).toEqual([
      [
        [1, 0, -3],
        [4, 3, -5],
        [9, 5, 0],
      ],
    ]);
  });

  it('mirrors when the stack is reversed: before and after change places', () => {
    const layer = new SliceDifferences();
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 1000 }), (slices, seed) => {
        tf.tidy(() => {
          const x = tf.randomNormal([1, slices, 2], 0, 1, 'float32', seed);
          const [own, before, after] = tf.split(layer.apply(x) as tf.Tensor, 3, 2);
          const turned = tf.split(layer.apply(tf.reverse(x, 1)) as tf.Tensor, 3, 2);
          [own!, after!, before!].forEach((part, i) => expectClose(tf.reverse(part, 1), turned[i]!, 1e-6));
        });
      }),
      { numRuns: 20 },
    );
  });

  it('is blind to what padding holds: a padded stack ends where the patient ends', () => {
    const layer = new SliceDifferences();
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 1000 }), (real, seed) => {
        tf.tidy(() => {
          const x = tf.randomNormal([1, real, 2], 0, 1, 'float32', seed);
          const padding = tf.randomNormal([1, 5 - real, 2], 0, 100, 'float32', seed + 1);
          const mask = tf.tensor2d([Array.from({ length: 5 }, (_, s) => (s < real ? 1 : 0))]);
          const padded = layer.apply(tf.concat([x, padding], 1), { mask }) as tf.Tensor;
          expectClose(tf.slice(padded, [0, 0, 0], [1, real, 6]), layer.apply(x) as tf.Tensor, 1e-6);
        });
      }),
      { numRuns: 20 },
    );
  });

  it('has the gradient that differences have', () => {
    const layer = new SliceDifferences();
    const gradient = tf.grad((x) => {
      const [, , after] = tf.split(layer.apply(x) as tf.Tensor, 3, 2);
      return tf.sum(after!);
    })(tf.zeros([1, 3, 1]));
    // sum of x[s] - x[s + 1] is x[0] - x[last]
    expect([...gradient.dataSync()]).toEqual([1, 0, -1]);
  });

  it('refuses anything but features of slices', () => {
    expect(() => new SliceDifferences().apply(tf.zeros([2, 3]))).toThrow(/slices, features/);
  });
});
