import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import { decide, type Threshold } from '../../src/metrics/decide';
import { onBackends } from '../support/backends';
import { expectNoLeak } from '../support/matchers';

onBackends(['cpu', 'wasm'], 'decide', () => {
  it('is 1 from the threshold on, in float32', () => {
    const p = tf.tensor1d([0, 0.29, 0.3, 0.31, 1]);
    const decisions = decide(p, 0.3);
    expect(decisions.dtype).toBe('float32');
    expect(Array.from(decisions.dataSync())).toEqual([0, 0, 1, 1, 1]);
    expect(Array.from(decide(p).dataSync())).toEqual([0, 0, 0, 0, 1]);
    expect(Array.from(decide(p, 0).dataSync())).toEqual([1, 1, 1, 1, 1]);
  });

  it('meets its own entry when the threshold comes from float32 probabilities', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (p) => {
        const own = tf.tensor1d([p]);
        expect(decide(own, own.dataSync()[0]).dataSync()[0]).toBe(1);
        expect(decide(own, p).dataSync()[0]).toBe(1);
      }),
      { numRuns: 100 },
    );
  });

  it('takes one threshold a label on the last axis', () => {
    const p = tf.fill([2, 2, 3], 0.5);
    const decisions = decide(p, [0.4, 0.5, 0.6]);
    expect(decisions.shape).toEqual([2, 2, 3]);
    expect(Array.from(decisions.dataSync())).toEqual(Array(4).fill([1, 1, 0]).flat());
  });

  it('keeps NaN, and hard decisions of any dtype', () => {
    expect(Array.from(decide(tf.tensor1d([NaN, 1, 0])).dataSync())).toEqual([NaN, 1, 0]);
    expect(Array.from(decide(tf.tensor1d([1, 0], 'int32')).dataSync())).toEqual([1, 0]);
    expect(Array.from(decide(tf.tensor1d([true, false], 'bool')).dataSync())).toEqual([1, 0]);
  });

  it('leaves no tensor behind', () => {
    const p = tf.ones([2, 3]);
    expectNoLeak(() => decide(p, [0.1, 0.2, 0.3]));
  });
});

describe('decide: arguments', () => {
  it.each([1.1, -0.1, NaN, '0.5', null, [], [0.5], [0.5, 2], [0.5, 0.5, 0.5]])(
    'refuses threshold %j',
    (bad) => {
      const p = tf.ones([4, 2]);
      expect(() => decide(p, bad as Threshold)).toThrow(ArgumentError);
      expect(() => decide(p, bad as Threshold)).toThrow('decide: threshold: expected');
    },
  );

  it('refuses a scalar', () => {
    expect(() => decide(tf.scalar(1))).toThrow('probabilities: expected a tensor [..., labels]');
  });
});
