import { execFile } from 'node:child_process';
import type * as FileSystem from 'node:fs/promises';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { DataError } from '../../../src/base/errors';
import { recoverFolder, writeFileAtomic, writeFolderAtomic } from '../../../src/node/files/atomic_write';
import { temporaryFolder } from '../../support/folder';

/** Lets a test make the file system refuse one rename. */
const failing = vi.hoisted(() => ({ renameOf: undefined as RegExp | undefined }));
vi.mock('node:fs/promises', async (importOriginal) => {
  const original = await importOriginal<typeof FileSystem>();
  const rename: typeof original.rename = async (from, to) => {
    if (failing.renameOf?.test(String(from))) throw new Error('refused by the test');
    return original.rename(from, to);
  };
  return { ...original, rename };
});

const text = (...path: string[]) => readFile(join(...path), 'utf8');

describe('writeFileAtomic', () => {
  it('writes, replaces, and leaves nothing else', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'deep', 'er', 'a.txt');
    await writeFileAtomic(file, 'one');
    expect(await text(file)).toBe('one');
    await writeFileAtomic(file, new Uint8Array([116, 119, 111]));
    expect(await text(file)).toBe('two');
    expect(await readdir(join(folder, 'deep', 'er'))).toEqual(['a.txt']);
  });

  it('leaves no trace when it cannot write', async () => {
    const folder = await temporaryFolder({ 'taken/x': '' });
    await expect(writeFileAtomic(join(folder, 'taken'), 'text')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(await readdir(folder)).toEqual(['taken']);
    expect(await readdir(join(folder, 'taken'))).toEqual(['x']);
  });

  it('never shows a reader half a file', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'a.txt');
    const versions = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(300_000));
    await writeFileAtomic(file, versions[0]!);
    let writing = true;
    const reader = (async () => {
      let reads = 0;
      for (; writing; reads++) {
        const seen = await text(file);
        if (!versions.includes(seen)) throw new Error(`half a file: ${seen.length} characters`);
      }
      return reads;
    })();
    for (const version of versions) await writeFileAtomic(file, version);
    writing = false;
    expect(await reader).toBeGreaterThan(0);
  });
});

describe('writeFolderAtomic', () => {
  it('writes a folder, then replaces it whole', async () => {
    const parent = await temporaryFolder();
    const folder = join(parent, 'runs', 'best');
    await writeFolderAtomic(folder, async (temporary) => {
      await writeFile(join(temporary, 'old-only'), '1');
      await mkdir(join(temporary, 'sub'));
      await writeFile(join(temporary, 'sub', 'x'), '1');
      // not there before it is whole
      await expect(stat(folder)).rejects.toThrow(/ENOENT/);
    });
    expect(await text(folder, 'sub', 'x')).toBe('1');
    await writeFolderAtomic(folder, async (temporary) => {
      await writeFile(join(temporary, 'y'), '2');
      expect(await readdir(folder)).toContain('old-only');
    });
    expect(await readdir(folder)).toEqual(['y']);
    expect(await readdir(join(parent, 'runs'))).toEqual(['best']);
  });

  it('changes nothing when filling fails', async () => {
    const parent = await temporaryFolder({ 'best/x': 'old' });
    const run = writeFolderAtomic(join(parent, 'best'), async (temporary) => {
      await writeFile(join(temporary, 'x'), 'half');
      throw new Error('disk full');
    });
    await expect(run).rejects.toThrow('disk full');
    expect(await text(parent, 'best', 'x')).toBe('old');
    expect(await readdir(parent)).toEqual(['best']);
  });

  it('puts the old folder back when the new one cannot take its place', async () => {
    const parent = await temporaryFolder({ 'best/x': 'old' });
    failing.renameOf = /\.tmp$/;
    try {
      const run = writeFolderAtomic(join(parent, 'best'), (temporary) =>
        writeFile(join(temporary, 'x'), 'new'),
      );
      await expect(run).rejects.toThrow('refused by the test');
    } finally {
      failing.renameOf = undefined;
    }
    expect(await text(parent, 'best', 'x')).toBe('old');
    expect(await readdir(parent)).toEqual(['best']);
  });

  it('refuses a file in the place of the folder', async () => {
    const parent = await temporaryFolder({ best: 'file' });
    const run = () => writeFolderAtomic(join(parent, 'best'), async () => undefined);
    await expect(run()).rejects.toThrow(DataError);
    await expect(run()).rejects.toThrow(/expected a folder, found a file \(file .*best\)/);
    expect(await readdir(parent)).toEqual(['best']);
  });
});

describe('after a crash', () => {
  const id = '123-0123456789ab';

  it('takes the new folder when both stand aside complete', async () => {
    const parent = await temporaryFolder({ [`.best.${id}.tmp/x`]: 'new', [`.best.${id}.old/x`]: 'old' });
    expect(await recoverFolder(join(parent, 'best'))).toBe(true);
    expect(await text(parent, 'best', 'x')).toBe('new');
    expect(await readdir(parent)).toEqual(['best']);
  });

  it('takes the old folder when it stands aside alone', async () => {
    const parent = await temporaryFolder({ [`.best.${id}.old/x`]: 'old' });
    expect(await recoverFolder(join(parent, 'best'))).toBe(true);
    expect(await text(parent, 'best', 'x')).toBe('old');
  });

  it('keeps the folder that is there and removes the one aside', async () => {
    const parent = await temporaryFolder({ 'best/x': 'new', [`.best.${id}.old/x`]: 'old' });
    expect(await recoverFolder(join(parent, 'best'))).toBe(true);
    expect(await text(parent, 'best', 'x')).toBe('new');
    expect(await readdir(parent)).toEqual(['best']);
  });

  it('does not take an unfinished folder, nor one of another name', async () => {
    const parent = await temporaryFolder({
      [`.best.${id}.tmp/x`]: 'half',
      [`.best.2.${id}.old/x`]: 'other',
    });
    expect(await recoverFolder(join(parent, 'best'))).toBe(false);
    expect(await recoverFolder(join(parent, 'missing', 'best'))).toBe(false);
  });

  it('is put right by the next write', async () => {
    const parent = await temporaryFolder({ [`.best.${id}.old/x`]: 'old' });
    const run = writeFolderAtomic(join(parent, 'best'), async () => {
      throw new Error('fails too');
    });
    await expect(run).rejects.toThrow('fails too');
    expect(await text(parent, 'best', 'x')).toBe('old');
  });

  it('a process killed while filling leaves the old folder as it was', async () => {
    const parent = await temporaryFolder({ 'best/x': 'old' });
    const script = join(parent, 'write.mts');
    await writeFile(
      script,
      `import { writeFile } from 'node:fs/promises';
      import { writeFolderAtomic } from ${JSON.stringify(resolve('src/node/atomic_write'))};
      await writeFolderAtomic(${JSON.stringify(join(parent, 'best'))}, async (folder) => {
        await writeFile(folder + '/x', 'half');
        process.kill(process.pid, 'SIGKILL');
        await new Promise((resolve) => setTimeout(resolve, 10_000));
      });`,
    );
    const signal = await new Promise((done) => {
      execFile(process.execPath, ['--import', 'tsx', script], (error) => done(error?.signal));
    });
    expect(signal).toBe('SIGKILL');
    expect((await readdir(parent)).filter((name) => name.endsWith('.tmp'))).toHaveLength(1);
    expect(await text(parent, 'best', 'x')).toBe('old');
    expect(await recoverFolder(join(parent, 'best'))).toBe(true);
    expect(await text(parent, 'best', 'x')).toBe('old');
  });
});
