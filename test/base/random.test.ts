import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deriveSeed, seededRandom, shuffled } from '../../src/base/random';

const draw = (seed: number, n: number) => {
  const random = seededRandom(seed);
  return Array.from({ length: n }, random);
};

/** 32-bit FNV-1a in plain integers, against the library's 32-bit arithmetic. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = ((hash ^ BigInt(byte)) * 0x01000193n) & 0xffffffffn;
  }
  return Number(hash);
}

/** Mulberry32 as Tommy Ettinger gave it in C, in plain integers. */
function* mulberry32(seed: number): Generator<number> {
  const mask = 0xffffffffn;
  let state = BigInt(seed) & mask;
  for (;;) {
    state = (state + 0x6d2b79f5n) & mask;
    let z = state;
    z = ((z ^ (z >> 15n)) * (z | 1n)) & mask;
    z = (z ^ (z + (((z ^ (z >> 7n)) * (z | 61n)) & mask))) & mask;
    yield Number(z ^ (z >> 14n)) / 2 ** 32;
  }
}

describe('seededRandom', () => {
  it('is mulberry32', () => {
    // published first numbers, and the C code's arithmetic
    expect(draw(0, 1)[0]).toBe(0.26642920868471265);
    expect(draw(1, 1)[0]).toBe(0.6270739405881613);
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const reference = mulberry32(seed);
        for (const value of draw(seed, 5)) expect(value).toBe(reference.next().value);
      }),
      { numRuns: 50 },
    );
  });

  it('counts the lower 32 bits of the seed only', () => {
    expect(draw(2 ** 32 + 7, 3)).toEqual(draw(7, 3));
    expect(draw(-1, 3)).toEqual(draw(2 ** 32 - 1, 3));
    expect(draw(7, 3)).not.toEqual(draw(8, 3));
  });

  it('is uniform in [0, 1)', () => {
    const bins = Array.from({ length: 10 }, () => 0);
    for (const value of draw(3, 20_000)) {
      expect(value >= 0 && value < 1).toBe(true);
      bins[Math.floor(value * 10)]!++;
    }
    // chi-square with 9 degrees of freedom: 27.9 at p = 0.001
    expect(bins.reduce((sum, n) => sum + (n - 2000) ** 2 / 2000, 0)).toBeLessThan(27.9);
  });
});

describe('deriveSeed', () => {
  it('is FNV-1a of the parts', () => {
    expect(deriveSeed(1)).toBe(fnv1a('1'));
    expect(deriveSeed(1, 'patients', 3, 'p7')).toBe(fnv1a('1/patients/3/p7'));
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(fc.oneof(fc.integer(), fc.stringMatching(/^\w*$/))),
        (seed, parts) => {
          expect(deriveSeed(seed, ...parts)).toBe(fnv1a([seed, ...parts].join('/')));
        },
      ),
    );
  });

  it('differs between seeds, epochs and patients', () => {
    const seeds = [1, 2, 3].flatMap((seed) =>
      [1, 2, 3, 11].flatMap((epoch) => ['a', 'b', 'ab'].map((patient) => deriveSeed(seed, epoch, patient))),
    );
    expect(new Set(seeds).size).toBe(seeds.length);
  });
});

describe('shuffled', () => {
  it('gives every item once and leaves the list as it is', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.integer(), (items, seed) => {
        const copy = [...items];
        const result = shuffled(items, seededRandom(seed));
        expect(items).toEqual(copy);
        expect([...result].sort((a, b) => a - b)).toEqual(copy.sort((a, b) => a - b));
        expect(shuffled(items, seededRandom(seed))).toEqual(result);
      }),
    );
  });

  it('gives each of the orders equally often', () => {
    const random = seededRandom(5);
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = shuffled(['a', 'b', 'c'], random).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    // chi-square with 5 degrees of freedom: 20.5 at p = 0.001
    expect([...counts.values()].reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0)).toBeLessThan(20.5);
  });
});
