import { cp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../../src/base/errors';
import { fileFingerprints } from '../../../src/node/files/file_fingerprints';
import { temporaryFolder } from '../../support/folder';

const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => (i * i) % 251);
const changed = (before: Uint8Array, place: number) =>
  before.map((byte, i) => (i === place ? byte + 1 : byte));

async function printsOf(content: Uint8Array, images = 1): Promise<string[]> {
  const folder = await temporaryFolder({ file: content });
  return fileFingerprints(path.join(folder, 'file'), images, 'image', {});
}

describe('fileFingerprints', () => {
  it('notice another size, another byte in the middle, and any byte of a small file', async () => {
    const large = bytes(200_000);
    const before = await printsOf(large);
    expect(before).toEqual([expect.stringMatching(/^[0-9a-f]{8}$/)]);
    expect(await printsOf(large.subarray(0, -1))).not.toEqual(before);
    for (const place of [93_000, 100_000, 107_000]) {
      expect(await printsOf(changed(large, place))).not.toEqual(before);
    }
    // what is not read; the guide says so
    expect(await printsOf(changed(large, 10))).toEqual(before);
    const small = bytes(16_384);
    for (const place of [0, 5, 16_383]) {
      expect(await printsOf(changed(small, place))).not.toEqual(await printsOf(small));
    }
    expect(await printsOf(bytes(0))).not.toEqual(await printsOf(bytes(1)));
  });

  it('are those of a copy under another name, at another time', async () => {
    const folder = await temporaryFolder({ first: bytes(50_000) });
    const [first, second] = [path.join(folder, 'first'), path.join(folder, 'second')];
    await cp(first, second);
    const of = (file: string) => fileFingerprints(file, 1, 'image', {});
    const before = await of(first);
    expect(await of(second)).toEqual(before);
    await writeFile(first, bytes(50_000));
    expect(await of(first)).toEqual(before);
  });

  it('are one for each image of a file, at its place', async () => {
    const file = bytes(400_000);
    const before = await printsOf(file, 4);
    expect(new Set(before).size).toBe(4);
    const after = await printsOf(changed(file, 250_000), 4);
    expect(after.map((print, i) => print === before[i])).toEqual([true, true, false, true]);
  });

  it('refuse what is no file', async () => {
    const folder = await temporaryFolder();
    for (const file of [folder, path.join(folder, 'missing.png')]) {
      const found = fileFingerprints(file, 1, 'image', { file, patient: 'ID_1' });
      await expect(found).rejects.toThrow(DataError);
      await expect(found).rejects.toThrow(/ID_1/);
    }
  });
});
