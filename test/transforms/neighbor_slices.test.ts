import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { neighborSlices } from '../../src/transforms/neighbor_slices';
import { onBackends } from '../support/backends';
import { expectClose, expectNoLeak } from '../support/matchers';
import { randomImages } from './support';

/** Slice i is flat at i + 1. */
const stack = (slices: number) =>
  tf.mul(tf.ones([slices, 2, 2, 1]), tf.reshape(tf.range(1, slices + 1), [slices, 1, 1, 1]));
/** `[slices][channels]` at the first pixel. */
const channels = (x: tf.Tensor) => tf.squeeze(tf.slice(x, [0, 0, 0, 0], [-1, 1, 1, -1]), [1, 2]).arraySync();

onBackends(['cpu', 'wasm'], 'neighborSlices', () => {
  it('gives previous, this and next', () => {
    expect(channels(neighborSlices(stack(3)))).toEqual([
      [1, 1, 2],
      [1, 2, 3],
      [2, 3, 3],
    ]);
    expect(channels(neighborSlices(stack(3), { radius: 2, edge: 'zero' }))).toEqual([
      [0, 0, 1, 2, 3],
      [0, 1, 2, 3, 0],
      [1, 2, 3, 0, 0],
    ]);
  });

  it('takes one slice, and keeps the channels of a slice together', () => {
    expect(channels(neighborSlices(stack(1)))).toEqual([[1, 1, 1]]);
    const two = tf.concat([stack(2), tf.mul(stack(2), 10)], -1);
    expect(channels(neighborSlices(two))).toEqual([
      [1, 10, 1, 10, 2, 20],
      [1, 10, 2, 20, 2, 20],
    ]);
  });

  it('is the slice at each offset, for any stack', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 0, max: 4 }),
        fc.constantFrom('repeat' as const, 'zero' as const),
        (slices, radius, edge) => {
          const expected = Array.from({ length: slices }, (_, i) =>
            Array.from({ length: 2 * radius + 1 }, (__, k) => {
              const at = i + k - radius;
              if (at >= 0 && at < slices) return at + 1;
              return edge === 'zero' ? 0 : at < 0 ? 1 : slices;
            }),
          );
          tf.tidy(() => {
            expect(channels(neighborSlices(stack(slices), { radius, edge }))).toEqual(expected);
          });
        },
      ),
      { numRuns: 30 },
    );
  });

  it('keeps the stacks of a batch apart', () => {
    const [a, b] = [randomImages([4, 3, 3, 2], 1), randomImages([4, 3, 3, 2], 2)];
    const batch = tf.unstack(neighborSlices(tf.stack([a, b]))) as [tf.Tensor, tf.Tensor];
    expect(batch[0].dataSync()).toEqual(neighborSlices(a).dataSync());
    expect(batch[1].dataSync()).toEqual(neighborSlices(b).dataSync());
  });

  it('leaves no tensor behind', () => {
    const x = randomImages([3, 4, 4, 1]);
    expectNoLeak(() => neighborSlices(x));
    expectNoLeak(() => neighborSlices(x, { radius: 0 }));
  });
});

describe('neighborSlices', () => {
  it('counts a slice in the gradient as often as it is seen', () => {
    const gradient = tf.grad((x) => tf.sum(neighborSlices(x)))(stack(3));
    expectClose(tf.mean(gradient, [1, 2, 3]), [3, 3, 3]);
    const zero = tf.grad((x) => tf.sum(neighborSlices(x, { edge: 'zero' })))(stack(3));
    expectClose(tf.mean(zero, [1, 2, 3]), [2, 3, 2]);
  });

  it('refuses bad arguments', () => {
    expect(() => neighborSlices(tf.zeros([4, 4, 1]))).toThrow('neighborSlices: images');
    expect(() => neighborSlices(stack(2), { radius: -1 })).toThrow('neighborSlices: radius');
    expect(() => neighborSlices(stack(2), { radius: 17 })).toThrow('an integer in 0..16');
    expect(() => neighborSlices(stack(2), { edge: 'wrap' as 'zero' })).toThrow('neighborSlices: edge');
    expect(() => neighborSlices(stack(2), { step: 2 } as object)).toThrow("option 'step'");
  });
});
