import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import { fitCalibration, type FitCalibrationOptions } from '../../src/evaluation/calibration';
import { calibrateProbabilities, logitsOf } from '../../src/metrics/calibration';
import { expectedCalibrationError } from '../../src/metrics/probability_errors';
import { rocAuc } from '../../src/metrics/ranking_metrics';
import { seededRandom } from '../../src/base/random';
import { readEvaluationGolden } from '../support/evaluation_golden';

const column = (values: readonly number[]) => values.map((value) => [value]);
const fit = (yTrue: number[], logits: number[], options: Partial<FitCalibrationOptions> = {}) =>
  fitCalibration({ labels: ['a'], yTrue: column(yTrue), logits: column(logits), ...options });

/** Log loss of `sigmoid(scale * logit + offset)`. */
const logLoss = (y: number[], x: number[], scale: number, offset: number) =>
  y.reduce((sum, label, i) => {
    const z = (label === 1 ? -1 : 1) * (scale * x[i]! + offset);
    return sum + Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
  }, 0) / y.length;

describe.each(readEvaluationGolden().calibration)('fitCalibration: $name', (golden) => {
  const { yTrue, logits } = golden;

  it('equals scikit-learn’s logistic regression', () => {
    const { calibration, kept } = fit(yTrue, logits, { method: 'platt', smoothTargets: false });
    expect(kept).toEqual([]);
    expect(calibration.scale[0]).toBeCloseTo(golden.logisticRegression[0], 5);
    expect(calibration.offset[0]).toBeCloseTo(golden.logisticRegression[1], 5);
  });

  it('equals the temperature that scipy finds', () => {
    const { calibration } = fit(yTrue, logits, { method: 'temperature', smoothTargets: false });
    expect(1 / calibration.scale[0]!).toBeCloseTo(golden.temperature, 5);
    expect(calibration.offset).toEqual([0]);
  });

  it('equals scikit-learn’s Platt scaling, targets included', () => {
    const { calibration } = fit(yTrue, logits, { method: 'platt' });
    expect(calibration.scale[0]).toBeCloseTo(golden.plattTargets[0], 3); // scikit-learn stops early
    expect(calibration.offset[0]).toBeCloseTo(golden.plattTargets[1], 3);
  });

  it('says what it gained', () => {
    const { calibration, logLossBefore, logLossAfter } = fit(yTrue, logits, { method: 'platt' });
    expect(logLossBefore[0]).toBeCloseTo(logLoss(yTrue, logits, 1, 0), 12);
    expect(logLossAfter[0]).toBeCloseTo(
      logLoss(yTrue, logits, calibration.scale[0]!, calibration.offset[0]!),
      12,
    );
    expect(logLossAfter[0]).toBeLessThan(logLossBefore[0]!);
  });
});

