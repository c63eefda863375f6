/**
 * A source of numbers in [0, 1), reproducible from its seed.
 *
 * @inline
 */
export type Random = () => number;

/**
 * A small seeded generator (mulberry32, 32 bits of state): equal seeds give equal sequences everywhere.
 *
 * @param seed - Any integer; only its lower 32 bits count.
 * @example
 * ```ts
 * const random = seededRandom(7);
 * random(); // in [0, 1), the same each time
 * ```
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * A seed for part of a job, so that e.g. epoch 3 of patient 7 draws the same numbers in whatever order the work is
 * done.
 *
 * @example
 * ```ts
 * const seed = deriveSeed(1, 'epoch', 3, 'patient', '049');
 * ```
 */
export function deriveSeed(seed: number, ...parts: (number | string)[]): number {
  // 32-bit FNV-1a over the seed and the parts
  let hash = 0x811c9dc5;
  for (const char of [seed, ...parts].join('/')) {
    hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
  }
  return hash >>> 0;
}

/**
 * A shuffled copy (Fisher-Yates).
 */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}
