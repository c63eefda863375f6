import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { SliceCache } from '../../src/node/preparation/slice_cache';
import { temporaryFolder } from '../support/folder';
import { fuzz, growthOf, itHasReadAll, MUTANTS, watched } from './fuzz';
import { byteChanges, changeBytes, mutantsOf } from './mutations';

watched('sliceCache');

const source = Uint8Array.of(1, 2, 3);
const slice = {
  values: Float32Array.from({ length: 24 }, (_, i) => i / 24),
  shape: [2, 4, 3] as [number, number, number],
};

/** A cache that holds the slice, and the file it is in. */
async function filled() {
  const folder = await temporaryFolder();
  const cache = new SliceCache(folder, { settings: 1 });
  await cache.of(source).put(slice);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const [entry] = entries.filter((one) => one.isFile());
  const file = path.join(entry!.parentPath, entry!.name);
  return { cache, file, bytes: new Uint8Array(await readFile(file)) };
}

describe('SliceCache', () => {
  it('of changed bytes gives the slice, or nothing', async () => {
    const { cache, file, bytes } = await filled();
    const { accepted, refused } = await fuzz({
      mutants: mutantsOf(['slice'], byteChanges(['CTSLICE2', '\0\0\0\0'])),
      count: MUTANTS.sliceCache,
      read: async ({ changes }) => {
        await writeFile(file, changeBytes(bytes, changes, [bytes]));
        const read = await cache.of(source).get();
        if (read === undefined) throw new Missing();
        expect(read).toEqual(slice);
      },
      refusal: Missing,
    });
    expect(refused).toBeGreaterThan(accepted);
  });

  it('of another image or other settings gives nothing', async () => {
    const { cache, file, bytes } = await filled();
    const folder = path.resolve(file, '../../..');
    const other = Uint8Array.of(1, 2, 4);
    const otherSettings = new SliceCache(folder, { settings: 2 });
    await cache.of(other).put({ ...slice, values: slice.values.map((value) => 1 - value) });
    await otherSettings.of(source).put(slice);
    expect(await cache.of(other).get()).toBeDefined();
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) await writeFile(path.join(entry.parentPath, entry.name), bytes);
    }
    expect(await cache.of(source).get()).toEqual(slice);
    expect(await cache.of(other).get()).toBeUndefined();
    expect(await otherSettings.of(source).get()).toBeUndefined();
  });

  it('of sizes that are not there allocates nothing', async () => {
    const { cache, file, bytes } = await filled();
    const view = new DataView(bytes.buffer);
    const growth = await growthOf(async () => {
      for (const size of [2 ** 31, 2 ** 32 - 1, 0, 65535]) {
        for (const at of [8, 12, 16]) view.setUint32(at, size, true);
        await writeFile(file, bytes);
        expect(await cache.of(source).get()).toBeUndefined();
      }
    });
    expect(growth).toBeLessThan(64 * 2 ** 20);
  });
});

itHasReadAll('sliceCache');

/** A cache has no errors: what it cannot read is missing. */
class Missing extends Error {}
