import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawSliceOrder } from '../../../src/training/batches/sequence_augmentation';

const parts = fc.tuple(
  fc.double({ min: 0.01, max: 1, noNaN: true }),
  fc.double({ min: 0.01, max: 1, noNaN: true }),
);

describe('drawSliceOrder', () => {
  it('keeps different slices in order or the other way round, as many as asked for', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        parts,
        fc.integer(),
        fc.boolean(),
        (slices, ab, seed, turn) => {
          const keep = [Math.min(...ab), Math.max(...ab)] as const;
          const order = drawSliceOrder(slices, { keep, reverse: turn ? 1 : 0 }, seed);
          const ascending = turn ? [...order].reverse() : order;
          expect(ascending).toEqual([...new Set(order)].sort((a, b) => a - b));
          expect(ascending.every((index) => index >= 0 && index < slices)).toBe(true);
          expect(order.length).toBeGreaterThanOrEqual(Math.max(1, Math.round(slices * keep[0])));
          expect(order.length).toBeLessThanOrEqual(Math.max(1, Math.round(slices * keep[1])));
          expect(drawSliceOrder(slices, { keep, reverse: turn ? 1 : 0 }, seed)).toEqual(order);
        },
      ),
    );
  });

  it('leaves the stack as it is where nothing is asked for', () => {
    expect(drawSliceOrder(4, {}, 7)).toEqual([0, 1, 2, 3]);
  });

  it('keeps each slice as often as any other, and turns round as often as asked', () => {
    const seen = [0, 0, 0, 0, 0];
    let turned = 0;
    for (let seed = 0; seed < 4000; seed++) {
      const order = drawSliceOrder(5, { keep: [0.4, 0.4], reverse: 0.25 }, seed);
      order.forEach((index) => seen[index]!++);
      if (order[0]! > order[1]!) turned++;
    }
    for (const count of seen) expect(Math.abs(count / 4000 - 0.4)).toBeLessThan(0.03);
    expect(Math.abs(turned / 4000 - 0.25)).toBeLessThan(0.03);
  });
});
