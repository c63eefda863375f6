import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError, DataError } from '../../src/base/errors';
import {
  evaluateProbabilities,
  type EvaluateProbabilitiesOptions,
} from '../../src/evaluation/evaluate_probabilities';
import { patientLevel } from '../../src/evaluation/patient_level';
import { fBetaScore } from '../../src/metrics/f_beta';
import { decisionRates } from '../../src/metrics/decision_counts';
import { weightedLogLoss } from '../../src/metrics/weighted_log_loss';
import { readEvaluationGolden, type GoldenScores } from '../support/evaluation_golden';
import { expectClose } from '../support/matchers';

const { cases, threshold } = readEvaluationGolden();
const labels = ['a', 'b', 'c', 'd', 'e'];
const SCORES = [
  'fBeta', 'precision', 'recall', 'specificity', 'averagePrecision', 'rocAuc', 'brierScore', 'calibrationError', 'logLoss',
] as const; // prettier-ignore

function expectScores(actual: Record<(typeof SCORES)[number], number | undefined>, expected: GoldenScores) {
  for (const score of SCORES) {
    if (expected[score] === null) expect(actual[score], score).toBeUndefined();
    else expect(actual[score], score).toBeCloseTo(expected[score], 11);
  }
}

describe('evaluateProbabilities', () => {
  it.each(cases)('equals scikit-learn: $name', ({ yTrue, probabilities, perLabel, pooled }) => {
    const report = evaluateProbabilities({ labels, yTrue, probabilities, threshold });
    expect(report.labels.map(({ label }) => label)).toEqual(labels);
    report.labels.forEach((actual, label) => {
      expectScores(actual, perLabel[label]!);
      const positives = yTrue.filter((row) => row[label] === 1).length;
      expect(actual).toMatchObject({ threshold, positives, negatives: yTrue.length - positives });
      expect([actual.prevalence, actual.ppv, actual.npv]).toEqual([undefined, undefined, undefined]);
    });
    expectScores(report.pooled, pooled);
    for (const score of SCORES) {
      const defined = perLabel.map((scores) => scores[score]).filter((value) => value !== null);
      if (defined.length === 0) expect(report.macro[score]).toBeUndefined();
      else expect(report.macro[score]).toBeCloseTo(defined.reduce((a, b) => a + b) / defined.length, 11);
    }
  });

  it('takes thresholds, prevalences and weights of labels, and equals the tensor metrics', () => {
    const { yTrue, probabilities } = cases.find(({ name }) => name === 'ties')!;
    const threshold = [0.2, 0.3, 0.4, 0.5, 0.6];
    const prevalence = [0.01, 0.02, 0.03, 0.04, 0.05];
    const weights = [1, 0, 2, 0.5, 1];
    const report = evaluateProbabilities({
      labels,
      yTrue,
      probabilities,
      threshold,
      beta: 1,
      prevalence,
      weights,
    });
    const [y, p] = [tf.tensor2d(yTrue), tf.tensor2d(probabilities)];
    const options = { beta: 1, threshold };
    expectClose([report.pooled.fBeta!], fBetaScore(y, p, options), 1e-6);
    expectClose(report.labels.map(({ fBeta }) => fBeta!), fBetaScore(y, p, { ...options, average: 'none' }), 1e-6); // prettier-ignore
    expectClose([report.pooled.logLoss!], weightedLogLoss(y, p, { weights }), 1e-5);
    report.labels.forEach(({ label, ...scores }, i) => {
      expect(scores).toMatchObject(decisionRates(scores.counts, { beta: 1, prevalence: prevalence[i]! }));
      expect(label).toBe(labels[i]);
    });
    expect(report.pooled.ppv).toBeUndefined(); // labels of different prevalence have none together
    const same = evaluateProbabilities({ labels, yTrue, probabilities, prevalence: 0.06 });
    expect(same.pooled).toMatchObject(decisionRates(same.pooled.counts, { prevalence: 0.06 }));
    expect(same.labels[3]!.prevalence).toBe(0.06);
  });

  it('leaves out what is not labelled', () => {
    const label = fc.constantFrom(0, 1, -1);
    fc.assert(
      fc.property(fc.array(fc.tuple(label, fc.constantFrom(0, 0.3, 0.5, 1)), { minLength: 1 }), (entries) => {
        const report = (of: [number, number][]) =>
          evaluateProbabilities({
            labels: ['x'],
            yTrue: of.map(([y]) => [y]),
            probabilities: of.map(([, p]) => [p]),
          });
        const labelled = entries.filter(([y]) => y !== -1);
        fc.pre(labelled.length > 0);
        const { labels: [only], pooled } = report(entries.map(([y, p]) => [y, y === -1 ? NaN : p])); // prettier-ignore
        expect(only).toEqual(report(labelled).labels[0]);
        expect(only).toMatchObject(pooled);
      }),
    );
  });

  it('says nothing of nothing', () => {
    const report = evaluateProbabilities({
      labels: ['x'],
      yTrue: [[-1]],
      probabilities: [[0.5]],
      prevalence: 0.1,
    });
    for (const score of [...SCORES, 'ppv', 'npv'] as const) {
      expect(report.labels[0]![score], score).toBeUndefined();
      expect(report.pooled[score], score).toBeUndefined();
      expect(report.macro[score], score).toBeUndefined();
    }
  });

  it.each([
    [{ labels: ['a'] }, 'labels: expected 2 names'],
    [{ threshold: [0.5] }, 'threshold: expected one number for each of 2 labels'],
    [{ beta: 0 }, 'beta: expected a finite number above 0'],
    [{ bins: 1.5 }, 'bins: expected a positive integer'],
    [{ prevalence: 6 }, 'prevalence: expected a number in [0, 1]'],
    [{ prevalence: [0.1] }, 'prevalence: expected a number in [0, 1], or one for each of 2 labels'],
    [{ weights: [1] }, 'weights: expected one number for each of 2 labels'],
    [{ weights: [0, 0] }, 'weights: expected numbers of at least 0, one per label, not all 0'],
    [{ probabilities: [[0.5, null]] }, 'probabilities: expected numbers in [0, 1], received null'],
    [{ probabilities: [[0.5, NaN]] }, 'probabilities: expected numbers in [0, 1], received NaN'],
    [{ thresholds: 0.5 }, "did you mean 'threshold'?"],
  ])('refuses %j', (change, message) => {
    const options = { labels: ['a', 'b'], yTrue: [[1, 0]], probabilities: [[0.5, 0.5]], ...change };
    const run = () => evaluateProbabilities(options as EvaluateProbabilitiesOptions);
    expect(run).toThrow(ArgumentError);
    expect(run).toThrow(message);
  });
});

