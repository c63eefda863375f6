import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import { FBetaScore, fBetaScore, type FBetaOptions } from '../../src/metrics/f_beta';
import { seededRandom, shuffled } from '../../src/base/random';
import { onBackends } from '../support/backends';
import { readGolden, toTensor } from '../support/golden';
import { expectNoLeak } from '../support/matchers';

const AVERAGES = ['micro', 'macro', 'weighted', 'samples', 'none'] as const;

const numbers = (t: tf.Tensor): number[] => Array.from(t.dataSync());
const score = (y: tf.Tensor, p: tf.Tensor, options?: FBetaOptions) => numbers(fBetaScore(y, p, options));

/** The score of batches of rows, one after the other. */
function streamed(batches: [tf.Tensor, tf.Tensor][], options: FBetaOptions): number[] {
  const metric = new FBetaScore(options);
  for (const [y, p] of batches) metric.update(y, p);
  const result = numbers(metric.result());
  metric.dispose();
  return result;
}

function expectSame(actual: number[], expected: number[], tolerance = 1e-6) {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThanOrEqual(tolerance));
}

const anyOptions = fc.record({
  average: fc.constantFrom(...AVERAGES),
  beta: fc.constantFrom(0.5, 1, 2),
  zeroDivision: fc.constantFrom(0 as const, 1 as const),
  threshold: fc.constantFrom(0.5, 0.2, [0.3, 0.5, 0.7]),
});
/** Rows of 3 labels, some not labelled, with probabilities. */
const anyRows = fc.array(
  fc.tuple(
    fc.array(fc.constantFrom(0, 0, 1, -1), { minLength: 3, maxLength: 3 }),
    fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
  ),
  { minLength: 1, maxLength: 14 },
);
type Rows = [number[], number[]][];
const tensors = (rows: Rows): [tf.Tensor, tf.Tensor] => [
  tf.tensor2d(rows.map(([y]) => y)),
  tf.tensor2d(rows.map(([, p]) => p)),
];

