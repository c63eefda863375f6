import fc from 'fast-check';
import { gunzipSync } from 'node:zlib';
import { mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HeaderIndex, type FileHeaders } from '../../../src/node/files/header_index';
import { scanDicomFolder } from '../../../src/node/study/scan_folder';
import { ctSlice, dicomBytes, type DicomElements } from '../../support/dicom_bytes';
import { temporaryFolder } from '../../support/folder';

// files that have just been written are not kept yet
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 }));
afterEach(() => void vi.useRealTimers());

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** What a scan says, errors by their message. */
const found = async (folder: string, cacheFolder?: string) => {
  const { skipped, ...rest } = await scanDicomFolder(folder, {
    onBadFile: 'skip',
    ...(cacheFolder !== undefined && { cacheFolder }),
  });
  return plain({ ...rest, skipped: skipped.map(({ file, error }) => [file, error.message]) });
};

/** A file of a study: slices of two series, with and without problems, copies, damaged files and others. */
const file = fc.oneof(
  { weight: 6, arbitrary: fc.record({ z: fc.integer({ min: 0, max: 6 }), kind: fc.integer({ min: 0, max: 3 }) }).map(({ z, kind }) => slice(z, kind)) },
  fc.constantFrom(
    new Uint8Array(),
    new TextEncoder().encode('not an image'),
    slice(1, 0).subarray(0, 150),
    dicomBytes({ '0008,0016': ['UI', '1.2.840.10008.5.1.4.1.1.88.22'], '0008,0060': ['CS', 'SR'] }),
  ),
); // prettier-ignore

function slice(z: number, kind: number): Uint8Array {
  const more: DicomElements[] = [
    {},
    { '0010,0010': ['PN', 'Doe^Jane'], '0020,000e': ['UI', '1.2.9'], '0020,0013': ['IS', String(9 - z)] },
    { '0020,0032': undefined, '0020,1041': ['DS', String(-z)], '0010,0020': ['LO', 'null "x", ü'] },
    { '0028,0030': ['DS', ['0', '0']], '0008,103e': ['LO', 'pixel spacing'], '0020,000e': ['UI', '1.2.8'] },
  ];
  return dicomBytes(ctSlice({ position: [0, 0, z], uid: `1.${kind}.${z}`, elements: more[kind] }));
}

const name = fc.constantFrom('a.dcm', 'b.dcm', 'c', 'd "e",\\.dcm', 'sub/a.dcm', 'sub/ü\n.ima', 'DICOMDIR');
const files = fc.dictionary(name, file, { minKeys: 1, noNullPrototype: true });

async function write(folder: string, contents: Record<string, Uint8Array>): Promise<void> {
  for (const [place, bytes] of Object.entries(contents)) {
    await mkdir(path.dirname(path.join(folder, place)), { recursive: true });
    await writeFile(path.join(folder, place), bytes);
  }
}

const indexFile = async (cache: string) => {
  const [one] = await readdir(path.join(cache, 'scans'));
  return path.join(cache, 'scans', one!);
};

/** The lines of an index, compressed. */
const bodyOf = (index: Buffer) => index.subarray(index.indexOf(10) + 1 + 32);

