import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import type { PatientSource } from '../../src/data/sources/patient_source';
import { ArgumentError, DataError } from '../../src/base/errors';
import { trivialPredictors } from '../../src/prediction/trivial_predictors';
import { expectNoLeak } from '../support/matchers';

/** A source that knows labels only. */
const labelled = (rows: number[][] | undefined, labels = ['a', 'b']): PatientSource => ({
  labels,
  patients: ['p'],
  sliceNames: () => (rows ?? []).map((_, i) => String(i)),
  sliceLabels: () => rows,
  load: () => Promise.reject(new Error('no image is looked at')),
});
const repeat = (n: number, row: number[]) => Array.from({ length: n }, () => row);
const f2 = (tp: number, fn: number, fp: number) => (5 * tp) / (5 * tp + 4 * fn + fp);

// label a in 1 of 4 slices, label b in 1 of 10
const rows = [...repeat(10, [1, 0]), ...repeat(4, [0, 1]), ...repeat(26, [0, 0])];

describe('trivialPredictors', () => {
  it('scores "all positive" by its counts', () => {
    const [allPositive] = trivialPredictors(labelled(rows), labelled(rows), 1);
    expect(allPositive!.name).toBe('all positive');
    expect(allPositive!.f2).toBeCloseTo(f2(14, 0, 66), 6);
    expect(allPositive!.f2PerLabel[0]).toBeCloseTo(f2(10, 0, 30), 6);
    expect(allPositive!.f2PerLabel[1]).toBeCloseTo(f2(4, 0, 36), 6);
  });

  it('scores "label frequency" as its expected counts say, the frequencies being those of the training patients', () => {
    const [, frequency] = trivialPredictors(labelled(rows), labelled(rows), 1);
    expect(frequency!.name).toBe('label frequency');
    const expected = [0.25, 0.1].map((q, label) => {
      const positive = [10, 4][label]!;
      return { tp: positive * q, fn: positive * (1 - q), fp: (40 - positive) * q };
    });
    expected.forEach(({ tp, fn, fp }, label) => {
      expect(Math.abs(frequency!.f2PerLabel[label]! - f2(tp, fn, fp))).toBeLessThan(0.02);
    });
    const sum = (key: 'tp' | 'fn' | 'fp') => expected.reduce((total, counts) => total + counts[key], 0);
    expect(Math.abs(frequency!.f2 - f2(sum('tp'), sum('fn'), sum('fp')))).toBeLessThan(0.02);

    // a training study where every slice has every label: the same as always yes
    const [allPositive, always] = trivialPredictors(labelled(repeat(3, [1, 1])), labelled(rows), 1);
    expect(always!.f2PerLabel).toEqual(allPositive!.f2PerLabel);
    // and one without any: never yes
    expect(trivialPredictors(labelled(repeat(3, [0, 0])), labelled(rows), 1)[1]!.f2).toBe(0);
  });

  it('asks about patients where the model does', () => {
    const study: PatientSource = {
      ...labelled(undefined),
      patients: ['p', 'q', 'r', 's'],
      labelsOf: (patient) => [Number(patient === 'p'), 0],
    };
    const [allPositive, frequency] = trivialPredictors(study, study, 1, 'patients');
    expect(allPositive!.f2).toBeCloseTo(f2(1, 0, 7), 6);
    expect(allPositive!.f2PerLabel[0]).toBeCloseTo(f2(1, 0, 3), 6);
    expect(Math.abs(frequency!.f2PerLabel[0]! - f2(0.25, 0.75, 0.75))).toBeLessThan(0.02);
    expect(frequency!.f2PerLabel[1]).toBeUndefined(); // a label that nobody has
  });

  it('gives the same for the same seed', () => {
    const scores = (seed: number) => trivialPredictors(labelled(rows), labelled(rows), seed);
    expect(scores(3)).toEqual(scores(3));
    expect(scores(3)[1]!.f2).not.toBe(scores(4)[1]!.f2);
    expect(scores(3)[0]).toEqual(scores(4)[0]);
  });

  it('leaves out what is not labelled', () => {
    const padded = [...rows, ...repeat(500, [-1, -1])];
    const expected = trivialPredictors(labelled(rows), labelled(rows), 1);
    expect(trivialPredictors(labelled(padded), labelled(rows), 1)).toEqual(expected);
    expect(trivialPredictors(labelled(rows), labelled(padded), 1)[0]).toEqual(expected[0]);
  });

  it('refuses sources without labels, without slices, or with other labels', () => {
    expect(() => trivialPredictors(labelled(undefined), labelled(rows), 1)).toThrow(DataError);
    expect(() => trivialPredictors(labelled(rows), labelled(undefined), 1)).toThrow(
      /no labels \(patient p\)/,
    );
    expect(() => trivialPredictors(labelled([]), labelled(rows), 1)).toThrow(
      /train: expected at least one slice/,
    );
    expect(() => trivialPredictors(labelled(rows), labelled([]), 1)).toThrow(
      /test: expected at least one slice/,
    );
    expect(() => trivialPredictors(labelled(rows), labelled(rows, ['b', 'a']), 1)).toThrow(ArgumentError);
    expect(() => trivialPredictors(labelled(rows), labelled(rows), 1.5)).toThrow(/seed: expected an integer/);
  });

  it('leaks nothing', () => {
    expectNoLeak(() => trivialPredictors(labelled(rows), labelled(rows), 1));
    expect(tf.memory().numTensors).toBe(0);
  });
});
