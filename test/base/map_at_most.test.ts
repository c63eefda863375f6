import { describe, expect, it } from 'vitest';
import { mapAtMost } from '../../src/base/map_at_most';

const later = () => new Promise((resolve) => setImmediate(resolve));

describe('mapAtMost', () => {
  it('gives results in order, with no more under way than it may', async () => {
    let underWay = 0;
    let most = 0;
    const doubled = await mapAtMost([5, 1, 4, 2, 3], 2, async (n) => {
      most = Math.max(most, ++underWay);
      for (let i = 0; i < n; i++) await later();
      underWay--;
      return 2 * n;
    });
    expect(doubled).toEqual([10, 2, 8, 4, 6]);
    expect(most).toBe(2);
    expect(await mapAtMost([], 2, async (n) => n)).toEqual([]);
  });

  it('starts nothing after a failure, discards what was made, and throws the first in order', async () => {
    const started: number[] = [];
    const discarded: number[] = [];
    const run = async (n: number) => {
      started.push(n);
      if (n === 1) await later();
      if (n === 1 || n === 2) throw new Error(`failure ${n}`);
      return n;
    };
    await expect(mapAtMost([0, 1, 2, 3, 4], 2, run, (n) => discarded.push(n))).rejects.toThrow('failure 1');
    expect(started).toEqual([0, 1, 2]);
    expect(discarded).toEqual([0]);
  });
});
