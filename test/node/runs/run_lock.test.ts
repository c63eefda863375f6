import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError } from '../../../src/base/errors';
import { isRunning, startOf } from '../../../src/node/files/processes';
import { LOCK_FILE, RunLock } from '../../../src/node/runs/run_lock';
import { temporaryFolder } from '../../support/folder';

/** Another process, at work until it is killed. */
async function otherProcess(): Promise<ChildProcess & { pid: number }> {
  const child = spawn(process.execPath, ['-e', "console.log('up'); setInterval(() => {}, 1000)"]);
  await once(child.stdout, 'data');
  return child as ChildProcess & { pid: number };
}
async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

const NEEDED = 'config.json';
const since = '2026-01-02T03:04:05.678Z';
const lockOf = (more: object) => JSON.stringify({ pid: 1, host: hostname(), since, id: 'x', ...more });
const folderWith = (lock: string) => temporaryFolder({ [NEEDED]: '{}', [LOCK_FILE]: lock });
const holderIn = async (folder: string) =>
  JSON.parse(await readFile(path.join(folder, LOCK_FILE), 'utf8')) as Record<string, unknown>;

let alive: ChildProcess & { pid: number };
beforeAll(async () => {
  alive = await otherProcess();
});
afterAll(() => kill(alive));

describe('isRunning', () => {
  it('tells a process that runs from one that has ended', async () => {
    const child = await otherProcess();
    const start = startOf(child.pid);
    expect(isRunning(child.pid)).toBe(true);
    expect(isRunning(child.pid, start)).toBe(true);
    await kill(child);
    expect(isRunning(child.pid)).toBe(false);
    expect(isRunning(child.pid, start)).toBe(false);
  });

  it.runIf(process.platform === 'linux')('tells another process of the same number', () => {
    expect(startOf(alive.pid)).not.toBe(startOf(process.pid));
    expect(isRunning(alive.pid, startOf(process.pid))).toBe(false);
  });

  it.runIf(process.platform === 'linux')('takes a zombie for one that has ended', async () => {
    // the shell starts a child, and becomes a program that never asks how it ended
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 60']);
    const [said] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(said.toString());
    const state = async () =>
      (await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') gone')).split(') ')[1]![0];
    await expect.poll(state).toBe('Z');
    expect(isRunning(pid)).toBe(false);
    await kill(parent);
  });
});

