import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import { applyLinear, checkSlices, featuresOfSlices, unstack } from '../../src/layers/support';
import { expectClose } from '../support/matchers';

describe('featuresOfSlices', () => {
  it('is the width of [batch, slices, features], which must be fixed', () => {
    expect(featuresOfSlices([null, null, 7], 'l')).toBe(7);
    expect(featuresOfSlices([[2, 3, 1]], 'l')).toBe(1);
    for (const shape of [
      [null, 7],
      [null, null, null],
      [1, 2, 3, 4],
    ]) {
      expect(() => featuresOfSlices(shape, 'l')).toThrow(ArgumentError);
    }
    expect(() => featuresOfSlices([null, null, null], 'l')).toThrow('l: expected a fixed number of features');
  });
});

describe('checkSlices', () => {
  it('refuses another rank, and no slice', () => {
    tf.tidy(() => {
      expect(() => checkSlices(tf.zeros([1, 1, 2]), 3, 'l')).not.toThrow();
      expect(() => checkSlices(tf.zeros([1, 2]), 3, 'l')).toThrow('l: expected input of rank 3');
      expect(() => checkSlices(tf.zeros([1, 0, 2]), 3, 'l')).toThrow('l: expected at least one slice');
    });
  });
});

describe('unstack', () => {
  it.each([1, 3])('has a gradient with %i parts', (parts) => {
    tf.tidy(() => {
      const dx = tf.grad((x) => tf.addN(unstack(x, 1).map((part, i) => tf.mul(part, i + 1))))(
        tf.ones([2, parts]),
      );
      expectClose(
        dx,
        [0, 1].flatMap(() => Array.from({ length: parts }, (_, i) => i + 1)),
      );
    });
  });
});

describe('applyLinear', () => {
  it('maps the last axis, whatever the others', () => {
    tf.tidy(() => {
      const kernel = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
      const linear = { kernel: { read: () => kernel }, bias: { read: () => tf.tensor1d([1, 0, -1]) } };
      const x = tf.tensor([1, 0, 0, 1, 2, 2, 0, 0], [2, 2, 1, 2]);
      const y = applyLinear(x, linear as never);
      expect(y.shape).toEqual([2, 2, 1, 3]);
      expectClose(y, [2, 2, 2, 5, 5, 5, 11, 14, 17, 1, 0, -1]);
    });
  });
});
