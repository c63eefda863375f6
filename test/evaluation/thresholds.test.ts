import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import { chooseThresholds, type ChooseThresholdsOptions } from '../../src/evaluation/thresholds';
import { countDecisions, decisionRates, poolCounts } from '../../src/metrics/decision_counts';
import { fBetaScore } from '../../src/metrics/f_beta';

type Row = [number[], number[]];
const labels = ['a', 'b', 'c'];

/** Tied, adjacent (of two float32 with nothing between) and extreme scores. */
const anyScore = fc.oneof(
  fc.constantFrom(0, 0.25, 0.5, 0.75, 1, 0.1, 2 ** -149, 1 - 2 ** -24, 0.5 + 2 ** -24, 0.5 - 2 ** -25),
  fc.float({ min: 0, max: 1, noNaN: true }),
);
const anyLabel = fc.constantFrom(0, 0, 1, 1, -1);
const three = <T>(value: fc.Arbitrary<T>) => fc.array(value, { minLength: 3, maxLength: 3 });
const anyRows: fc.Arbitrary<Row[]> = fc.array(fc.tuple(three(anyLabel), three(anyScore)), {
  minLength: 1,
  maxLength: 6,
});
const anyBeta = fc.constantFrom(0.5, 1, 2);
const split = (rows: readonly Row[]) => ({
  yTrue: rows.map(([y]) => y),
  probabilities: rows.map(([, p]) => p),
});

/** Every decision there is: from each score on, from 0.5 on, and from 1 on. */
const cutsOf = (rows: readonly Row[], label: number) => [
  ...new Set([0.5, 1, ...rows.map(([, p]) => Math.fround(p[label]!))]),
];
const score = (rows: readonly Row[], threshold: number[], beta: number) => {
  const { yTrue, probabilities } = split(rows);
  return decisionRates(poolCounts(countDecisions(yTrue, probabilities, { threshold })), { beta }).fBeta ?? 0;
};
const only = (rows: readonly Row[], label: number): Row[] => rows.map(([y, p]) => [[y[label]!], [p[label]!]]);

