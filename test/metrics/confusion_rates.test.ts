import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import {
  ConfusionRates,
  confusionRates,
  type ConfusionRatesOptions,
  type RateTensors,
} from '../../src/metrics/confusion_rates';
import { confusionCounts } from '../../src/metrics/confusion_counts';
import {
  countDecisions,
  countDecisionsByPatient,
  decisionRates,
  fBetaOfCounts,
  poolCounts,
} from '../../src/metrics/decision_counts';
import { fBetaScore } from '../../src/metrics/f_beta';
import { predictiveValues } from '../../src/metrics/predictive_values';
import { onBackends } from '../support/backends';
import { readEvaluationGolden } from '../support/evaluation_golden';
import { expectClose, expectNoLeak } from '../support/matchers';

const { cases, threshold } = readEvaluationGolden();
const RATES = ['precision', 'recall', 'specificity'] as const;
const read = (rates: RateTensors) =>
  Object.fromEntries(RATES.map((rate) => [rate, [...rates[rate].dataSync()]])) as Record<
    (typeof RATES)[number],
    number[]
  >;
/** NaN where scikit-learn's rate is not defined. */
function expectRate(actual: number | undefined, expected: number | null) {
  if (expected === null) expect(actual).toBeNaN();
  else expect(actual).toBeCloseTo(expected, 6);
}
const rowsOf = (value: fc.Arbitrary<number>) => fc.array(value, { minLength: 2, maxLength: 2 });
const anyRows = fc.array(
  fc.tuple(rowsOf(fc.constantFrom(0, 1, -1)), rowsOf(fc.constantFrom(0.1, 0.4, 0.9))),
  {
    minLength: 1,
    maxLength: 8,
  },
);

onBackends(['cpu', 'wasm', 'cpu, without kernels'], 'confusionRates', () => {
  it.each(cases)('equals scikit-learn: $name', ({ yTrue, probabilities, perLabel, pooled }) => {
    const [y, p] = [tf.tensor2d(yTrue), tf.tensor2d(probabilities)];
    const each = read(confusionRates(y, p, { threshold, average: 'none' }));
    const all = read(confusionRates(y, p, { threshold }));
    const macro = read(confusionRates(y, p, { threshold, average: 'macro' }));
    for (const rate of RATES) {
      perLabel.forEach((expected, label) => expectRate(each[rate][label], expected[rate]));
      expectRate(all[rate][0], pooled[rate]);
      const defined = perLabel.map((expected) => expected[rate]).filter((value) => value !== null);
      expectRate(macro[rate][0], defined.length ? defined.reduce((a, b) => a + b) / defined.length : null);
    }
  });

  it('is the same in any batching', () => {
    fc.assert(
      fc.property(anyRows, fc.constantFrom('micro', 'macro', 'none'), (rows, average) => {
        const metric = new ConfusionRates({ average, threshold: [0.4, 0.5] });
        for (const [y, p] of rows) metric.update(tf.tensor3d([[y]]), tf.tensor3d([[p]]));
        const [y, p] = [tf.tensor2d(rows.map((row) => row[0])), tf.tensor2d(rows.map((row) => row[1]))];
        expect(read(metric.result())).toEqual(read(confusionRates(y, p, metric.getConfig())));
        metric.dispose();
      }),
      { numRuns: 30 },
    );
  });

  it('gives NaN for a NaN in a labelled entry, and leaves others out', () => {
    const y = tf.tensor2d([[1, -1], [0, 1]]); // prettier-ignore
    const p = tf.tensor2d([[NaN, NaN], [0.9, 0.9]]); // prettier-ignore
    const { precision, recall } = read(confusionRates(y, p, { average: 'none' }));
    expect(precision).toEqual([NaN, 1]);
    expect(recall).toEqual([NaN, 1]);
    expect(read(confusionRates(y, p, { average: 'macro' })).precision).toEqual([NaN]);
  });

  it('leaves no tensor behind', () => {
    const [y, p] = [tf.ones([2, 3]), tf.fill([2, 3], 0.5)];
    expectNoLeak(() => confusionRates(y, p, { average: 'macro' }));
    expectNoLeak(() => {
      const metric = new ConfusionRates();
      metric.update(y, p);
      tf.tidy(() => metric.update(y, p)); // survives a tidy around it
      const result = metric.result();
      metric.dispose();
      metric.dispose();
      return { ...result };
    });
  });
});

describe('ConfusionRates', () => {
  it('starts over after reset, and refuses another number of labels and a result of nothing', () => {
    const metric = new ConfusionRates();
    expect(() => metric.result()).toThrow('at least one update()');
    metric.update(tf.ones([1, 2]), tf.ones([1, 2]));
    expect(() => metric.update(tf.ones([1, 3]), tf.ones([1, 3]))).toThrow(
      'expected 2 labels, as in the batches',
    );
    metric.reset();
    metric.update(tf.ones([1, 3]), tf.zeros([1, 3]));
    expect(read(metric.result())).toEqual({ precision: [NaN], recall: [0], specificity: [NaN] });
    metric.dispose();
  });

  it.each([
    [{ average: 'weighted' }, "average: expected one of 'micro', 'macro', 'none'"],
    [{ threshold: 2 }, 'threshold: expected a number in [0, 1]'],
    [{ threshold: [0.5, 0.5] }, 'threshold: expected one number for each of 3 labels'],
    [{ beta: 2 }, "unknown option 'beta'; known: average, threshold"],
  ])('refuses %j', (options, message) => {
    const ok = tf.ones([1, 3]);
    for (const run of [
      () => confusionRates(ok, ok, options as ConfusionRatesOptions),
      () => new ConfusionRates(options as ConfusionRatesOptions).update(ok, ok),
    ]) {
      expect(run).toThrow(ArgumentError);
      expect(run).toThrow(message);
    }
  });
});

