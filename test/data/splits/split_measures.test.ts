import { describe, expect, it } from 'vitest';
import { splitMeasures } from '../../../src/data/splits/split_measures';
import { ArgumentError } from '../../../src/base/errors';

const labels = { a: [1, 0], b: [0, 0], c: [1, 1], d: [0, 0], e: [0, 0], f: [0, 0] };

describe('splitMeasures', () => {
  it('is what the formulas of the paper give', () => {
    // label 0: 2 of 6, odds 1/2; in the folds 1 of 2 (1), 1 of 4 (1/3). Label 1: 1 of 6, odds 1/5; 0 of 2 (0), 1 of 4 (1/3)
    const measures = splitMeasures(
      [
        ['a', 'b'],
        ['c', 'd', 'e', 'f'],
      ],
      labels,
    );
    const label0 = (Math.abs(1 - 1 / 2) + Math.abs(1 / 3 - 1 / 2)) / 2;
    const label1 = (Math.abs(0 - 1 / 5) + Math.abs(1 / 3 - 1 / 5)) / 2;
    expect(measures.labelDistribution).toBeCloseTo((label0 + label1) / 2, 12);
    expect(measures.exampleDistribution).toBeCloseTo(1, 12);
    expect(measures.foldsWithoutPositives).toBe(1);
    expect(measures.foldLabelPairsWithoutPositives).toBe(1);
  });

  it('counts from the shares that were wanted', () => {
    const folds = [
      ['a', 'b'],
      ['c', 'd', 'e', 'f'],
    ];
    expect(splitMeasures(folds, labels, { shares: [1 / 3, 2 / 3] }).exampleDistribution).toBeCloseTo(0, 12);
  });

  it('is zero for folds that are all alike', () => {
    const same = { a: [1, 0, 1], b: [0, 0, 1], c: [1, 0, 1], d: [0, 0, 1] };
    // everyone has the last label: its odds are infinite in every fold and in all, which is no difference
    expect(
      splitMeasures(
        [
          ['a', 'b'],
          ['c', 'd'],
        ],
        same,
      ),
    ).toEqual({
      labelDistribution: 0,
      exampleDistribution: 0,
      foldsWithoutPositives: 2,
      foldLabelPairsWithoutPositives: 2,
    });
  });

  it('is infinite where one fold alone has a label on everyone', () => {
    expect(splitMeasures([['a'], ['b', 'd']], labels).labelDistribution).toBe(Infinity);
  });

  it('counts persons with groupBy', () => {
    const groupBy = (id: string) => ({ a: 'x', b: 'x' })[id] ?? id;
    const measures = splitMeasures([['a', 'b'], ['c']], labels, { groupBy });
    expect(measures.exampleDistribution).toBe(0);
    expect(measures.foldLabelPairsWithoutPositives).toBe(1);
  });

  it.each([
    ['no fold', () => splitMeasures([], labels), /folds.*at least one/],
    ['an empty fold', () => splitMeasures([['a'], []], labels), /folds.*at least one/],
    ['a patient in two folds', () => splitMeasures([['a', 'b'], ['a']], labels), /in one fold.*\["a"\]/],
    [
      'a person in two folds',
      () => splitMeasures([['a'], ['b']], labels, { groupBy: () => 'x' }),
      /in one fold.*\["a","b"\]/,
    ],
    ['a patient without labels', () => splitMeasures([['z']], labels), /patient z.*undefined/],
    ['too few shares', () => splitMeasures([['a'], ['b']], labels, { shares: [1] }), /shares.*2 numbers/],
    ['shares of another sum', () => splitMeasures([['a']], labels, { shares: [0.5] }), /shares.*sum is 1/],
  ])('refuses %s', (_, run, message) => {
    expect(run).toThrow(ArgumentError);
    expect(run).toThrow(message);
  });
});
