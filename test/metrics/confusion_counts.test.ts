import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { confusionCounts } from '../../src/metrics/confusion_counts';
import { onBackends } from '../support/backends';
import { expectNoLeak } from '../support/matchers';

/** The four counts as plain lists. */
function counts(y: tf.Tensor, p: tf.Tensor, threshold: number | number[] = 0.5, per?: 'sample') {
  const result = confusionCounts(y, p, threshold, per);
  return Object.fromEntries(
    Object.entries(result).map(([key, t]) => [key, Array.from((t as tf.Tensor).dataSync())]),
  );
}

const rows = fc.integer({ min: 1, max: 9 }).chain((n) =>
  fc.record({
    y: fc.array(fc.array(fc.constantFrom(0, 1, -1), { minLength: 3, maxLength: 3 }), {
      minLength: n,
      maxLength: n,
    }),
    p: fc.array(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }), {
      minLength: n,
      maxLength: n,
    }),
  }),
);

onBackends(['cpu', 'wasm', 'cpu, without kernels'], 'confusionCounts', () => {
  const labels = () => tf.tensor2d([1, 1, 0, 0, 1, 0, 0, -1], [4, 2]);
  const scores = () => tf.tensor2d([0.9, 0.1, 0.8, 0.2, 0.7, 0.6, 0.1, 0.9], [4, 2]);

  it('counts per label', () => {
    expect(counts(labels(), scores())).toEqual({ tp: [2, 0], fp: [1, 1], fn: [0, 1], tn: [1, 1] });
  });

  it('counts per sample', () => {
    expect(counts(labels(), scores(), 0.5, 'sample')).toEqual({
      tp: [1, 0, 1, 0],
      fp: [0, 1, 1, 0],
      fn: [1, 0, 0, 0],
      tn: [0, 1, 0, 1],
    });
  });

  it('decides by the threshold of each label', () => {
    expect(counts(labels(), scores(), [0.85, 0.05])).toEqual({
      tp: [1, 1],
      fp: [0, 2],
      fn: [1, 0],
      tn: [2, 0],
    });
  });

  it('takes stacks, integers and booleans', () => {
    const stacked = counts(tf.reshape(labels(), [2, 2, 2]), tf.reshape(scores(), [2, 2, 2]));
    expect(stacked).toEqual(counts(labels(), scores()));
    expect(counts(tf.cast(labels(), 'int32'), scores())).toEqual(counts(labels(), scores()));
    const bools = tf.tensor2d([true, false, true, true], [2, 2], 'bool');
    const hard = tf.tensor2d([1, 1, 0, 1], [2, 2], 'int32');
    expect(counts(bools, hard)).toEqual({ tp: [1, 1], fp: [0, 1], fn: [1, 0], tn: [0, 0] });
  });

  it('equals a loop over the entries, and sums to the labelled ones', () => {
    fc.assert(
      fc.property(rows, ({ y, p }) => {
        const expected = { tp: [0, 0, 0], fp: [0, 0, 0], fn: [0, 0, 0], tn: [0, 0, 0] };
        y.forEach((row, i) =>
          row.forEach((label, j) => {
            if (label === -1) return;
            const found = Math.fround(p[i]![j]!) >= 0.5;
            expected[label === 1 ? (found ? 'tp' : 'fn') : found ? 'fp' : 'tn'][j]! += 1;
          }),
        );
        expect(counts(tf.tensor2d(y), tf.tensor2d(p))).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  it('lets NaN poison its own counts only, and none where the entry is not labelled', () => {
    const bad = tf.tensor2d([0.9, NaN, 0.9, 0.9], [2, 2]);
    expect(counts(tf.ones([2, 2]), bad)).toEqual({ tp: [2, NaN], fp: [0, NaN], fn: [0, NaN], tn: [0, NaN] });
    const unlabelled = tf.tensor2d([1, -1, 1, 1], [2, 2]);
    expect(counts(unlabelled, bad)).toEqual({ tp: [2, 1], fp: [0, 0], fn: [0, 0], tn: [0, 0] });
    expect(counts(bad, tf.ones([2, 2])).tp![1]).toBeNaN();
  });

  it('splits a soft label between both sides', () => {
    const { tp, fp } = counts(tf.tensor2d([[0.75]]), tf.tensor2d([[1]]));
    expect([tp, fp]).toEqual([[0.75], [0.25]]);
  });

  it('leaves no tensor behind', () => {
    const ones = tf.ones([2, 3, 2]);
    expectNoLeak(() => ({ ...confusionCounts(ones, ones, [0.2, 0.3]) }));
  });
});
