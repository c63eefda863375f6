import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resize, type ResizeOptions } from '../../src/transforms/resize';
import { onBackends } from '../support/backends';
import { readGolden, toTensor } from '../support/golden';
import { expectClose, expectNoLeak } from '../support/matchers';
import { expectImagesChecked, expectSliceBySlice, randomImages, sizes, valuesWithoutKernel } from './support';

const golden = readGolden('augment').tensors;

onBackends(['cpu', 'wasm'], 'resize', () => {
  it('is torchvision with and without antialiasing', () => {
    const x = toTensor(golden['x']!);
    expectClose(resize(x, [48, 48], { antialias: false }), golden['resize']!.data, 1e-5);
    expectClose(resize(x, [24, 24]), golden['resizeAA']!.data, 1e-5);
  });

  it('takes each rank, slice by slice', () => {
    expectSliceBySlice((x) => resize(x, [5, 11]));
    expectSliceBySlice((x) => resize(x, [12, 3], { method: 'nearest' }));
    expect(resize(tf.zeros([2, 3, 9, 7, 2]), [5, 11]).shape).toEqual([2, 3, 5, 11, 2]);
    expect(resize(tf.zeros([9, 7]), [5, 11]).shape).toEqual([5, 11]);
  });

  it('has the transposed product as its gradient', () => {
    const x = randomImages([2, 9, 7, 2], 1);
    const cotangent = randomImages([2, 5, 11, 2], 2);
    const gradient = tf.grad((y) => tf.sum(tf.mul(resize(y, [5, 11]), cotangent)))(x);
    // resize is linear, so <gradient, v> = <cotangent, resize(v)> for any v
    const v = randomImages([2, 9, 7, 2], 3);
    expectClose(tf.sum(tf.mul(gradient, v)), tf.sum(tf.mul(cotangent, resize(v, [5, 11]))), 1e-5);
  });

  it('leaves no tensor behind', () => {
    const x = randomImages([2, 9, 7, 2]);
    expectNoLeak(() => resize(x, [4, 4]));
    expectNoLeak(() => resize(x, [9, 7]));
    expectNoLeak(() => tf.grad((y) => tf.sum(resize(y, [4, 4])))(x));
  });
});

describe('resize', () => {
  it('to the same size is the identity, in a tensor of its own', () => {
    const x = randomImages([3, 9, 7, 1]);
    const result = resize(x, [9, 7]);
    expect(result.dataSync()).toEqual(x.dataSync());
    result.dispose();
    expect(x.isDisposed).toBe(false);
  });

  it('keeps constants and the range of values', () => {
    fc.assert(
      fc.property(
        sizes,
        sizes,
        fc.boolean(),
        fc.constantFrom('bilinear' as const, 'nearest' as const),
        (from, to, antialias, method) => {
          tf.tidy(() => {
            const options = { antialias, method };
            const flat = resize(tf.fill(from, 0.7), to, options);
            expect(flat.shape).toEqual(to);
            expectClose(flat, tf.fill(to, 0.7), 1e-6);
            const values = resize(randomImages(from), to, options).dataSync();
            expect(Math.min(...values)).toBeGreaterThanOrEqual(-1e-6);
            expect(Math.max(...values)).toBeLessThanOrEqual(1 + 1e-6);
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('antialiased halving weighs four pixels 1 3 3 1', () => {
    const x = tf.tensor2d([[0, 8, 0, 0, 0, 0, 0, 0]]);
    expectClose(resize(x, [1, 4]), [(3 / 7) * 8, 1, 0, 0], 1e-6);
  });

  it('nearest copies pixels', () => {
    const x = tf.tensor2d([[1, 2, 3, 4, 5]]);
    expect([...resize(x, [1, 3], { method: 'nearest' }).dataSync()]).toEqual([1, 2, 4]);
    expect([...resize(x, [1, 10], { method: 'nearest' }).dataSync()]).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
  });

  it('agrees with tf.image.resizeBilinear on half-pixel centres', () => {
    fc.assert(
      fc.property(sizes, sizes, (from, to) => {
        tf.tidy(() => {
          const x = randomImages([1, ...from, 2]) as tf.Tensor4D;
          expectClose(resize(x, to, { antialias: false }), tf.image.resizeBilinear(x, to, false, true), 1e-5);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('is the same as matrix products, in value and in gradient', () => {
    fc.assert(
      fc.property(
        sizes,
        sizes,
        fc.constantFrom<ResizeOptions>({}, { antialias: false }, { method: 'nearest' }),
        fc.integer({ min: 1, max: 3 }),
        (from, to, options, channels) => {
          fc.pre(from[0] !== to[0] || from[1] !== to[1]);
          tf.tidy(() => {
            const x = randomImages([2, ...from, channels]);
            const cotangent = randomImages([2, ...to, channels], 2);
            const value = () => resize(x, to, options);
            const gradient = () => tf.grad((y) => tf.sum(tf.mul(resize(y, to, options), cotangent)))(x);
            expectClose(value(), valuesWithoutKernel('CtResize', value), 1e-6);
            expectClose(gradient(), valuesWithoutKernel('CtResize', gradient), 1e-6);
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('refuses bad arguments', () => {
    const x = tf.zeros([4, 4]);
    expect(() => resize(x, [0, 4])).toThrow(
      'resize: size: expected [height, width], two positive integers, received [0,4]',
    );
    expect(() => resize(x, [4] as unknown as [number, number])).toThrow('resize: size');
    expect(() => resize(x, [4, 4], { method: 'bicubic' as 'bilinear' })).toThrow('resize: method');
    expect(() => resize(x, [4, 4], { antialias: 1 as unknown as boolean })).toThrow('resize: antialias');
    expectImagesChecked('resize', (images) => resize(images, [4, 4]));
  });
});
