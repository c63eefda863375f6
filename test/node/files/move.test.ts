import * as files from 'node:fs/promises';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as timers from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { writeFileAtomic, writeFolderAtomic } from '../../../src/node/files/atomic_write';
import { move } from '../../../src/node/files/move';
import { temporaryFolder } from '../../support/folder';

vi.mock('node:fs/promises', async (importOriginal) => {
  const original = await importOriginal<typeof files>();
  return { ...original, rename: vi.fn(original.rename) };
});
vi.mock('node:timers/promises', () => ({ setTimeout: vi.fn(() => Promise.resolve()) }));

const rename = vi.mocked(files.rename);
const platform = Object.getOwnPropertyDescriptor(process, 'platform')!;
const runAs = (value: NodeJS.Platform) => Object.defineProperty(process, 'platform', { ...platform, value });

/** As Windows answers while another process has the file open. */
const held = (code: string) =>
  Object.assign(new Error(`${code}: refused, rename`), { code, syscall: 'rename' });
const refuse = (code: string, times: number) => {
  for (let k = 0; k < times; k++) rename.mockRejectedValueOnce(held(code));
};

beforeEach(() => vi.clearAllMocks());
afterEach(() => {
  Object.defineProperty(process, 'platform', platform);
  rename.mockReset();
});

describe('move', () => {
  it.each(['EACCES', 'EBUSY', 'EPERM'])('tries again on Windows after %s', async (code) => {
    runAs('win32');
    const folder = await temporaryFolder({ 'a.txt': 'a', 'b.txt': 'b' });
    refuse(code, 9);
    await move(join(folder, 'a.txt'), join(folder, 'b.txt'));
    expect(await readdir(folder)).toEqual(['b.txt']);
    expect(await readFile(join(folder, 'b.txt'), 'utf8')).toBe('a');
    const waits = vi.mocked(timers.setTimeout).mock.calls.map(([wait]) => wait!);
    expect(waits.reduce((sum, wait) => sum + wait)).toBe(5110);
  });

  it('gives up in the end', async () => {
    runAs('win32');
    refuse('EPERM', 10);
    await expect(move('a', 'b')).rejects.toThrow('EPERM');
    expect(rename).toHaveBeenCalledTimes(10);
  });

  it.each(['linux', 'darwin'] as const)('does not wait on %s, where it would not help', async (system) => {
    runAs(system);
    refuse('EPERM', 1);
    await expect(move('a', 'b')).rejects.toThrow('EPERM');
    expect(rename).toHaveBeenCalledTimes(1);
  });

  it('does not wait for what no waiting brings', async () => {
    runAs('win32');
    await expect(move(join(await temporaryFolder(), 'none'), 'b')).rejects.toThrow('ENOENT');
    expect(rename).toHaveBeenCalledTimes(1);
  });
});

describe('files and folders held open on Windows', () => {
  it('are replaced once they are let go', async () => {
    runAs('win32');
    const folder = await temporaryFolder({ 'history.csv': 'old', 'best/model.json': 'old' });
    refuse('EBUSY', 2);
    await writeFileAtomic(join(folder, 'history.csv'), 'new');
    refuse('EPERM', 3);
    await writeFolderAtomic(join(folder, 'best'), (place) =>
      files.writeFile(join(place, 'model.json'), 'new'),
    );
    expect(await readFile(join(folder, 'history.csv'), 'utf8')).toBe('new');
    expect(await readFile(join(folder, 'best', 'model.json'), 'utf8')).toBe('new');
    expect((await readdir(folder)).sort()).toEqual(['best', 'history.csv']);
  });

  it('stay as they were where they are never let go, and the error names them', async () => {
    runAs('win32');
    const folder = await temporaryFolder({ 'best/model.json': 'old' });
    refuse('EPERM', 10);
    const written = writeFolderAtomic(join(folder, 'best'), (place) =>
      files.writeFile(join(place, 'model.json'), 'new'),
    );
    await expect(written).rejects.toThrow(`${join(folder, 'best')} cannot be written: EPERM`);
    expect(await readFile(join(folder, 'best', 'model.json'), 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['best']);
  });
});