describe('fitCalibration', () => {
  it('takes probabilities for their logits', () => {
    const [yTrue, p] = [[0, 1, 1, 0, 1].map((y) => [y]), [0.1, 0.2, 0.9, 0.6, 1].map((x) => [x])];
    const options = { labels: ['a'], yTrue, method: 'platt', minPositives: 1 } as const;
    expect(fitCalibration({ ...options, probabilities: p })).toEqual(
      fitCalibration({ ...options, logits: logitsOf(p) }),
    );
  });

  it('is never worse than no calibration, keeps the order, and is the same twice', () => {
    const entry = fc.tuple(
      fc.constantFrom(0, 1, -1),
      fc.oneof(
        fc.double({ min: -5, max: 5, noNaN: true }),
        fc.constantFrom(0, 1e4, -1e4),
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      ),
    );
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 1, maxLength: 30 }),
        fc.constantFrom('temperature', 'platt'),
        fc.boolean(),
        (entries, method, smoothTargets) => {
          const run = () =>
            fit(entries.map(([y]) => y), entries.map(([, x]) => x), { method, smoothTargets, minPositives: 1 }); // prettier-ignore
          const fitted = run();
          const { calibration, logLossBefore, logLossAfter } = fitted;
          expect(calibration.scale[0]).toBeGreaterThan(0);
          expect(Number.isFinite(calibration.scale[0]! + calibration.offset[0]!)).toBe(true);
          if (logLossBefore[0] !== undefined) expect(logLossAfter[0]).toBeLessThanOrEqual(logLossBefore[0]);
          expect(run()).toEqual(fitted);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('ends where no small change is better', () => {
    const random = seededRandom(3);
    for (const spread of [0.1, 1, 30, 3000]) {
      const logits = Array.from({ length: 60 }, () => spread * (random() - 0.4));
      const yTrue = logits.map((x) => (random() < 1 / (1 + Math.exp(-x / spread - 0.3)) ? 1 : 0));
      const { calibration, kept } = fit(yTrue, logits, { method: 'platt', smoothTargets: false });
      expect(kept).toEqual([]);
      const [scale, offset] = [calibration.scale[0]!, calibration.offset[0]!];
      const best = logLoss(yTrue, logits, scale, offset);
      for (const [ds, d] of [
        [1.01, 0],
        [0.99, 0],
        [1, 0.01],
        [1, -0.01],
        [1.01, 0.01],
        [0.99, -0.01],
      ] as const) {
        // prettier-ignore
        expect(logLoss(yTrue, logits, scale * ds, offset + d)).toBeGreaterThan(best);
      }
    }
  });

  it('brings overconfident probabilities to what comes true, and leaves the ranking alone', () => {
    const random = seededRandom(1);
    const truth = Array.from({ length: 4000 }, () => 4 * (random() - 0.6));
    const yTrue = column(truth.map((x) => (random() < 1 / (1 + Math.exp(-x)) ? 1 : 0)));
    const probabilities = column(truth.map((x) => 1 / (1 + Math.exp(-3 * x))));
    for (const method of ['temperature', 'platt'] as const) {
      const { calibration } = fitCalibration({
        labels: ['a'],
        yTrue,
        logits: logitsOf(probabilities),
        method,
      });
      expect(calibration.scale[0]).toBeCloseTo(1 / 3, 1);
      const calibrated = calibrateProbabilities(probabilities, calibration);
      expect(expectedCalibrationError(yTrue, calibrated)!).toBeLessThan(
        0.3 * expectedCalibrationError(yTrue, probabilities)!,
      );
      expect(rocAuc(yTrue, calibrated)).toBeCloseTo(rocAuc(yTrue, probabilities)!, 6);
    }
  });

  it('leaves labels as they are that it cannot fit, and says why', () => {
    const y = Array.from({ length: 40 }, (_, i) => i % 2);
    const rows = (...columns: number[][]) => y.map((_, i) => columns.map((values) => values[i]!));
    const few = y.map((_, i) => (i < 9 ? 1 : 0));
    const good = y.map((label, i) => (label ? 1 : -1) * (i % 8 < 2 ? -1 : 2));
    const bad = good.map((x) => -x);
    const clean = y.map((label) => (label ? 2 : 1));
    const labels = ['few', 'bad', 'clean', 'unlabelled'];
    const unlabelled = y.map(() => -1);
    const logits = rows(good, bad, clean, y.map(() => NaN)); // prettier-ignore
    const fitted = fitCalibration({ labels, yTrue: rows(few, y, y, unlabelled), logits, method: 'platt', smoothTargets: false }); // prettier-ignore
    expect(fitted.kept).toEqual([
      { label: 'few', reason: 'reversed' }, // of all labels pooled, among them the bad one
      { label: 'bad', reason: 'reversed' },
      { label: 'clean', reason: 'separable' },
      { label: 'unlabelled', reason: 'reversed' },
    ]);
    expect(fitted.calibration).toEqual({ method: 'platt', scale: [1, 1, 1, 1], offset: [0, 0, 0, 0] });
    expect(fitted.logLossAfter).toEqual(fitted.logLossBefore);
    expect(fitted.logLossAfter[3]).toBeUndefined();
  });

  it('bounds what separable data would make certain, by smoothed targets', () => {
    const y = Array.from({ length: 40 }, (_, i) => i % 2);
    const logits = y.map((label) => (label ? 2 : -2));
    for (const method of ['temperature', 'platt'] as const) {
      const { calibration } = fit(y, logits, { method });
      // 20 of each: the targets are 21/22 and 1/22
      expect(calibration.scale[0]! * 2).toBeCloseTo(Math.log(21), 6);
      expect(calibration.offset[0]).toBeCloseTo(0, 6);
    }
  });

  it('keeps what the smoothed targets would make worse', () => {
    const y = Array.from({ length: 20 }, (_, i) => i % 2);
    const { kept } = fit(y, y.map((label) => (label ? 20 : -20))); // prettier-ignore
    expect(kept).toEqual([{ label: 'a', reason: 'no gain' }]);
  });

  it.each([
    [{ labels: [] }, 'labels: expected 1 names'],
    [{ method: 'isotonic' }, "method: expected 'temperature' or 'platt'"],
    [{ smoothTargets: 1 }, 'smoothTargets: expected a boolean'],
    [{ minPositives: 0 }, 'minPositives: expected a positive integer'],
    [{ logits: [[Infinity]] }, 'logits: expected finite numbers'],
    [{ probabilities: [[1]] }, 'logits, probabilities: expected one of them, received "both"'],
    [{ logits: undefined }, 'logits, probabilities: expected one of them, received undefined'],
    [{ logits: undefined, probabilities: [[1.5]] }, 'probabilities: expected rows of 1 numbers in [0, 1]'],
    [{ probability: [[1]] }, "did you mean 'probabilities'"],
  ])('refuses %j', (change, message) => {
    const run = () => fit([1], [0.5], change as object);
    expect(run).toThrow(ArgumentError);
    expect(run).toThrow(message);
  });

  it('gives a label that few patients have the fit of all labels pooled', () => {
    const y = Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? 1 : 0));
    const few = y.map((_, i) => (i < 12 ? 1 : 0));
    const yTrue = y.map((label, i) => [label, few[i]!]);
    const logits = yTrue.map((row) =>
      row.map((label, l) => (label ? 1 : -1) * (l + 1) + Math.sin(7 * l) - 2),
    );
    const patients = y.map((_, i) => `p${Math.floor(i / 2)}`); // six patients have the second label
    const options = { labels: ['own', 'few'], yTrue, logits, method: 'platt' as const };
    const { calibration, pooled, kept } = fitCalibration({ ...options, patients });
    const together = fitCalibration({
      ...{ labels: ['all'], method: 'platt' },
      yTrue: yTrue.flatMap((row) => row.map((label) => [label])),
      logits: logits.flatMap((row) => row.map((logit) => [logit])),
    });
    expect({ pooled, kept }).toEqual({ pooled: ['few'], kept: [] });
    expect(calibration.scale[1]).toBeCloseTo(together.calibration.scale[0]!, 9);
    expect(calibration.offset[1]).toBeCloseTo(together.calibration.offset[0]!, 9);
    expect(calibration.scale[0]).toBe(fitCalibration(options).calibration.scale[0]);
  });
});