describe('chooseThresholds', () => {
  it('finds the best cut of each label: macro equals trying all', () => {
    fc.assert(
      fc.property(anyRows, anyBeta, (rows, beta) => {
        const { thresholds, scores, guarded, pooledThreshold } = chooseThresholds({ labels, ...split(rows), beta, average: 'macro', minPositives: 1 }); // prettier-ignore
        labels.forEach((name, label) => {
          const alone = only(rows, label);
          if (guarded.includes(name)) return expect(thresholds[label]).toBe(pooledThreshold);
          const best = Math.max(...cutsOf(rows, label).map((cut) => score(alone, [cut], beta)));
          expect(scores[label]).toBeCloseTo(best, 12);
          expect(score(alone, [thresholds[label]!], beta)).toBe(scores[label]);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('finds the best combination: micro equals trying all', () => {
    fc.assert(
      fc.property(anyRows, anyBeta, (rows, beta) => {
        const { thresholds, pooledScore, guarded, pooledThreshold } = chooseThresholds({ labels, ...split(rows), beta, minPositives: 1 }); // prettier-ignore
        const cuts = labels.map((name, label) =>
          guarded.includes(name) ? [pooledThreshold] : cutsOf(rows, label),
        );
        let best = 0;
        for (const a of cuts[0]!)
          for (const b of cuts[1]!)
            for (const c of cuts[2]!) best = Math.max(best, score(rows, [a, b, c], beta));
        expect(pooledScore ?? 0).toBeCloseTo(best, 12);
        expect(score(rows, thresholds, beta)).toBe(pooledScore ?? 0);
      }),
      { numRuns: 60 },
    );
  });

  it('finds the best threshold for all labels together: equals trying all', () => {
    fc.assert(
      fc.property(anyRows, anyBeta, (rows, beta) => {
        const { pooledThreshold: t } = chooseThresholds({ labels, ...split(rows), beta });
        const cuts = labels.flatMap((_, label) => cutsOf(rows, label));
        const best = Math.max(...cuts.map((cut) => score(rows, [cut, cut, cut], beta)));
        expect(score(rows, [t, t, t], beta)).toBeCloseTo(best, 12);
      }),
      { numRuns: 200 },
    );
  });

  it('is no worse than 0.5, and no single label can be changed for the better, on many rows', () => {
    const many = fc.array(fc.tuple(three(anyLabel), three(anyScore)), { minLength: 20, maxLength: 60 });
    fc.assert(
      fc.property(many, anyBeta, (rows, beta) => {
        const { thresholds, pooledScore, guarded } = chooseThresholds({ labels, ...split(rows), beta });
        expect(pooledScore ?? 0).toBeGreaterThanOrEqual(score(rows, [0.5, 0.5, 0.5], beta));
        labels.forEach((name, label) => {
          if (guarded.includes(name)) return;
          for (const cut of cutsOf(rows, label)) {
            const changed = thresholds.map((kept, i) => (i === label ? cut : kept));
            expect(score(rows, changed, beta)).toBeLessThanOrEqual((pooledScore ?? 0) + 1e-12);
          }
        });
      }),
      { numRuns: 20 },
    );
  });

  it('counts the decisions that decide makes of tensors, after JSON', () => {
    fc.assert(
      fc.property(anyRows, fc.constantFrom('micro', 'macro'), (rows, average) => {
        const chosen = chooseThresholds({ labels, ...split(rows), average, minPositives: 1 });
        const { thresholds } = JSON.parse(JSON.stringify(chosen)) as typeof chosen;
        const { yTrue, probabilities } = split(rows);
        const pooled = fBetaScore(tf.tensor2d(yTrue), tf.tensor2d(probabilities), { threshold: thresholds });
        expect(pooled.dataSync()[0]).toBeCloseTo(chosen.pooledScore ?? 0, 6);
      }),
      { numRuns: 100 },
    );
  });

  it('lies halfway between the scores it separates, and keeps 0.5 where nothing is better', () => {
    const choose = (yTrue: number[], p: number[], average: 'micro' | 'macro' = 'macro') =>
      chooseThresholds({
        labels: ['a'],
        yTrue: yTrue.map((y) => [y]),
        probabilities: p.map((value) => [value]),
        average,
        minPositives: 1,
      });
    expect(choose([0, 1, 1], [0.125, 0.25, 0.375])).toEqual({
      thresholds: [0.1875],
      scores: [1],
      pooledScore: 1,
      pooledThreshold: 0.1875,
      guarded: [],
    });
    expect(choose([0, 1, 1], [0.1, 0.7, 0.8]).thresholds).toEqual([0.5]);
    expect(choose([1, 1], [0.25, 0.3]).thresholds).toEqual([0.125]); // everything: halfway to 0
    const [low, high] = [0.25, 0.25 + 2 ** -25]; // neighbours in float32
    expect(choose([0, 1], [low, high]).thresholds).toEqual([high]);
    expect(choose([1, 1, -1], [0, 0, NaN]).thresholds).toEqual([0]);
  });

  it('finds nothing of a label whose findings cost the pooled score more than they bring', () => {
    const rows: Row[] = Array.from({ length: 40 }, (_, i) => [
      [i % 2, i === 0 ? 1 : 0],
      [i % 2 ? 0.9 : 0.2, 0.6 + i / 200],
    ]);
    const { thresholds } = chooseThresholds({
      labels: ['good', 'hopeless'],
      ...split(rows),
      minPositives: 1,
    });
    expect(thresholds[0]).toBeCloseTo((0.6 + 39 / 200 + 0.9) / 2, 6);
    expect(thresholds[1]).toBeGreaterThan(Math.fround(0.6 + 39 / 200));
  });

  it('gives a label that few patients have the pooled threshold, and says so', () => {
    const yTrue = Array.from({ length: 20 }, (_, i) => [i < 6 ? 1 : 0, i < 10 ? 1 : 0]);
    const probabilities = yTrue.map((row) => row.map((y) => (y ? 0.3 : 0.1)));
    const halfway = Math.fround((Math.fround(0.1) + Math.fround(0.3)) / 2);
    // two slices per patient: three patients have the first label, five the second
    const patients = yTrue.map((_, i) => `p${Math.floor(i / 2)}`);
    const options = { labels: ['few', 'enough'], yTrue, probabilities };
    expect(chooseThresholds(options).guarded).toEqual([]);
    expect(chooseThresholds({ ...options, patients })).toEqual({
      thresholds: [halfway, halfway],
      scores: [1, 1],
      pooledScore: 1,
      pooledThreshold: halfway,
      guarded: ['few'],
    });
    const none = chooseThresholds({ labels: ['x'], yTrue: [[0]], probabilities: [[0.1]] });
    expect(none).toEqual({
      thresholds: [0.5],
      scores: [undefined],
      pooledScore: undefined,
      pooledThreshold: 0.5,
      guarded: ['x'],
    });
  });

  it.each([
    [{ labels: ['a'] }, 'labels: expected 2 names'],
    [{ beta: -1 }, 'beta'],
    [{ average: 'samples' }, "average: expected 'micro' or 'macro'"],
    [{ minPositives: 0 }, 'minPositives: expected a positive integer'],
    [{ patients: ['p', 'q'] }, 'patients: expected one for each of 1 samples'],
    [{ yTrue: [[0.5, 0]] }, 'yTrue: expected 0, 1, or -1'],
    [{ probabilities: [[NaN, 0]] }, 'probabilities: expected numbers in [0, 1]'],
    [{ threshold: 0.5 }, "option 'threshold'"],
  ])('refuses %j', (change, message) => {
    const options = { labels: ['a', 'b'], yTrue: [[1, 0]], probabilities: [[0.5, 0.5]], ...change };
    const run = () => chooseThresholds(options as ChooseThresholdsOptions);
    expect(run).toThrow(ArgumentError);
    expect(run).toThrow(message);
  });
});