describe('patientLevel', () => {
  type Slice = [patient: string, yTrue: number[], probabilities: number[]];
  const slice = (...of: Slice) => of;
  const level = (slices: readonly Slice[]) =>
    patientLevel({
      patients: slices.map(([patient]) => patient),
      yTrue: slices.map(([, yTrue]) => yTrue),
      probabilities: slices.map(([, , probabilities]) => probabilities),
    });

  it('takes the largest probability, and any label', () => {
    expect(
      level([
        slice('p', [0, 1], [0.1, 0.2]),
        slice('q', [0, -1], [0.3, 0.4]),
        slice('p', [0, 0], [0.5, 0.1]),
        slice('q', [-1, 1], [0.2, 0.6]),
        slice('r', [-1, 0], [0.9, 0]),
      ]),
    ).toEqual({
      patients: ['p', 'q', 'r'],
      yTrue: [[0, 1], [-1, 1], [-1, 0]],
      probabilities: [[0.5, 0.2], [0.3, 0.6], [0.9, 0]],
    }); // prettier-ignore
  });

  it('does not depend on the order of the slices', () => {
    const label = fc.constantFrom(0, 1, -1);
    const p = fc.double({ min: 0, max: 1, noNaN: true });
    const any: fc.Arbitrary<Slice> = fc.tuple(fc.constantFrom('p', 'q'), fc.tuple(label), fc.tuple(p));
    fc.assert(
      fc.property(fc.array(any, { minLength: 1 }), (slices) => {
        const byPatient = ({ patients, yTrue, probabilities }: ReturnType<typeof patientLevel>) =>
          Object.fromEntries(patients.map((patient, i) => [patient, [yTrue[i], probabilities[i]]]));
        expect(byPatient(level([...slices].reverse()))).toEqual(byPatient(level(slices)));
        for (const [patient, yTrue, probabilities] of slices) {
          const [y, p] = byPatient(level(slices))[patient]!;
          expect(p![0]).toBeGreaterThanOrEqual(probabilities[0]!);
          if (yTrue[0] === 1) expect(y![0]).toBe(1);
        }
      }),
    );
  });

  it('leaves the slices as they were', () => {
    const slices = [slice('p', [0], [0.1]), slice('p', [1], [0.2])];
    level(slices);
    expect(slices[0]).toEqual(slice('p', [0], [0.1]));
  });

  it('names the patient of a bad slice', () => {
    expect(() => level([])).toThrow('patientLevel: probabilities: expected at least one slice');
    const good = slice('p', [0], [0.1]);
    for (const bad of [
      slice('q', [0], [NaN]),
      slice('q', [2], [0.5]),
      slice('q', [0, 0], [0.5]),
      slice('q', [0], []),
    ]) {
      expect(() => level([good, bad])).toThrow(DataError);
      expect(() => level([good, bad])).toThrow(/expected 1 .*\(patient q\)/);
    }
  });
});
