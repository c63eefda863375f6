import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import { brierScore, expectedCalibrationError, reliabilityCurve } from '../../src/metrics/probability_errors';
import { readEvaluationGolden } from '../support/evaluation_golden';
import { expectClose } from '../support/matchers';

describe.each(readEvaluationGolden().cases)('$name', ({ yTrue, probabilities, perLabel, pooled }) => {
  it.each([
    ['brierScore', brierScore],
    ['calibrationError', expectedCalibrationError],
  ] as const)('%s equals scikit-learn', (name, metric) => {
    const values = metric(yTrue, probabilities, { average: 'none' });
    perLabel.forEach((expected, label) => expect(values[label]).toBeCloseTo(expected[name], 12));
    expect(metric(yTrue, probabilities, { average: 'micro' })).toBeCloseTo(pooled[name], 12);
    const mean = perLabel.reduce((sum, expected) => sum + expected[name], 0) / perLabel.length;
    expect(metric(yTrue, probabilities)).toBeCloseTo(mean, 12);
  });

  it('reliabilityCurve equals scikit-learn', () => {
    perLabel.forEach(({ reliability: [mean, share] }, label) => {
      const column = (rows: number[][]) => rows.map((row) => row[label]!);
      const curve = reliabilityCurve(column(yTrue), column(probabilities));
      expectClose(curve.map((bin) => bin.meanProbability), mean, 1e-12); // prettier-ignore
      expectClose(curve.map((bin) => bin.positiveShare), share, 1e-12); // prettier-ignore
    });
  });
});

describe('reliabilityCurve', () => {
  it('puts an edge into the bin below it, and what is just above into the next', () => {
    for (const bins of [1, 2, 7, 15, 49, 100]) {
      for (let k = 0; k <= bins; k++) {
        const [edge] = reliabilityCurve([1], [k / bins], { bins });
        expect(edge).toMatchObject({ count: 1, meanProbability: k / bins, positiveShare: 1 });
        expect(edge!.high).toBe(Math.max(k, 1) / bins);
        if (k === bins) continue;
        const [above] = reliabilityCurve([0], [(k / bins) * (1 + Number.EPSILON)], { bins });
        expect(above!.high).toBe((k + 1) / bins);
        expect(above!.positiveShare).toBe(0);
      }
    }
  });

  it('holds every labelled entry once, between its edges', () => {
    const entry = fc.tuple(fc.constantFrom(0, 1, -1), fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(fc.array(entry), fc.integer({ min: 1, max: 20 }), (entries, bins) => {
        const curve = reliabilityCurve(entries.map(([y]) => y), entries.map(([, p]) => p), { bins }); // prettier-ignore
        const labelled = entries.filter(([y]) => y !== -1);
        expect(curve.reduce((sum, bin) => sum + bin.count, 0)).toBe(labelled.length);
        for (const { low, high, count } of curve) {
          const inside = labelled.filter(([, p]) => (p > low || (p === 0 && low === 0)) && p <= high);
          expect(count).toBe(inside.length);
        }
      }),
    );
  });
});

describe('brierScore and expectedCalibrationError', () => {
  it.each([brierScore, expectedCalibrationError])('%o has no value of nothing, and refuses NaN', (metric) => {
    expect(metric([[-1, 1]], [[NaN, 0.25]], { average: 'none' })[0]).toBeUndefined();
    expect(metric([[-1, 1]], [[NaN, 0.25]])).toBe(metric([[1]], [[0.25]]));
    for (const average of ['micro', 'macro', 'weighted'] as const) {
      expect(metric([[-1]], [[0.5]], { average })).toBeUndefined();
    }
    for (const bad of [NaN, 1.5, -0.1]) {
      expect(() => metric([[1]], [[bad]])).toThrow(ArgumentError);
      expect(() => metric([[1]], [[bad]])).toThrow('probabilities: expected numbers in [0, 1]');
    }
    expect(() => metric([[1]], [[0.5]], { bin: 2 } as object)).toThrow("unknown option 'bin'");
  });

  it('are numbers one can check by hand', () => {
    expect(brierScore([[1], [0]], [[0.7], [0.4]])).toBeCloseTo((0.09 + 0.16) / 2, 12);
    // 0.2 and 0.4 share a bin of width 0.5: half positive, 0.3 predicted; 0.9 alone: 1 against 0.9
    expect(expectedCalibrationError([[1], [0], [1]], [[0.2], [0.4], [0.9]], { bins: 2 })).toBeCloseTo(
      (2 * 0.2 + 0.1) / 3,
      12,
    );
    expect(() => expectedCalibrationError([[1]], [[1]], { bins: 0 })).toThrow(
      'bins: expected a positive integer',
    );
  });
});
