import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import { confusionCounts } from '../../src/metrics/confusion_counts';
import {
  countDecisions,
  countDecisionsByPatient,
  decisionRates,
  poolCounts,
} from '../../src/metrics/decision_counts';
import { fBetaScore } from '../../src/metrics/f_beta';
import { expectClose } from '../support/matchers';

const rowsOf = (value: fc.Arbitrary<number>) => fc.array(value, { minLength: 2, maxLength: 2 });
const anyRows = fc.array(
  fc.tuple(rowsOf(fc.constantFrom(0, 1, -1)), rowsOf(fc.constantFrom(0.1, 0.4, 0.9))),
  {
    minLength: 1,
    maxLength: 8,
  },
);

describe('countDecisions', () => {
  it('counts as confusionCounts does, also where a float64 threshold is not a float32', () => {
    fc.assert(
      fc.property(anyRows, fc.constantFrom(0, 0.1, 0.4, 0.9, 1), (rows, limit) => {
        const [y, p] = [rows.map((row) => row[0]), rows.map((row) => row[1])];
        const counts = countDecisions(y, p, { threshold: [limit, 0.4] });
        const tensors = confusionCounts(tf.tensor2d(y), tf.tensor2d(p), [limit, 0.4]);
        for (const kind of ['tp', 'fp', 'fn', 'tn'] as const) {
          expect(counts.map((count) => count[kind])).toEqual([...tensors[kind].dataSync()]);
        }
        const [f2] = fBetaScore(tf.tensor2d(y), tf.tensor2d(p), { threshold: [limit, 0.4] }).dataSync();
        expectClose([decisionRates(poolCounts(counts)).fBeta ?? 0], [f2!], 1e-6);
      }),
      { numRuns: 50 },
    );
  });

  it('refuses what it cannot count', () => {
    expect(() => countDecisions([[1]], [[NaN]])).toThrow(ArgumentError);
    expect(() => countDecisions([[1]], [[0.5]], { threshold: [0.5, 0.5] })).toThrow(
      'one number for each of 1 labels',
    );
  });
});

describe('countDecisionsByPatient', () => {
  it("counts each patient's samples as if they were all, wherever they lie", () => {
    fc.assert(
      fc.property(anyRows, fc.infiniteStream(fc.constantFrom('p', 'q', '__proto__')), (rows, names) => {
        const patients = rows.map(() => names.next().value);
        const [y, p] = [rows.map(([truth]) => truth), rows.map(([, score]) => score)];
        const expected = [...new Set(patients)].map((patient) => {
          const own = (all: number[][]) => all.filter((_, i) => patients[i] === patient);
          return countDecisions(own(y), own(p), { threshold: [0.4, 0.5] });
        });
        const counts = countDecisionsByPatient(
          { patients, yTrue: y, probabilities: p },
          { threshold: [0.4, 0.5] },
        );
        expect(counts).toEqual(expected);
      }),
    );
  });

  it('names what does not fit as the caller counts it', () => {
    const rows = { patients: ['a', 'b'], yTrue: [[1], [0]], probabilities: [[0.5], [0.5]] };
    const fn = 'countDecisionsByPatient';
    const refused: [() => unknown, string][] = [
      [() => countDecisionsByPatient({ ...rows, patients: ['a'] }), 'patients: expected one for each of 2 samples'],
      [() => countDecisionsByPatient({ ...rows, yTrue: [[1], [0, 1]] }), 'yTrue[1]'],
      [() => countDecisionsByPatient({ ...rows, probabilities: [[0.5], [NaN]] }), 'probabilities'],
      [() => countDecisionsByPatient(rows, { threshold: 2 }), 'threshold'],
    ]; // prettier-ignore
    for (const [run, message] of refused) {
      expect(run).toThrow(ArgumentError);
      expect(run).toThrow(`${fn}: ${message}`);
    }
  });
});

describe('decisionRates', () => {
  it('has no rate of nothing', () => {
    const none = { tp: 0, fp: 0, fn: 0, tn: 0 };
    for (const rate of Object.values(decisionRates(none, { prevalence: 0.5 }))) expect(rate).toBeUndefined();
    expect(decisionRates({ ...none, fn: 1 }).fBeta).toBe(0);
    expect(decisionRates({ tp: 3, fp: 1, fn: 2, tn: 4 })).toEqual({
      fBeta: 15 / 24,
      precision: 0.75,
      recall: 0.6,
      specificity: 0.8,
      ppv: undefined,
      npv: undefined,
    });
  });

  it('lies between precision and recall, also for betas whose square leaves the range of numbers', () => {
    const counts = { tp: 1, fp: 1, fn: 2, tn: 0 };
    expect(decisionRates(counts, { beta: 1e200 }).fBeta).toBeCloseTo(1 / 3, 12);
    expect(decisionRates(counts, { beta: 1e-200 }).fBeta).toBe(1 / 2);
    expect(decisionRates(counts, { beta: 1 }).fBeta).toBe(2 / 5);
  });

  it('has the predictive values of counts at the prevalence of the counts', () => {
    const count = fc.integer({ min: 0, max: 50 });
    fc.assert(
      fc.property(count, count, count, count, (tp, fp, fn, tn) => {
        fc.pre(tp + fn > 0 && fp + tn > 0);
        const prevalence = (tp + fn) / (tp + fp + fn + tn);
        const { precision, ppv, npv } = decisionRates({ tp, fp, fn, tn }, { prevalence });
        if (precision === undefined) expect(ppv).toBeUndefined();
        else expect(ppv).toBeCloseTo(precision, 12);
        if (fn + tn === 0) expect(npv).toBeUndefined();
        else expect(npv).toBeCloseTo(tn / (fn + tn), 12);
      }),
    );
  });

  it('has the predictive values that were published', () => {
    // Abrigo et al. 2023: 62 of 84 positives found; specificity 79% of 1288
    const counts = { tp: 62, fn: 84 - 62, fp: 0.21 * 1288, tn: 0.79 * 1288 };
    const { ppv, npv } = decisionRates(counts, { prevalence: 84 / 1372 });
    expect(ppv).toBeCloseTo(0.186, 2);
    expect(npv).toBeCloseTo(0.978, 2);
  });

  it('has no predictive values where a rate is not known', () => {
    const options = { prevalence: 0.5 };
    expect(decisionRates({ tp: 0, fp: 1, fn: 0, tn: 1 }, options)).toMatchObject({ recall: undefined, ppv: undefined, npv: undefined }); // prettier-ignore
    expect(decisionRates({ tp: 1, fp: 0, fn: 1, tn: 0 }, options)).toMatchObject({ specificity: undefined, ppv: undefined, npv: undefined }); // prettier-ignore
  });

  it.each([
    [{}, { beta: 0 }, 'beta: expected a finite number above 0'],
    [{}, { beta: Infinity }, 'beta'],
    [{}, { prevalence: 6 }, 'prevalence: expected a number in [0, 1]'],
    [{}, { prevalence: NaN }, 'prevalence'],
    [{}, { average: 'macro' }, "unknown option 'average'"],
    [{ fp: NaN }, {}, 'counts: expected numbers of at least 0'],
    [{ fn: -1 }, {}, 'counts'],
  ])('refuses counts with %j and options %j', (change, options, message) => {
    const run = () => decisionRates({ tp: 1, fp: 0, fn: 0, tn: 0, ...change }, options as object);
    expect(run).toThrow(ArgumentError);
    expect(run).toThrow(`decisionRates: ${message}`);
  });
});
