import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prefetch } from '../../../src/data/sources/prefetch';
import { ArgumentError } from '../../../src/base/errors';

const pause = () => new Promise((resolve) => setTimeout(resolve, 1));

/** A loader that writes down what happens. */
function recorder(broken: readonly number[] = []) {
  const events = { started: [] as number[], loaded: [] as number[], disposed: [] as number[] };
  const load = async (key: number) => {
    events.started.push(key);
    await Promise.resolve();
    if (broken.includes(key)) throw new Error(`broken ${key}`);
    events.loaded.push(key);
    return key * 10;
  };
  return { ...events, load, dispose: (item: number) => events.disposed.push(item / 10) };
}

describe('prefetch', () => {
  it('loads one ahead unless told otherwise', async () => {
    const { started, load } = recorder();
    const items = prefetch([1, 2, 3], load);
    expect(started).toEqual([]); // nothing before it is asked for
    await items.next();
    expect(started).toEqual([1, 2]);
    await items.next();
    expect(started).toEqual([1, 2, 3]);
  });

  it('hands out everything in order, never more than `ahead` waiting, whatever fails or when the loop is left', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 8 }),
        fc.integer({ min: 0, max: 4 }),
        fc.integer({ min: 0, max: 9 }),
        fc.integer({ min: 0, max: 9 }),
        async (count, ahead, brokenKey, leaveAfter) => {
          const keys = Array.from({ length: count }, (_, i) => i);
          const { started, loaded, disposed, load, dispose } = recorder([brokenKey]);
          const got: number[] = [];
          let error: unknown;
          try {
            for await (const item of prefetch(keys, load, { ahead, dispose })) {
              got.push(item / 10);
              expect(started.length).toBe(Math.min(got.length + ahead, count));
              if (got.length === leaveAfter) break;
            }
          } catch (caught) {
            error = caught;
          }
          const left = leaveAfter > 0 && leaveAfter <= Math.min(count, brokenKey);
          const failed = !left && brokenKey < count;
          const expected = left ? leaveAfter : Math.min(count, brokenKey);
          expect(got).toEqual(keys.slice(0, expected));
          expect(started).toEqual(keys.slice(0, started.length));
          expect(error).toEqual(failed ? new Error(`broken ${brokenKey}`) : undefined);
          // what was loaded was either handed out or freed
          expect([...got, ...disposed]).toEqual(loaded);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('frees an item whose loading ends after the loop was left', async () => {
    let finish: (item: string) => void = () => undefined;
    const disposed: string[] = [];
    const load = (key: string) =>
      key === 'slow' ? new Promise<string>((resolve) => (finish = resolve)) : Promise.resolve(key);
    const items = prefetch(['quick', 'slow'], load, { dispose: (item) => disposed.push(item) });
    expect((await items.next()).value).toBe('quick');
    const left = items.return();
    finish('slow');
    await left;
    expect(disposed).toEqual(['slow']);
  });

  it('gives the rest of the page its turn before each item, where nothing takes time', async () => {
    let turns = 0;
    const loop = setInterval(() => turns++, 0);
    const seen: number[] = [];
    for await (const item of prefetch([1, 2, 3, 4], (key) => Promise.resolve(key))) {
      const start = Date.now();
      while (Date.now() < start + 3); // work that blocks
      seen.push(item);
      expect(turns).toBeGreaterThanOrEqual(seen.length - 1);
    }
    clearInterval(loop);
    expect(seen).toEqual([1, 2, 3, 4]);
  });

  it('takes a loader that throws at once as one that fails', async () => {
    const load = (key: number): Promise<number> => {
      if (key === 2) throw new Error('at once');
      return Promise.resolve(key);
    };
    const items = prefetch([1, 2, 3], load);
    expect((await items.next()).value).toBe(1);
    await pause();
    await expect(items.next()).rejects.toThrow('at once');
    expect(await items.next()).toEqual({ done: true, value: undefined });
  });

  it('keeps to the keys it was given', async () => {
    const keys = [1, 2];
    const items = prefetch(keys, async (key) => key);
    keys.push(3);
    const got: number[] = [];
    for await (const item of items) got.push(item);
    expect(got).toEqual([1, 2]);
  });

  it.each([-1, 1.5, NaN, Infinity, '1' as never])('refuses ahead %o at the call', (ahead) => {
    expect(() => prefetch([1], async (key) => key, { ahead })).toThrow(ArgumentError);
    expect(() => prefetch([1], async (key) => key, { ahead })).toThrow(
      /ahead: expected an integer of at least 0/,
    );
  });
});
