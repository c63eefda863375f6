import { describe, expect, it } from 'vitest';
import { checkShares, SPLIT, splitStudies } from '../../../src/cli/studies/split_studies';
import { memorySource } from '../../support/memory_source';

const patients = Array.from({ length: 23 }, (_, i) => `p${i}`);
const opened = (trainOnly: string[] = []) => ({
  study: memorySource({ patients: [...patients, ...trainOnly], slices: 3 }),
  ...{ trainOnly, optimistic: false, close: async () => undefined },
});
const args = { validationFraction: 0.2, testFraction: 0, testFold: undefined, seed: 3, stratify: true };

describe('splitStudies', () => {
  it.each([
    { testFraction: 0, atLeast: 0 },
    { testFraction: 0.3, atLeast: 5 },
  ])('divides patients, with $testFraction of them aside', ({ testFraction, atLeast }) => {
    const { train, validation, test } = splitStudies(opened(['slice_1']), { ...args, testFraction });
    expect([...train, ...validation, ...test].sort()).toEqual([...patients, 'slice_1'].sort());
    expect(train).toContain('slice_1');
    expect(test.length).toBeGreaterThanOrEqual(atLeast);
    expect(validation.length).toBeGreaterThan(2);
  });

  it('tests every patient once in the runs of all folds, and none that the run saw', () => {
    const sides = [1, 2, 3, 4].map((fold) =>
      splitStudies(opened(['slice_1']), { ...args, testFold: { fold, folds: 4 } }),
    );
    expect(sides.flatMap(({ test }) => test).sort()).toEqual([...patients].sort());
    for (const { train, validation, test } of sides) {
      expect([...train, ...validation, ...test].sort()).toEqual([...patients, 'slice_1'].sort());
      expect(validation.length).toBeGreaterThan(2);
    }
  });

  it.each(['0/5', '6/5', '2', 'a/b', '1/5/2', '-1/5', ''])('refuses %s as a fold', (text) => {
    expect(() => SPLIT['test-fold'].parse(text, '--test-fold')).toThrow('--test-fold: expected a fold');
  });

  it('refuses a fold beside a fraction, more folds than patients, and shares that leave none to train on', () => {
    const fold = { fold: 1, folds: 5 };
    expect(() => checkShares({ ...args, testFold: fold, testFraction: 0.2 })).toThrow(
      'received 1/5 with --test-fraction 0.2',
    );
    for (const [validationFraction, testFraction] of [
      [0, 0],
      [1, 0],
      [0.5, 0.5],
      [0.2, 0.9],
    ] as const) {
      expect(() => checkShares({ ...args, validationFraction, testFraction })).toThrow('a sum below 1');
    }
    expect(() => checkShares({ ...args, testFold: { fold: 1, folds: 2 }, validationFraction: 0.5 })).toThrow(
      'received 0.5 and 0.5',
    );
    expect(() => splitStudies(opened(), { ...args, testFold: { fold: 1, folds: 50 } })).toThrow('folds');
  });
});
