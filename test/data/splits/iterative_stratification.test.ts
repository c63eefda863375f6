import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { iterativeStratification } from '../../../src/data/splits/iterative_stratification';
import { seededRandom } from '../../../src/base/random';
import { rarestLabel, studies } from './random_study';

/** Shares of two to six subsets. */
const shares = fc
  .array(fc.double({ min: 0.05, max: 1, noNaN: true }), { minLength: 2, maxLength: 6 })
  .map((weights) => weights.map((weight) => weight / weights.reduce((a, b) => a + b)));
const vectors = studies(1).map((study) => [...study.values()]);

describe('iterativeStratification', () => {
  it('deals every item to one of the subsets, the same for the same seed', () => {
    fc.assert(
      fc.property(vectors, shares, fc.integer(), (labels, share, seed) => {
        const dealt = iterativeStratification(labels, share, seededRandom(seed));
        expect(dealt).toHaveLength(labels.length);
        for (const subset of dealt) expect(share[subset]).toBeDefined();
        expect(iterativeStratification(labels, share, seededRandom(seed))).toEqual(dealt);
      }),
    );
  });

  it('divides the rarest label within one item of the shares', () => {
    fc.assert(
      fc.property(vectors, shares, fc.integer(), (labels, share, seed) => {
        const rarest = rarestLabel(labels);
        fc.pre(rarest >= 0);
        const dealt = iterativeStratification(labels, share, seededRandom(seed));
        const all = labels.filter((item) => item[rarest] === 1).length;
        share.forEach((wanted, subset) => {
          const got = labels.filter((item, i) => dealt[i] === subset && item[rarest] === 1).length;
          expect(Math.abs(got - wanted * all)).toBeLessThanOrEqual(1 + 1e-6);
        });
      }),
    );
  });

  it('divides items without labels by size', () => {
    fc.assert(
      fc.property(fc.nat(50), shares, fc.integer(), (count, share, seed) => {
        const dealt = iterativeStratification(Array(count).fill([0, 0]), share, seededRandom(seed));
        share.forEach((wanted, subset) => {
          const got = dealt.filter((s) => s === subset).length;
          expect(Math.abs(got - wanted * count)).toBeLessThanOrEqual(1 + 1e-6);
        });
      }),
    );
  });

  it('decides by lot between wants that only rounding tells apart', () => {
    // once 18 items are dealt, 0.3 * 45 and 0.7 * 45 - 18 are still wanted: equal, but not as floating-point numbers
    const sizes = Array.from({ length: 20 }, (_, seed) => {
      const dealt = iterativeStratification(Array(45).fill([0]), [0.3, 0.7], seededRandom(seed));
      return dealt.filter((subset) => subset === 0).length;
    });
    expect([...new Set(sizes)].sort()).toEqual([13, 14]);
  });

  it('follows the paper step by step', () => {
    const labels = [
      [1, 0],
      [1, 1],
      [1, 0],
      [0, 1],
      [0, 0],
      [1, 0],
    ];
    for (let seed = 0; seed < 20; seed++) {
      const dealt = iterativeStratification(labels, [0.5, 0.5], seededRandom(seed));
      // label 1 is the rarer: items 1 and 3 are dealt first, one to each subset, which one is by lot
      const [a, b] = [dealt[1]!, dealt[3]!];
      expect([a, b].sort()).toEqual([0, 1]);
      // of label 0, b now lacks one more (item 0); then both lack one, and a lacks more items (item 2); then b (item 5).
      // item 4 has no label and goes where items are lacking
      expect(dealt).toEqual([b, a, a, b, a, b]);
    }
  });
});