onBackends(['cpu', 'wasm', 'cpu, without kernels'], 'fBetaScore', () => {
  const golden = readGolden('fbeta');
  const cases = JSON.parse(golden.meta.cases!) as (Required<Omit<FBetaOptions, 'threshold'>> & {
    s: number;
    value: number | number[];
  })[];

  it('has all 120 golden cases', () => expect(cases).toHaveLength(120));

  it.each(cases)(
    'equals scikit-learn, set $s beta $beta $average zeroDivision $zeroDivision',
    (goldenCase) => {
      const { s, value, ...options } = goldenCase;
      const [y, p] = [toTensor(golden.tensors[`true${s}`]!), toTensor(golden.tensors[`pred${s}`]!)];
      const expected = [value].flat();
      expectSame(score(y, p, options), expected);
      const rows = y.shape[0]!;
      const size = Math.ceil(rows / 3);
      const batches: [tf.Tensor, tf.Tensor][] = [];
      for (let from = 0; from < rows; from += size) {
        const count = Math.min(size, rows - from);
        batches.push([tf.slice(y, [from, 0], [count, -1]), tf.slice(p, [from, 0], [count, -1])]);
      }
      expectSame(streamed(batches, options), expected);
    },
  );

  it('is the F2 of the challenge by default: 5TP / (5TP + 4FN + FP) of all bits', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        let [tp, fn, fp] = [0, 0, 0];
        for (const [y, p] of rows) {
          y.forEach((label, j) => {
            const found = Math.fround(p[j]!) >= 0.5;
            if (label === 1 && found) tp++;
            else if (label === 1) fn++;
            else if (label === 0 && found) fp++;
          });
        }
        const bits = 5 * tp + 4 * fn + fp;
        expectSame(score(...tensors(rows)), [bits === 0 ? 0 : (5 * tp) / bits]);
      }),
      { numRuns: 50 },
    );
  });

  it('streams to the same score in any batching and any order', () => {
    fc.assert(
      fc.property(
        anyRows,
        anyOptions,
        fc.integer({ min: 1, max: 5 }),
        fc.integer(),
        (rows, options, size, seed) => {
          const whole = score(...tensors(rows), options);
          const order = shuffled(rows, seededRandom(seed));
          const batches: [tf.Tensor, tf.Tensor][] = [];
          for (let i = 0; i < order.length; i += size) batches.push(tensors(order.slice(i, i + size)));
          expectSame(streamed(batches, options), whole);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is not changed by entries and slices that are not labelled, whatever they hold', () => {
    fc.assert(
      fc.property(anyRows, anyOptions, fc.constantFrom(0, 1, NaN), (rows, options, junk) => {
        const plain = score(...tensors(rows), options);
        const padded: Rows = rows.map(([y, p]) => [y, p.map((v, j) => (y[j] === -1 ? junk : v))]);
        padded.push([
          [-1, -1, -1],
          [junk, junk, junk],
        ]);
        expectSame(score(...tensors(padded), options), plain);
      }),
      { numRuns: 40 },
    );
  });

  it('takes [batch, slices, labels] as batch * slices samples', () => {
    const y = tf.tensor3d([1, 0, 0, 1, 1, 1, 0, 0, 0, 1, -1, 0], [2, 3, 2]);
    const p = tf.tensor3d([0.9, 0.4, 0.6, 0.2, 0.7, 0.8, 0.1, 0.3, 0.9, 0.6, 0.9, 0.1], [2, 3, 2]);
    for (const average of AVERAGES) {
      const flat = score(tf.reshape(y, [6, 2]), tf.reshape(p, [6, 2]), { average });
      expectSame(score(y, p, { average }), flat, 0);
      expect(fBetaScore(y, p, { average }).shape).toEqual(average === 'none' ? [2] : []);
    }
  });

  it('lies between precision and recall, also for betas whose square leaves the range of numbers', () => {
    // label counts: tp 1, fp 1, fn 2: precision 1/2, recall 1/3
    const y = tf.tensor2d([1, 0, 1, 1], [4, 1]);
    const p = tf.tensor2d([1, 1, 0, 0], [4, 1]);
    expectSame(score(y, p, { beta: 1e200 }), [1 / 3]);
    expectSame(score(y, p, { beta: 1e-200 }), [1 / 2]);
    expectSame(score(y, p, { beta: 1 }), [2 / 5]);
  });

  it('counts a slice with a single labelled entry as a sample, one with none not', () => {
    const y = tf.tensor2d([1, -1, 1, 1, -1, -1], [3, 2]);
    const p = tf.tensor2d([1, 0, 1, 0, 1, 1], [3, 2]);
    // scores 1 and 5/9
    expectSame(score(y, p, { average: 'samples' }), [7 / 9]);
  });

  it('uses zeroDivision where nothing is labelled at all', () => {
    const nothing = tf.fill([2, 3], -1);
    for (const average of AVERAGES) {
      for (const zeroDivision of [0, 1] as const) {
        const expected = average === 'none' ? [zeroDivision, zeroDivision, zeroDivision] : [zeroDivision];
        expect(score(nothing, tf.ones([2, 3]), { average, zeroDivision })).toEqual(expected);
      }
    }
  });

  it('gives NaN, never a quiet number, for a NaN at a labelled entry', () => {
    const y = tf.tensor2d([1, 0, 0, 0], [2, 2]);
    const bad = tf.tensor2d([0.9, 0.1, 0.2, NaN], [2, 2]);
    for (const average of AVERAGES) {
      const expected = average === 'none' ? [1, NaN] : [NaN];
      for (const zeroDivision of [0, 1] as const) {
        expect(score(y, bad, { average, zeroDivision })).toEqual(expected);
        const batches: [tf.Tensor, tf.Tensor][] = [
          [y, bad],
          [y, tf.ones([2, 2])],
        ];
        const stream = streamed(batches, { average, zeroDivision });
        expect(stream.map(Number.isNaN)).toEqual(expected.map(Number.isNaN));
        expect(score(bad, y, { average, zeroDivision }).some(Number.isNaN)).toBe(true);
      }
    }
  });

  it('streams without reading anything back', () => {
    const reads = (['read', 'readSync'] as const).map((name) => vi.spyOn(tf.backend(), name));
    const metrics = AVERAGES.map((average) => new FBetaScore({ average }));
    const [y, p] = [tf.ones([2, 3, 3]), tf.ones([2, 3, 3])];
    for (const metric of metrics) for (let i = 0; i < 3; i++) metric.update(y, p);
    const results = metrics.map((metric) => metric.result());
    for (const read of reads) expect(read).not.toHaveBeenCalled();
    results.forEach((result) => expect(numbers(result)[0]).toBe(1));
    expect(reads[1]).toHaveBeenCalledTimes(AVERAGES.length); // the spies do see reads
    vi.restoreAllMocks();
    for (const metric of metrics) metric.dispose();
  });

  it('leaves no tensor behind', () => {
    const [y, p] = [tf.ones([2, 3, 3]), tf.ones([2, 3, 3])];
    for (const average of AVERAGES) {
      expectNoLeak(() => fBetaScore(y, p, { average, threshold: [0.1, 0.5, 0.9] }));
      const metric = new FBetaScore({ average });
      const before = tf.memory().numTensors;
      metric.update(y, p);
      const held = tf.memory().numTensors - before;
      expect(held).toBeLessThanOrEqual(3);
      for (let i = 0; i < 3; i++) tf.tidy(() => metric.update(y, p));
      expect(tf.memory().numTensors - before).toBe(held);
      expectNoLeak(() => metric.result());
      expect(numbers(metric.result())[0]).toBe(1); // survives the tidy around update
      metric.reset();
      metric.update(y, p);
      const results = tf.memory().numTensors - before - held;
      expect(results).toBe(1); // the one result() above that this test did not free
      metric.dispose();
      metric.dispose();
      expect(tf.memory().numTensors - before).toBe(results);
    }
  });
});

describe('FBetaScore', () => {
  it('starts over after reset, with any number of labels', () => {
    const metric = new FBetaScore();
    metric.update(tf.tensor2d([[1, 0]]), tf.tensor2d([[0.1, 0.9]]));
    expect(numbers(metric.result())).toEqual([0]);
    metric.reset();
    metric.update(tf.ones([1, 3]), tf.ones([1, 3]));
    expect(numbers(metric.result())).toEqual([1]);
    metric.dispose();
  });

  it('does not mix batches of different labels, and keeps its sums when it refuses one', () => {
    const metric = new FBetaScore();
    metric.update(tf.ones([1, 2]), tf.ones([1, 2]));
    expect(() => metric.update(tf.zeros([1, 3]), tf.ones([1, 3]))).toThrow(
      'FBetaScore.update: probabilities: expected 2 labels, as in the batches before, received float32 tensor of shape [1, 3]',
    );
    expect(numbers(metric.result())).toEqual([1]);
    metric.dispose();
  });

  it('has no result before the first update', () => {
    expect(() => new FBetaScore().result()).toThrow('at least one update()');
  });

  it('says how it was made', () => {
    expect(new FBetaScore({ average: 'macro' }).getConfig()).toEqual({
      average: 'macro',
      beta: 2,
      threshold: 0.5,
      zeroDivision: 0,
    });
  });
});

describe('fBetaScore: arguments', () => {
  it.each([
    [{ beta: 0 }, 'beta: expected a finite number above 0, received 0'],
    [{ beta: Infinity }, 'beta'],
    [
      { average: 'mean' },
      `average: expected one of 'micro', 'macro', 'weighted', 'samples', 'none', received "mean"`,
    ],
    [{ threshold: 50 }, 'threshold'],
    [{ threshold: [0.5, NaN, 0.5] }, 'threshold'],
    [{ zeroDivision: 0.5 }, 'zeroDivision: expected 0 or 1'],
    [{ zero_division: 0 }, "unknown option 'zero_division'; did you mean 'zeroDivision'?"],
  ])('refuses %j', (options, message) => {
    const ok = tf.ones([2, 3]);
    expect(() => fBetaScore(ok, ok, options as FBetaOptions)).toThrow(ArgumentError);
    expect(() => fBetaScore(ok, ok, options as FBetaOptions)).toThrow(message);
    expect(() => new FBetaScore(options as FBetaOptions)).toThrow(message);
  });

  it('refuses shapes that do not fit', () => {
    const metric = new FBetaScore({ threshold: [0.5, 0.5] });
    expect(() => fBetaScore(tf.ones([2, 3]), tf.ones([2, 2]))).toThrow('fBetaScore: yTrue: expected');
    expect(() => fBetaScore(tf.ones([3]), tf.ones([3]))).toThrow('of rank 2 or more');
    expect(() => fBetaScore(tf.zeros([0, 3]), tf.zeros([0, 3]))).toThrow('not empty');
    expect(() => metric.update(tf.ones([2, 3]), tf.ones([2, 3]))).toThrow('one number for each of 3 labels');
    expect(() => metric.update(tf.ones([2, 3]), tf.ones([2, 2]))).toThrow('FBetaScore.update: yTrue');
  });
});
