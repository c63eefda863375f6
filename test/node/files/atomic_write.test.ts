import { execFile } from 'node:child_process';
import type * as FileSystem from 'node:fs/promises';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { CtMultilabelError, DataError } from '../../../src/base/errors';
import {
  readFolder,
  recoverFolder,
  writeFileAtomic,
  writeFolderAtomic,
} from '../../../src/node/files/atomic_write';
import { removeAbandoned } from '../../../src/node/files/temporary_names';
import { temporaryFolder } from '../../support/folder';

/** Lets a test make the file system refuse a rename, or to open a file. */
const failing = vi.hoisted(() => ({
  renameOf: undefined as RegExp | undefined,
  open: undefined as Error | undefined,
}));
vi.mock('node:fs/promises', async (importOriginal) => {
  const original = await importOriginal<typeof FileSystem>();
  const rename: typeof original.rename = async (from, to) => {
    if (failing.renameOf?.test(String(from))) throw new Error('refused by the test');
    return original.rename(from, to);
  };
  const open: typeof original.open = async (...args) => {
    if (failing.open) throw failing.open;
    return original.open(...args);
  };
  return { ...original, rename, open };
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
      import { writeFolderAtomic } from ${JSON.stringify(resolve('src/node/files/atomic_write'))};
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
    // what it left half written is gone with it
    expect((await readdir(parent)).sort()).toEqual(['best', 'write.mts']);
  });
});

describe('removeAbandoned', () => {
  /** No process has this number: Linux ends at 4194304, others before. */
  const dead = '99999999-0123456789ab';

  it('removes what ended processes left, and nothing else', async () => {
    const parent = await temporaryFolder({
      [`.best.${dead}.tmp/x`]: 'half',
      [`.history.csv.${dead}.tmp`]: 'half',
      // of this number, but not of this process: in containers every run may have it
      [`.last.${process.pid}-0123456789ab.tmp/x`]: 'half',
      [`.best.${process.ppid}-0123456789ab.tmp/x`]: 'somebody is at work',
      '.best.tmp/x': 'of another program',
      'best/x': 'whole',
      // a pair that recoverFolder puts right
      ['.other.99999999-aaaaaaaaaaaa.tmp/x']: 'new',
      ['.other.99999999-aaaaaaaaaaaa.old/x']: 'old',
    });
    await removeAbandoned(parent);
    expect((await readdir(parent)).sort()).toEqual([
      `.best.${process.ppid}-0123456789ab.tmp`,
      '.best.tmp',
      '.other.99999999-aaaaaaaaaaaa.old',
      '.other.99999999-aaaaaaaaaaaa.tmp',
      'best',
    ]);
    expect(await recoverFolder(join(parent, 'other'))).toBe(true);
    expect(await text(parent, 'other', 'x')).toBe('new');
    await removeAbandoned(join(parent, 'missing'));
  });

  it('leaves what this process is writing, and what was to become something else', async () => {
    const parent = await temporaryFolder({
      [`.other.${dead}.tmp/x`]: 'half',
      [`.best.${dead}.tmp/x`]: 'half',
    });
    await writeFolderAtomic(join(parent, 'best'), async (temporary) => {
      await writeFile(join(temporary, 'x'), 'new');
      await removeAbandoned(parent, 'best');
      expect(await readdir(temporary)).toEqual(['x']);
    });
    expect((await readdir(parent)).sort()).toEqual([`.other.${dead}.tmp`, 'best']);
  });
});

describe('readFolder', () => {
  it('reads again where the folder was replaced meanwhile', async () => {
    const parent = await temporaryFolder({ 'best/x': '1', 'best/y': '1' });
    const folder = join(parent, 'best');
    let reads = 0;
    const read = () =>
      readFolder(folder, async (place) => {
        const x = await text(place, 'x');
        if (reads++ === 0) {
          await writeFolderAtomic(folder, async (temporary) => {
            await writeFile(join(temporary, 'x'), '2');
            await writeFile(join(temporary, 'y'), '2');
          });
        }
        return x + (await text(place, 'y'));
      });
    expect(await read()).toBe('22');
    expect(reads).toBe(2);
  });

  it('throws what reading throws, once the folder stays the same', async () => {
    const parent = await temporaryFolder({ 'best/x': '1' });
    const failing = readFolder(join(parent, 'best'), (place) => text(place, 'missing'));
    await expect(failing).rejects.toThrow(/ENOENT/);
    await expect(readFolder(join(parent, 'none'), (place) => text(place, 'x'))).rejects.toThrow(/none/);
  });
});

describe('a full disk', () => {
  const full = () => {
    const error = new Error('ENOSPC: no space left on device, write') as NodeJS.ErrnoException;
    return Object.assign(error, { code: 'ENOSPC', syscall: 'write' });
  };

  it('names the folder and what to do, and leaves the old one', async () => {
    const parent = await temporaryFolder({ 'best/x': 'old' });
    const folder = join(parent, 'best');
    const writing = writeFolderAtomic(folder, async () => Promise.reject(full()));
    await expect(writing).rejects.toThrow(CtMultilabelError);
    await expect(writing).rejects.toThrow(
      `${folder} cannot be written: the disk is full, so free some space`,
    );
    expect(await text(parent, 'best', 'x')).toBe('old');
    expect(await readdir(parent)).toEqual(['best']);
  });

  it('names the file and what to do, and leaves the old one', async () => {
    const parent = await temporaryFolder({ 'history.csv': 'old' });
    const file = join(parent, 'history.csv');
    failing.open = full();
    try {
      const writing = writeFileAtomic(file, 'new');
      await expect(writing).rejects.toThrow(CtMultilabelError);
      await expect(writing).rejects.toThrow(
        `${file} cannot be written: the disk is full, so free some space`,
      );
    } finally {
      failing.open = undefined;
    }
    expect(await text(file)).toBe('old');
    expect(await readdir(parent)).toEqual(['history.csv']);
  });
});
