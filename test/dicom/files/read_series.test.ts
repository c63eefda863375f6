import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { readDicomSeries } from '../../../src/dicom/index';
import type { DicomSeriesList } from '../../../src/dicom/files/read_found_series';
import { readDicomSeries as readFolder } from '../../../src/node';
import { realData } from '../../support/data';
import { ctSlice, dicomBytes } from '../../support/dicom_bytes';
import { expectNoLeakAsync } from '../../support/matchers';

const GOLDEN = fileURLToPath(new URL('../../golden/dicom', import.meta.url));

const slice = (z: number) =>
  dicomBytes(ctSlice({ position: [0, 0, z], uid: `1.${z}`, stored: Array.from({ length: 12 }, (_, i) => (i % 2 ? z : -1000)) })); // prettier-ignore

const fileOf = (name: string, bytes: Uint8Array | string, relative = '') =>
  Object.defineProperty(new File([bytes as BlobPart], name), 'webkitRelativePath', { value: relative });

/** Files of a folder, as an input with `webkitdirectory` gives them. */
const filesOf = (folder: string) =>
  readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .map((name) => fileOf(name, readFileSync(path.join(folder, name)), `of the page/${name}`));

type Tree = { [name: string]: Tree | Uint8Array };

/** A folder as a picker gives it. */
function handle(name: string, tree: Tree | Uint8Array): FileSystemHandle {
  if (tree instanceof Uint8Array) return { kind: 'file', name, getFile: async () => new File([tree as BlobPart], name) } as never; // prettier-ignore
  return {
    kind: 'directory',
    name,
    async *values() {
      for (const [below, content] of Object.entries(tree)) yield handle(below, content);
    },
  } as never;
}

/** A folder as a drop gives it; entries come two at a time. */
function entry(name: string, tree: Tree | Uint8Array): FileSystemEntry {
  if (tree instanceof Uint8Array) {
    const file = (resolve: (file: File) => void) => resolve(new File([tree as BlobPart], name));
    return { isFile: true, isDirectory: false, name, file } as never;
  }
  const createReader = () => {
    const all = Object.entries(tree).map(([below, content]) => entry(below, content));
    return { readEntries: (resolve: (some: FileSystemEntry[]) => void) => resolve(all.splice(0, 2)) };
  };
  return { isFile: false, isDirectory: true, name, createReader } as never;
}

const names = (list: DicomSeriesList) => list.flatMap(({ slices }) => slices.map(({ file }) => file));

const dispose = (...lists: DicomSeriesList[]) => lists.flat().forEach(({ hu }) => hu.dispose());

/** Everything but where the files are. */
const content = async (list: DicomSeriesList) => ({
  series: await Promise.all(list.map(async ({ hu, ...info }) => ({ info, values: await hu.data() }))),
  skipped: list.skipped.map(({ file, error }) => [file, error.message]),
  unlisted: list.unlisted,
});

/** The same with the names that the other way of opening gives. */
const renamed = (value: object, folder: string): unknown =>
  JSON.parse(
    JSON.stringify(value, (_key, one: unknown) =>
      one instanceof Float32Array
        ? Buffer.from(one.buffer, one.byteOffset, one.byteLength).toString('base64')
        : one,
    ).replaceAll(`${folder}/`, 'folder/'),
  );

describe('readDicomSeries in a page', () => {
  const TREE = {
    study: { 'b.dcm': slice(10), more: { 'a.dcm': slice(30), 'c.dcm': slice(20) }, '.hidden': slice(40) },
    'readme.txt': new TextEncoder().encode('no DICOM'),
  };

  it.each(['handle', 'entry'] as const)('reads a folder in folders, given as %s', async (kind) => {
    const list = await readDicomSeries(kind === 'handle' ? handle('disc', TREE) : [entry('disc', TREE)]);
    expect(names(list)).toEqual(['disc/study/b.dcm', 'disc/study/more/c.dcm', 'disc/study/more/a.dcm']);
    expect(list.unlisted).toEqual(['disc/readme.txt']);
    expect(list[0]!.hu.shape).toEqual([3, 3, 4]);
    expect([...(await list[0]!.hu.max([1, 2]).data())]).toEqual([10, 20, 30]);
    dispose(list);
  });

  it('reads a list of files, also of the same name', async () => {
    const list = await readDicomSeries([fileOf('a.dcm', slice(10)), fileOf('a.dcm', slice(20))]);
    expect(names(list)).toEqual(['a.dcm', 'a.dcm (2)']);
    dispose(list);
  });

  it.each([
    ['golden files', GOLDEN],
    ['a real head', realData('ge-head-dicom')],
  ])('gives of %s what Node gives of their folder, to the bit', { timeout: 120_000 }, async (_, folder) => {
    if (folder === undefined) return;
    const options = { onBadFile: 'skip', allow: ['implausible-hu', 'not-hu', 'one-position'] } as const;
    const [page, node] = [await readDicomSeries(filesOf(folder), options), await readFolder(folder, options)];
    expect(page.length).toBeGreaterThan(0);
    const found = renamed(await content(page), 'of the page');
    expect(found).toEqual(renamed(await content(node), folder));
    dispose(page, node);
  });

  it('tells how far it has come, and ends where it is asked to, keeping nothing', async () => {
    const files = [10, 20, 30, 40].map((z) => fileOf(`${z}.dcm`, slice(z)));
    const seen: string[] = [];
    dispose(await readDicomSeries(files, { onProgress: ({ done, total, file }) => seen.push(`${file} ${done}/${total}`) })); // prettier-ignore
    expect(seen).toEqual(['10.dcm 1/4', '20.dcm 2/4', '30.dcm 3/4', '40.dcm 4/4']);
    const before = tf.memory().numTensors;
    const cancel = new AbortController();
    const onProgress = () => cancel.abort(new Error('enough'));
    await expect(readDicomSeries(files.concat(filesOf(GOLDEN)), { signal: cancel.signal, onBadFile: 'skip', onProgress })).rejects.toThrow('enough'); // prettier-ignore
    await expect(readDicomSeries(files, { signal: AbortSignal.abort() })).rejects.toThrow('aborted');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('leaves out a file that cannot be read, or names it', async () => {
    const gone = { kind: 'file', name: 'gone.dcm', getFile: () => Promise.reject(new Error('it was moved')) };
    const files = [fileOf('a.dcm', slice(10)), gone as never];
    await expect(readDicomSeries(files)).rejects.toThrow(
      'the DICOM file cannot be read: it was moved (file gone.dcm)',
    );
    const list = await readDicomSeries(files, { onBadFile: 'skip' });
    expect([names(list), list.skipped.map(({ file }) => file)]).toEqual([['a.dcm'], ['gone.dcm']]);
    dispose(list);
  });

  it('refuses what is neither file nor folder', async () => {
    for (const files of [undefined, 7, 'folder', [1], {}]) {
      await expect(readDicomSeries(files as never)).rejects.toThrow(
        'files: expected files or a folder of files',
      );
    }
    await expect(readDicomSeries([], { signal: 1 as never })).rejects.toThrow(
      'signal: expected an AbortSignal',
    );
  });

  it('leaves no tensor but those it gives', async () => {
    const files = [fileOf('a.dcm', slice(10)), fileOf('b.dcm', slice(20))];
    await expectNoLeakAsync(async () => dispose(await readDicomSeries(files)));
  });
});