describe('RunLock', () => {
  it('says who trains there, until it is released', async () => {
    const folder = path.join(await temporaryFolder(), 'runs', 'first');
    const lock = await RunLock.take(folder);
    expect(await holderIn(folder)).toMatchObject({ pid: process.pid, host: hostname() });
    expect((await holderIn(folder)).start).toBe(startOf(process.pid));
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
    await lock.release(); // once more is no harm
  });

  it('is refused while another process has it, and says which', async () => {
    const lock = lockOf({ pid: alive.pid, start: startOf(alive.pid) });
    const folder = await folderWith(lock);
    await expect(RunLock.take(folder)).rejects.toThrow(CheckpointError);
    await expect(RunLock.take(folder)).rejects.toThrow(
      `${folder}: the run is in use by process ${alive.pid} on host ${hostname()} since ${since}`,
    );
    expect(await readFile(path.join(folder, LOCK_FILE), 'utf8')).toBe(lock);
    expect((await readdir(folder)).sort()).toEqual([NEEDED, LOCK_FILE]);
  });

  it('of another host is refused, with what to do', async () => {
    const folder = await folderWith(lockOf({ host: 'elsewhere' }));
    await expect(RunLock.take(folder)).rejects.toThrow(
      `process 1 on host elsewhere since ${since}: if it has ended, which cannot be checked from here, delete ${path.join(folder, LOCK_FILE)}`,
    );
  });

  it('is had by whom it should be had, whatever the file says', async () => {
    const pids = { own: process.pid, alive: alive.pid, dead: 99_999_999 };
    const isLinux = process.platform === 'linux';
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...(['own', 'alive', 'dead'] as const)),
        fc.constantFrom(...(['right', 'wrong', 'none'] as const)),
        fc.boolean(),
        fc.constantFrom('whole', 'cut', 'empty', 'null', 'no id', 'pid 0'),
        async (who, start, isHere, form) => {
          const whole = lockOf({
            pid: pids[who],
            ...(start !== 'none' && { start: start === 'wrong' ? 'boot 1' : startOf(pids[who]) }),
            ...(!isHere && { host: 'elsewhere' }),
          });
          const text = {
            ...{ whole, cut: whole.slice(0, -3), empty: '', null: 'null' },
            ...{ 'no id': lockOf({ id: undefined }), 'pid 0': lockOf({ pid: 0 }) },
          }[form]!;
          const runs = who === 'alive' && (start !== 'wrong' || !isLinux);
          // without a start the number alone speaks, and this process's own without one is another's of an earlier boot
          const own = who === 'own' && start === 'none' && isLinux;
          const isRefused = form === 'whole' && (!isHere || runs || own);
          const folder = await folderWith(text);
          const taken = RunLock.take(folder);
          if (isRefused) {
            await expect(taken).rejects.toThrow(CheckpointError);
            expect(await readFile(path.join(folder, LOCK_FILE), 'utf8')).toBe(text);
          } else {
            await (await taken).check(NEEDED);
            expect((await holderIn(folder)).pid).toBe(process.pid);
          }
          expect((await readdir(folder)).sort()).toEqual([NEEDED, LOCK_FILE]);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('is taken over by one of many that find an abandoned one', async () => {
    const folder = await folderWith(lockOf({ pid: 99_999_999 }));
    const takes = await Promise.allSettled(Array.from({ length: 8 }, () => RunLock.take(folder)));
    const locks = takes.flatMap((take) => (take.status === 'fulfilled' ? [take.value] : []));
    const checks = await Promise.allSettled(locks.map((lock) => lock.check(NEEDED)));
    expect(checks.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect((await readdir(folder)).sort()).toEqual([NEEDED, LOCK_FILE]);
  });

  it('is lost to whoever takes it next in the same process', async () => {
    const folder = await temporaryFolder({ [NEEDED]: '{}' });
    const first = await RunLock.take(folder);
    await first.check(NEEDED);
    const second = await RunLock.take(folder);
    await second.check(NEEDED);
    await expect(first.check(NEEDED)).rejects.toThrow(
      `${folder}: the run was taken over by process ${process.pid} on host`,
    );
    await first.release();
    await second.check(NEEDED); // which that does not end
  });

  it('notices that the folder was deleted, emptied or moved, and makes none', async () => {
    const removals: ((folder: string) => Promise<void>)[] = [
      (folder) => rm(folder, { recursive: true }),
      async (folder) => {
        await rm(folder, { recursive: true });
        await mkdir(folder);
      },
      (folder) => rename(folder, `${folder}2`),
      async (folder) => {
        await rm(folder, { recursive: true });
        await writeFile(folder, 'a file');
      },
    ];
    for (const removal of removals) {
      const folder = path.join(await temporaryFolder(), 'run');
      await mkdir(folder);
      await writeFile(path.join(folder, NEEDED), '{}');
      const lock = await RunLock.take(folder);
      await removal(folder);
      const before = await readdir(path.dirname(folder));
      await expect(lock.check(NEEDED)).rejects.toThrow(
        `${folder}: the run's folder was deleted or moved while it was in use (there is no ${NEEDED})`,
      );
      expect(await readdir(path.dirname(folder))).toEqual(before);
    }
  });

  it('is taken again where only its file was deleted', async () => {
    const folder = await temporaryFolder({ [NEEDED]: '{}' });
    const lock = await RunLock.take(folder);
    await rm(path.join(folder, LOCK_FILE));
    await lock.check(NEEDED);
    expect((await holderIn(folder)).pid).toBe(process.pid);
  });

  it('ends in an error where its name leads nowhere', async () => {
    const folder = await temporaryFolder();
    await symlink('nowhere', path.join(folder, LOCK_FILE));
    await expect(RunLock.take(folder)).rejects.toThrow(/expected a file that can be replaced; delete it/);
  });
});
