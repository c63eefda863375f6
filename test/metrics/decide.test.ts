import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import { decide } from '../../src/metrics/decide';

describe('decide', () => {
  it('is 1 from the threshold on, in float32', () => {
    const p = [[0], [0.29], [0.3], [0.31], [1]];
    expect(decide(p, { threshold: 0.3 })).toEqual([[0], [0], [1], [1], [1]]);
    expect(decide(p)).toEqual([[0], [0], [0], [0], [1]]);
    expect(decide(p, { threshold: 0 })).toEqual([[1], [1], [1], [1], [1]]);
    expect(decide([])).toEqual([]);
  });

  it('meets its own entry when the threshold comes from float32 probabilities', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (p) => {
        expect(decide([[p]], { threshold: Math.fround(p) })).toEqual([[1]]);
        expect(decide([[Math.fround(p)]], { threshold: p })).toEqual([[1]]);
      }),
    );
  });

  it('takes one threshold per label', () => {
    const row = [0.5, 0.5, 0.5];
    expect(decide([row, row], { threshold: [0.4, 0.5, 0.6] })).toEqual([[1, 1, 0], [1, 1, 0]]); // prettier-ignore
  });

  it.each([1.1, -0.1, NaN, '0.5', null, [], [0.5], [0.5, 2], [0.5, 0.5, 0.5]])(
    'refuses threshold %j',
    (bad) => {
      const run = () => decide([[1, 1]], { threshold: bad as number });
      expect(run).toThrow(ArgumentError);
      expect(run).toThrow('decide: threshold: expected');
    },
  );

  // null is what JSON makes of NaN
  it.each([
    [[[NaN]]],
    [[[1.5]]],
    [[[-0.1]]],
    [[[0.5], [0.5, 0.5]]],
    [[[null as never]]],
    [[new Array<number>(1)]],
  ])('refuses probabilities %j', (bad) => {
    expect(() => decide(bad)).toThrow(ArgumentError);
    expect(() => decide(bad)).toThrow(/decide: probabilities\[\d\]: expected 1 numbers in \[0, 1\]/);
  });
});
