import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../../src/base/errors';
import { EarlyStopping } from '../../../src/training/stages/early_stopping';

/** Feeds scores until it stops; which were the best so far, and after how many it stopped. */
function run(patience: number, scores: number[]) {
  const stopping = new EarlyStopping(patience);
  const best: boolean[] = [];
  for (const score of scores) {
    if (stopping.stop) break;
    best.push(stopping.update(score));
  }
  return { best, stopping };
}

describe('EarlyStopping', () => {
  it('stops after `patience` epochs without a better score', () => {
    const { best, stopping } = run(2, [0.1, 0.3, 0.2, 0.25, 0.9]);
    expect(best).toEqual([true, true, false, false]);
    expect(stopping.stop).toBe(true);
    expect(stopping.state).toEqual({ epoch: 4, bestEpoch: 2, best: 0.3, bestLoss: null });
  });

  it('starts its count anew at each better score', () => {
    const { best, stopping } = run(2, [0.1, 0.05, 0.2, 0.1, 0.3, 0.2]);
    expect(best).toEqual([true, false, true, false, true, false]);
    expect(stopping.stop).toBe(false);
  });

  it('takes a tie for no progress', () => {
    const { best, stopping } = run(3, [0.5, 0.5, 0.5, 0.5, 0.6]);
    expect(best).toEqual([true, false, false, false]);
    expect(stopping.state.bestEpoch).toBe(1);
  });

  it('takes any first score as the best, even the lowest there is', () => {
    expect(run(1, [0]).best).toEqual([true]);
    expect(run(1, [-Infinity]).best).toEqual([true]);
    expect(new EarlyStopping(1).stop).toBe(false);
  });

  it('looks at no score before it starts, and counts patience from there', () => {
    const waiting = new EarlyStopping(2, { startFromEpoch: 2 });
    const scores = [0.9, 0.8, 0.1, 0.3, 0.2, 0.2];
    expect(scores.map((score) => !waiting.stop && waiting.update(score))).toEqual(
      [false, false, true, true, false, false], // prettier-ignore
    );
    expect(waiting.stop).toBe(true);
    expect(waiting.state).toMatchObject({ bestEpoch: 4, best: 0.3 });
    // where it starts from something better already
    const state = { bestEpoch: 0, best: 0.5, bestLoss: null, epoch: 0 };
    const above = new EarlyStopping(2, { startFromEpoch: 3, state });
    const stopped = Array.from({ length: 5 }, () => (above.update(0.1), above.stop));
    expect(stopped).toEqual([false, false, false, false, true]);
    expect(() => new EarlyStopping(2, { startFromEpoch: -1 })).toThrow('EarlyStopping: startFromEpoch');
  });

  it('hands out a state of its own', () => {
    const stopping = new EarlyStopping(2);
    const { state } = stopping;
    stopping.update(0.5);
    expect(state).toEqual({ bestEpoch: 0, best: null, bestLoss: null, epoch: 0 });
    const given = { bestEpoch: 1, best: 0.5, bestLoss: null, epoch: 1 };
    new EarlyStopping(2, { state: given }).update(0.6);
    expect(given.best).toBe(0.5);
  });

  it('goes on from its state, through JSON, as if never interrupted', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 12 }),
        fc.nat(),
        (patience, scores, at) => {
          const whole = new EarlyStopping(patience);
          let parts = new EarlyStopping(patience);
          const interruptAt = 1 + (at % scores.length);
          scores.forEach((score, i) => {
            expect(parts.update(score)).toBe(whole.update(score));
            if (i + 1 === interruptAt) {
              const state = JSON.parse(JSON.stringify(parts.state)) as typeof parts.state;
              parts = new EarlyStopping(patience, { state });
            }
            expect(parts.state).toEqual(whole.state);
            expect(parts.stop).toBe(whole.stop);
          });
        },
      ),
    );
  });

  it('finds the first of the highest scores, and stops `patience` epochs after it', () => {
    const score = fc.integer({ min: 0, max: 5 }); // few values, many ties
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(score, { minLength: 1 }), (patience, scores) => {
        const { best, stopping } = run(patience, scores);
        const seen = scores.slice(0, best.length);
        const highest = Math.max(...seen);
        expect(stopping.state).toEqual({
          epoch: seen.length,
          best: highest,
          bestLoss: null,
          bestEpoch: seen.indexOf(highest) + 1,
        });
        expect(stopping.stop).toBe(seen.length - (seen.indexOf(highest) + 1) === patience);
      }),
    );
  });

  it('prefers the smaller loss of equal scores', () => {
    const stopping = new EarlyStopping(3);
    expect(stopping.update(0.5, 0.2)).toBe(true);
    expect(stopping.update(0.5, 0.2)).toBe(false);
    expect(stopping.update(0.5, 0.1)).toBe(true);
    expect(stopping.update(0.4, 0.01)).toBe(false);
    expect(stopping.state).toEqual({ epoch: 4, bestEpoch: 3, best: 0.5, bestLoss: 0.1 });
  });

  it('counts no epoch against the patience before one exceeds the baseline', () => {
    const score = fc.integer({ min: 0, max: 5 });
    fc.assert(
      fc.property(score, fc.integer({ min: 1, max: 3 }), fc.array(score), (baseline, patience, scores) => {
        const stopping = new EarlyStopping(patience, { baseline });
        for (const value of scores) {
          stopping.update(value);
          const { best, bestEpoch, epoch } = stopping.state;
          expect(stopping.stop).toBe(best! > baseline && epoch - bestEpoch >= patience);
        }
        if (Math.max(...scores) <= baseline) expect(stopping.stop).toBe(false);
      }),
    );
  });

  it('counts from the weights that a training starts from, where they were scored', () => {
    const state = { bestEpoch: 0, best: 0.5, bestLoss: null, epoch: 0 };
    const stopping = new EarlyStopping(2, { baseline: 0.4, state });
    expect([stopping.update(0.5), stopping.update(0.4)]).toEqual([false, false]);
    expect(stopping.stop).toBe(true);
    expect(stopping.state.bestEpoch).toBe(0);
  });

  it('refuses NaN and a patience that is no positive integer', () => {
    const stopping = new EarlyStopping(2);
    expect(() => stopping.update(NaN)).toThrow(/EarlyStopping: score: expected a number, received NaN/);
    expect(stopping.state.epoch).toBe(0);
    for (const patience of [0, -1, 1.5, NaN, Infinity]) {
      expect(() => new EarlyStopping(patience)).toThrow(ArgumentError);
    }
  });
});
