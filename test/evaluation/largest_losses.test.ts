import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import { largestLosses } from '../../src/evaluation/largest_losses';

describe('largestLosses', () => {
  it('names the worst first, and the label that is most wrong', () => {
    const yTrue = [[1, 0], [1, 0], [0, -1], [-1, -1], [1, 1]]; // prettier-ignore
    const probabilities = [[0.9, 0.1], [0.1, 0.8], [0.9, 0.9], [0.5, 0.5], [1, 0]]; // prettier-ignore
    const found = largestLosses(yTrue, probabilities);
    expect(found.map(({ index, label }) => [index, label])).toEqual([
      [4, 1],
      [2, 0],
      [1, 0],
      [0, 0],
    ]);
    expect(found[0]!.loss).toBeCloseTo(-Math.log(1e-7) / 2, 6);
    expect(found[1]!.loss).toBeCloseTo(-Math.log(0.1), 12);
    expect(found[2]!.loss).toBeCloseTo((-Math.log(0.1) - Math.log(0.2)) / 2, 12);
    expect(largestLosses(yTrue, probabilities, 2)).toEqual(found.slice(0, 2));
  });

  it('sorts every labelled sample once, equal ones in their order', () => {
    const row = fc.tuple(
      fc.tuple(fc.constantFrom(0, 1, -1), fc.constantFrom(0, 1, -1)),
      fc.tuple(fc.constantFrom(0, 0.5, 1), fc.double({ min: 0, max: 1, noNaN: true })),
    );
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 12 }), (rows) => {
        const found = largestLosses(rows.map(([y]) => y), rows.map(([, p]) => p), 99); // prettier-ignore
        const labelled = rows.flatMap(([y], i) => (y.some((label) => label !== -1) ? [i] : []));
        expect(found.map(({ index }) => index).sort((a, b) => a - b)).toEqual(labelled);
        found.slice(1).forEach((next, i) => {
          const before = found[i]!;
          expect(before.loss >= next.loss).toBe(true);
          if (before.loss === next.loss) expect(before.index).toBeLessThan(next.index);
        });
        for (const { index, label } of found) expect(rows[index]![0][label]).not.toBe(-1);
      }),
    );
  });

  it('refuses what does not fit', () => {
    expect(() => largestLosses([[1]], [[0.5]], 0)).toThrow(ArgumentError);
    for (const [yTrue, probabilities] of [
      [[], [[0.5]]],
      [[[1, 0]], [[0.5]]],
      [[[2]], [[0.5]]],
      [[[1]], [[NaN]]],
    ] as [number[][], number[][]][]) {
      expect(() => largestLosses(yTrue, probabilities)).toThrow(ArgumentError);
    }
  });
});
