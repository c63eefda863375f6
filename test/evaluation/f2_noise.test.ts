import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { f2DifferenceNoise, type PatientCounts } from '../../src/evaluation/f2_noise';

const counts = fc.record({ tp: fc.nat(9), fp: fc.nat(9), fn: fc.nat(9) });
const pairs = fc.array(fc.tuple(counts, counts), { minLength: 2, maxLength: 8 });
const f2 = (rows: readonly PatientCounts[]) => {
  const sum = (key: keyof PatientCounts) => rows.reduce((total, row) => total + row[key], 0);
  const all = 5 * sum('tp') + 4 * sum('fn') + sum('fp');
  return all === 0 ? 0 : (5 * sum('tp')) / all;
};

describe('f2DifferenceNoise', () => {
  it('is the jackknife of the difference, computed by leaving each patient out', () => {
    fc.assert(
      fc.property(pairs, (rows) => {
        const [a, b] = [rows.map(([x]) => x), rows.map(([, y]) => y)];
        const n = rows.length;
        const without = rows.map(
          (_, i) => f2(a.filter((__, j) => j !== i)) - f2(b.filter((__, j) => j !== i)),
        );
        const mean = without.reduce((x, y) => x + y, 0) / n;
        const variance = (without.map((d) => (d - mean) ** 2).reduce((x, y) => x + y, 0) * (n - 1)) / n;
        expect(f2DifferenceNoise(a, b)).toBeCloseTo(Math.sqrt(variance), 9);
      }),
    );
  });

  it('is 0 between equal predictions, and for a single patient', () => {
    fc.assert(
      fc.property(pairs, (rows) => {
        const a = rows.map(([x]) => x);
        expect(f2DifferenceNoise(a, a)).toBe(0);
      }),
    );
    expect(f2DifferenceNoise([{ tp: 1, fp: 0, fn: 0 }], [{ tp: 0, fp: 0, fn: 1 }])).toBe(0);
  });

  it('becomes small with many patients', () => {
    const many = (hit: number) => Array.from({ length: 4000 }, (_, i) => ({ tp: i % 10 < hit ? 1 : 0, fp: 1, fn: i % 10 < hit ? 0 : 1 })); // prettier-ignore
    const [few, all] = [100, 4000].map((n) => f2DifferenceNoise(many(6).slice(0, n), many(5).slice(0, n)));
    expect(all!).toBeLessThan(few! / 5);
  });
});
