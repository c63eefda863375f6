import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pointingGame } from '../../src/explanation/pointing_game';

describe('pointingGame', () => {
  // a 3 x 4 slice with a lesion of two pixels
  const mask = [0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0];
  const hotAt = (pixel: number) => mask.map((_, i) => (i === pixel ? 0.7 : 0.1));
  const shape = [1, 3, 4] as const;

  it('counts a hottest point in the lesion, and what chance would hit', () => {
    expect(pointingGame(hotAt(6), mask, { shape })).toEqual({ hits: 1, total: 1, chanceHits: 2 / 12 });
    expect(pointingGame(hotAt(7), mask, { shape })).toEqual({ hits: 0, total: 1, chanceHits: 2 / 12 });
  });

  it('counts points near the lesion, by distance, where a tolerance says so', () => {
    expect(pointingGame(hotAt(7), mask, { shape, tolerance: 1 })).toEqual({
      hits: 1,
      total: 1,
      chanceHits: 8 / 12,
    });
    expect(pointingGame(hotAt(0), mask, { shape, tolerance: 1 }).hits).toBe(0); // diagonal: 1.4 away
    expect(pointingGame(hotAt(0), mask, { shape, tolerance: 1.5 }).hits).toBe(1);
  });

  it('lets chance point within an area only', () => {
    const within = mask.map((_, i) => (i >= 4 && i < 8 ? 2 : 0));
    expect(pointingGame(hotAt(6), mask, { shape, within }).chanceHits).toBe(2 / 4);
    expect(pointingGame(hotAt(6), mask, { shape, within: mask.map(() => 0) }).chanceHits).toBe(0);
  });

  it('leaves out slices without a lesion, and takes a map of nothing for a miss', () => {
    const none = mask.map(() => 0);
    const two = [2, 3, 4] as const;
    expect(pointingGame([...hotAt(6), ...hotAt(6)], [...none, ...mask], { shape: two })).toEqual({
      hits: 1,
      total: 1,
      chanceHits: 2 / 12,
    });
    expect(pointingGame(none, mask, { shape })).toMatchObject({ hits: 0, total: 1 });
    expect(pointingGame(none, none, { shape })).toEqual({ hits: 0, total: 0, chanceHits: 0 });
  });

  it('adds up over slices; a larger tolerance never hits less; points drawn evenly hit as chance says', () => {
    const [height, width] = [4, 5];
    const area = height * width;
    const slice = fc.array(fc.constantFrom(0, 0, 0, 1), { minLength: area, maxLength: area });
    fc.assert(
      fc.property(
        fc.array(slice, { minLength: 1, maxLength: 3 }),
        fc.double({ min: 0, max: 8, noNaN: true }),
        (masks, tolerance) => {
          const options = { shape: [1, height, width] as const, tolerance };
          let [hits, chance] = [0, 0];
          for (const one of masks) {
            for (let pixel = 0; pixel < area; pixel++) {
              const map = one.map((_, i) => (i === pixel ? 1 : 0));
              const result = pointingGame(map, one, options);
              hits += result.hits;
              chance = chance + result.chanceHits;
              const wider = pointingGame(map, one, { ...options, tolerance: tolerance + 1 });
              expect(wider.hits).toBeGreaterThanOrEqual(result.hits);
            }
          }
          expect(hits).toBeCloseTo(chance, 6);
          const maps = masks.flatMap((one) => one.map((_, i) => i));
          const whole = pointingGame(maps, masks.flat(), {
            ...options,
            shape: [masks.length, height, width],
          });
          const parts = masks.map((one) =>
            pointingGame(
              one.map((_, i) => i),
              one,
              options,
            ),
          );
          const sum = (key: 'hits' | 'total' | 'chanceHits') =>
            parts.reduce((total, part) => total + part[key], 0);
          expect(whole.hits).toBe(sum('hits'));
          expect(whole.total).toBe(sum('total'));
          expect(whole.chanceHits).toBeCloseTo(sum('chanceHits'), 9);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('refuses what does not fit', () => {
    expect(() => pointingGame([1], mask, { shape })).toThrow('pointingGame: maps: expected 12 values');
    expect(() => pointingGame(hotAt(1), [1], { shape })).toThrow('pointingGame: masks');
    expect(() => pointingGame(hotAt(1), mask, { shape, within: [1] })).toThrow('pointingGame: within');
    expect(() => pointingGame(hotAt(1), mask, { shape: [3, 4] } as never)).toThrow('pointingGame: shape');
    expect(() => pointingGame(hotAt(1), mask, { shape, tolerance: -1 })).toThrow('pointingGame: tolerance');
    expect(() => pointingGame(hotAt(1), mask, { shape, radius: 1 } as never)).toThrow("option 'radius'");
  });
});