describe('a scan with an index', () => {
  it('finds what a scan without it finds, whatever has been added, changed and taken away', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(files, { minLength: 1, maxLength: 4 }), async (states) => {
        const [folder, cache] = [await temporaryFolder(), await temporaryFolder()];
        for (const state of states) {
          await rm(folder, { recursive: true });
          await mkdir(folder);
          await write(folder, state);
          const expected = await found(folder);
          expect(await found(folder, cache)).toEqual(expected);
          expect(await found(folder, cache)).toEqual(expected);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('names files as the caller does', async () => {
    const folder = await temporaryFolder({ 'a.dcm': slice(0, 1), 'b.dcm': slice(1, 1) });
    const cache = await temporaryFolder();
    const other = `${folder}/../${path.basename(folder)}`;
    await found(folder, cache);
    expect(await found(other, cache)).toEqual(await found(other));
  });

  it('reads no header again, but those of files that are new or have changed', async () => {
    const folder = await temporaryFolder({ 'a.dcm': slice(0, 0), 'b.dcm': slice(1, 0), 'c.txt': 'text' });
    const cache = await temporaryFolder();
    const scan = async (): Promise<string[]> => {
      const read: string[] = [];
      const index = await HeaderIndex.open(cache, folder);
      for (const place of (await readdir(folder)).sort()) {
        const at = path.join(folder, place);
        await index.headersOf({ place, file: at, path: at }, async (): Promise<FileHeaders> => {
          read.push(place);
          return undefined;
        });
      }
      await index.save(true);
      return read;
    };
    expect(await scan()).toEqual(['a.dcm', 'b.dcm', 'c.txt']);
    const { mtimeMs, size } = await stat(await indexFile(cache));
    expect(await scan()).toEqual([]);
    expect((await stat(await indexFile(cache))).mtimeMs).toBe(mtimeMs);

    // of the same size, and set back to the same time
    const { atime, mtime } = await stat(path.join(folder, 'a.dcm'));
    await writeFile(path.join(folder, 'a.dcm'), slice(2, 0));
    await utimes(path.join(folder, 'a.dcm'), atime, mtime);
    await rename(path.join(folder, 'b.dcm'), path.join(folder, 'd.dcm'));
    expect(await scan()).toEqual(['a.dcm', 'd.dcm']);
    await rm(path.join(folder, 'd.dcm'));
    expect(await scan()).toEqual([]);
    expect((await stat(await indexFile(cache))).size).toBeLessThan(size);
  });

  it('reads again where folders have changed their names, and files have the same size and times', async () => {
    const [folder, cache] = [await temporaryFolder(), await temporaryFolder()];
    const paths = ['a/1.dcm', 'b/1.dcm'].map((place) => path.join(folder, place)) as [string, string];
    const times = () => paths.map((at) => JSON.stringify([statSync(at).mtimeMs, statSync(at).ctimeMs]));
    const long = new Date(1e12);
    do {
      // at once, so that one tick of the disk's clock has both
      for (const [i, at] of paths.entries()) {
        mkdirSync(path.dirname(at), { recursive: true });
        writeFileSync(at, slice(i, 0));
      }
      paths.forEach((at) => utimesSync(at, long, long));
    } while (new Set(times()).size > 1);
    await found(folder, cache);
    for (const [from, to] of ['ac', 'ba', 'cb'])
      await rename(path.join(folder, from!), path.join(folder, to!));
    expect(await found(folder, cache)).toEqual(await found(folder));
  });

  it('does not keep what changed in the last moments', async () => {
    const folder = await temporaryFolder({ 'a.dcm': slice(0, 0) });
    const cache = await temporaryFolder();
    const read = vi.fn(async () => undefined);
    const at = path.join(folder, 'a.dcm');
    for (const now of [(await stat(at)).mtimeMs + 1000, (await stat(at)).mtimeMs + 3000]) {
      vi.setSystemTime(now);
      for (let i = 0; i < 2; i++) {
        const index = await HeaderIndex.open(cache, folder);
        await index.headersOf({ place: 'a.dcm', file: at, path: at }, read);
        await index.save(true);
      }
    }
    expect(read).toHaveBeenCalledTimes(3);
  });

  it('forgets what files had in common that are gone, however often they change', async () => {
    const cache = await temporaryFolder();
    const folder = await temporaryFolder({ 'keep.dcm': slice(0, 0) });
    const sizes: number[] = [];
    for (let i = 0; i < 12; i++) {
      const elements: DicomElements = {
        '0020,000e': ['UI', `1.2.9.${i}`],
        '0008,103e': ['LO', 'series '.repeat(9) + i],
      };
      await writeFile(path.join(folder, 'a.dcm'), dicomBytes(ctSlice({ elements })));
      expect(await found(folder, cache)).toEqual(await found(folder));
      expect(await found(folder, cache)).toEqual(await found(folder));
      sizes.push(gunzipSync(bodyOf(await readFile(await indexFile(cache)))).length);
    }
    expect(Math.max(...sizes)).toBeLessThan(sizes[0]! + 50);
  });

  it('forgets files that are gone where every scan fails', async () => {
    const folder = await temporaryFolder({ 'z.dcm': 'damaged' });
    const cache = await temporaryFolder();
    const sizes: number[] = [];
    for (let i = 0; i < 6; i++) {
      await writeFile(path.join(folder, `a${i}.dcm`), slice(i, 0));
      await expect(scanDicomFolder(folder, { cacheFolder: cache })).rejects.toThrow('z.dcm');
      await rm(path.join(folder, `a${i}.dcm`));
      sizes.push(gunzipSync(bodyOf(await readFile(await indexFile(cache)))).length);
    }
    expect(Math.max(...sizes)).toBeLessThan(sizes[0]! + 50);
  });

  it('removes, after a month, the indexes of folders that are gone and of earlier versions', async () => {
    const cache = await temporaryFolder();
    const [gone, there, own] = await Promise.all(
      [0, 1, 2].map((z) => temporaryFolder({ 'a.dcm': slice(z, 0) })),
    );
    await found(gone!, cache);
    await found(there!, cache);
    const scans = path.join(cache, 'scans');
    await writeFile(path.join(scans, 'old.headers'), 'CTHEADS1');
    await writeFile(path.join(scans, 'others'), '');
    await rm(gone!, { recursive: true });
    await found(own!, cache);
    expect(await readdir(scans)).toHaveLength(5); // it may be on a disk that is away
    const longAgo = new Date(Date.now() - 31 * 24 * 3600e3);
    for (const name of await readdir(scans)) await utimes(path.join(scans, name), longAgo, longAgo);
    await writeFile(path.join(own!, 'b.dcm'), slice(5, 0));
    await found(own!, cache);
    expect(await readdir(scans)).toHaveLength(3);
    expect(await readdir(scans)).toContain('others');
    expect(await found(there!, cache)).toEqual(await found(there!));
  });

  it('keeps what was read before a scan failed', async () => {
    const good = Object.fromEntries(['a', 'b', 'c'].map((id, z) => [`${id}.dcm`, slice(z, 0)]));
    const folder = await temporaryFolder({ ...good, 'z.dcm': 'damaged' });
    const cache = await temporaryFolder();
    await expect(scanDicomFolder(folder, { cacheFolder: cache })).rejects.toThrow('z.dcm');
    await rm(path.join(folder, 'a.dcm'));
    await expect(scanDicomFolder(folder, { cacheFolder: cache })).rejects.toThrow('z.dcm');
    const read = vi.fn(async () => undefined);
    const index = await HeaderIndex.open(cache, folder);
    const at = path.join(folder, 'c.dcm');
    expect(await index.headersOf({ place: 'c.dcm', file: at, path: at }, read)).toHaveLength(1);
    expect(read).not.toHaveBeenCalled();
  });
});

describe('an index that is no such thing', () => {
  it('is made anew where a byte has changed or the end is missing', async () => {
    const folder = await temporaryFolder({ 'a.dcm': slice(0, 0), 'b.dcm': slice(1, 2) });
    const cache = await temporaryFolder();
    const expected = await found(folder, cache);
    const index = await indexFile(cache);
    const whole = await readFile(index);
    const damage = fc.record({ at: fc.nat(whole.length - 1), bit: fc.nat(7), cut: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(damage, async ({ at, bit, cut }) => {
        const bytes = Buffer.from(cut ? whole.subarray(0, at) : whole);
        if (!cut) bytes[at]! ^= 1 << bit;
        await writeFile(index, bytes);
        expect(await found(folder, cache)).toEqual(expected);
        // times and sizes are the same: the same index, but for the order in which files are done
        expect((await readFile(index)).length).toBeGreaterThan(whole.length / 2);
      }),
      { numRuns: 30 },
    );
  });

  it('is made anew where it is of another folder', async () => {
    const [folder, other] = [await temporaryFolder({ 'a.dcm': slice(0, 0) }), await temporaryFolder({ 'a.dcm': slice(5, 1) })]; // prettier-ignore
    const [cache, theirs] = [await temporaryFolder(), await temporaryFolder()];
    await found(folder, cache);
    await found(other, theirs);
    await copyFile(await indexFile(theirs), await indexFile(cache));
    expect(await found(folder, cache)).toEqual(await found(folder));
  });

  it('warns where the folder cannot be written to, and finds the same', async () => {
    const folder = await temporaryFolder({ 'a.dcm': slice(0, 0) });
    const cache = await temporaryFolder({ file: '' });
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    expect(await found(folder, path.join(cache, 'file'))).toEqual(await found(folder));
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('headers are not cached in'));
    warn.mockRestore();
  });

  it('serves several scans at a time', async () => {
    const names = Array.from({ length: 40 }, (_, z): [string, Uint8Array] => [`${z}.dcm`, slice(z, z % 4)]);
    const folder = await temporaryFolder(Object.fromEntries(names));
    const cache = await temporaryFolder();
    const expected = await found(folder);
    for (const scans of await Promise.all(Array.from({ length: 4 }, () => found(folder, cache)))) {
      expect(scans).toEqual(expected);
    }
    expect(await readdir(path.join(cache, 'scans'))).toHaveLength(1);
    expect(await found(folder, cache)).toEqual(expected);
  });
});