describe('countDecisions', () => {
  it('counts as confusionCounts does, also where a float64 threshold is not a float32', () => {
    fc.assert(
      fc.property(anyRows, fc.constantFrom(0, 0.1, 0.4, 0.9, 1), (rows, limit) => {
        const [y, p] = [rows.map((row) => row[0]), rows.map((row) => row[1])];
        const counts = countDecisions(y, p, [limit, 0.4]);
        const tensors = confusionCounts(tf.tensor2d(y), tf.tensor2d(p), { threshold: [limit, 0.4] });
        for (const kind of ['tp', 'fp', 'fn', 'tn'] as const) {
          expect(counts.map((count) => count[kind])).toEqual([...tensors[kind].dataSync()]);
        }
        const [f2] = fBetaScore(tf.tensor2d(y), tf.tensor2d(p), { threshold: [limit, 0.4] }).dataSync();
        expectClose([fBetaOfCounts(poolCounts(counts)) ?? 0], [f2!], 1e-6);
      }),
      { numRuns: 50 },
    );
  });

  it('has no rate of nothing', () => {
    const none = { tp: 0, fp: 0, fn: 0, tn: 0 };
    expect(decisionRates(none)).toEqual({ precision: undefined, recall: undefined, specificity: undefined });
    expect(fBetaOfCounts(none)).toBeUndefined();
    expect(fBetaOfCounts({ ...none, fn: 1 })).toBe(0);
    expect(decisionRates({ tp: 3, fp: 1, fn: 2, tn: 4 })).toEqual({
      precision: 0.75,
      recall: 0.6,
      specificity: 0.8,
    });
  });

  it('refuses what it cannot count', () => {
    expect(() => countDecisions([[1]], [[NaN]])).toThrow(ArgumentError);
    expect(() => countDecisions([[1]], [[0.5]], [0.5, 0.5])).toThrow('one number for each of 1 labels');
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
          return countDecisions(own(y), own(p), [0.4, 0.5]);
        });
        expect(countDecisionsByPatient(patients, y, p, [0.4, 0.5])).toEqual(expected);
      }),
    );
  });

  it('names what does not fit as the caller counts it', () => {
    const [y, p] = [
      [[1], [0]],
      [[0.5], [0.5]],
    ];
    expect(() => countDecisionsByPatient(['a'], y, p)).toThrow(
      'patients: expected one for each of 2 samples',
    );
    expect(() => countDecisionsByPatient(['a', 'b'], [[1], [0, 1]], p)).toThrow(
      'countDecisionsByPatient: yTrue[1]',
    );
    expect(() => countDecisionsByPatient(['a', 'b'], y, [[0.5], [NaN]])).toThrow(ArgumentError);
    expect(() => countDecisionsByPatient(['a', 'b'], y, p, 2)).toThrow('countDecisionsByPatient');
  });
});

describe('predictiveValues', () => {
  it('are those of counts at the prevalence of the counts', () => {
    const count = fc.integer({ min: 0, max: 50 });
    fc.assert(
      fc.property(count, count, count, count, (tp, fp, fn, tn) => {
        fc.pre(tp + fn > 0 && fp + tn > 0);
        const { precision, recall, specificity } = decisionRates({ tp, fp, fn, tn });
        const { ppv, npv } = predictiveValues(recall, specificity, (tp + fn) / (tp + fp + fn + tn));
        if (precision === undefined) expect(ppv).toBeUndefined();
        else expect(ppv).toBeCloseTo(precision, 12);
        if (fn + tn === 0) expect(npv).toBeUndefined();
        else expect(npv).toBeCloseTo(tn / (fn + tn), 12);
      }),
    );
  });

  it('are those that were published', () => {
    // Abrigo et al. 2023: 62 of 84 positives found; specificity 79% of 1288
    const { ppv, npv } = predictiveValues(62 / 84, 0.79, 84 / 1372);
    expect(ppv).toBeCloseTo(0.186, 2);
    expect(npv).toBeCloseTo(0.978, 2);
  });

  it('are not known where a rate is not, and refuse what is no share', () => {
    expect(predictiveValues(undefined, 0.5, 0.5)).toEqual({ ppv: undefined, npv: undefined });
    expect(predictiveValues(0.5, undefined, 0.5)).toEqual({ ppv: undefined, npv: undefined });
    expect(() => predictiveValues(1.1, 0.5, 0.5)).toThrow(
      'predictiveValues: sensitivity: expected a number in',
    );
    expect(() => predictiveValues(1, NaN, 0.5)).toThrow(ArgumentError);
    expect(() => predictiveValues(1, 1, undefined as unknown as number)).toThrow('prevalence');
  });
});
