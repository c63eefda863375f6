import { randomBytes } from 'node:crypto';
import { readFileSync, unlinkSync } from 'node:fs';
import { constants, copyFile, link, mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { CheckpointError } from '../../base/errors';
import { exists } from '../files/atomic_write';
import { move, remove } from '../files/move';
import { isRunning, startOf } from '../files/processes';
import { besideName, withTemporaryId } from '../files/temporary_names';
import { writeError } from '../files/write_error';

/** The file in a run's folder that identifies the process that trains there. */
export const LOCK_FILE = 'run.lock';

/** Content of the lock file. */
interface Holder {
  pid: number;
  host: string;
  /** When the process started, see `startOf`. */
  start?: string;
  /** When it acquired the lock. */
  since: string;
  /** Id of this lock, since a process may open a run more than once. */
  id: string;
}

/** Delay after which two processes that took over the same abandoned lock check which of them has it. */
const SETTLED_MS = 100;

/** Most attempts to acquire a lock that is released meanwhile. */
const MOST_TRIES = 20;

/**
 * The exclusive right to write to a run's folder. It ends with the process, even after a crash: the lock of a process
 * that has ended is taken over. The same process may acquire it again; the previous holder then can no longer write.
 */
export class RunLock {
  private readonly file: string;
  private id = '';

  private constructor(private readonly folder: string) {
    this.file = path.resolve(folder, LOCK_FILE);
  }

  /** @throws CheckpointError if another process trains in the folder. */
  static async take(folder: string): Promise<RunLock> {
    const lock = new RunLock(folder);
    await lock.take();
    return lock;
  }

  /**
   * Must be called before and after writing, so that a deleted folder is not partly created again.
   *
   * @param needed - A file that exists in the folder from the start.
   * @throws CheckpointError if the folder was deleted, or taken over by another process.
   */
  async check(needed: string): Promise<void> {
    if (!(await exists(path.join(this.folder, needed)))) {
      throw new CheckpointError(
        `${this.folder}: the run's folder was deleted or moved while it was in use (there is no ${needed}): nothing more is written to it`,
      );
    }
    const holder = await this.holder();
    if (holder === 'none') await this.take();
    else if (holder === 'unreadable' || holder.id !== this.id) {
      const whose = holder === 'unreadable' ? 'something else' : nameOf(holder);
      throw new CheckpointError(
        `${this.folder}: the run was taken over by ${whose}: nothing more is written to it`,
      );
    }
  }

  async release(): Promise<void> {
    held.delete(this.file);
    try {
      const holder = await this.holder();
      if (typeof holder === 'object' && holder.id === this.id) await remove(this.file);
    } catch {
      // a lock that cannot be removed is taken over after this process has ended
    }
  }

  private async take(): Promise<void> {
    const start = startOf(process.pid);
    this.id = randomBytes(8).toString('hex');
    const own: Holder = {
      ...{ pid: process.pid, host: hostname(), start },
      ...{ since: new Date().toISOString(), id: this.id },
    };
    try {
      await mkdir(this.folder, { recursive: true });
      await withTemporaryId(async (id) => {
        const temporary = besideName(this.file, id, 'tmp');
        try {
          await writeFile(temporary, `${JSON.stringify(own)}\n`, { flag: 'wx' });
          await this.place(temporary);
        } finally {
          await remove(temporary);
        }
      });
    } catch (error) {
      throw writeError(error, this.file);
    }
    hold(this.file, this.id);
  }

  /** Renames the temporary file to the lock file, unless a running process holds the lock. */
  private async place(temporary: string): Promise<void> {
    for (let tries = 1; !(await placeNew(temporary, this.file)); tries++) {
      if (tries > MOST_TRIES) {
        throw new CheckpointError(`${this.file}: expected a file that can be replaced; delete it`);
      }
      const holder = await this.holder();
      if (holder === 'none') continue;
      const isOwn = holder !== 'unreadable' && isOfThisProcess(holder);
      if (holder !== 'unreadable' && !isOwn) refuseWhereHeld(holder, this.folder);
      await move(temporary, this.file);
      if (isOwn) return;
      await setTimeout(SETTLED_MS);
      const winner = await this.holder();
      if (typeof winner === 'object' && winner.id === this.id) return;
      if (typeof winner === 'object') refuseWhereHeld(winner, this.folder);
      throw new CheckpointError(
        `${this.folder}: another process is starting a training there at the same time`,
      );
    }
  }

  private async holder(): Promise<Holder | 'none' | 'unreadable'> {
    const text = await readFile(this.file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
    return text === undefined ? 'none' : (parseHolder(text) ?? 'unreadable');
  }
}

/** Creates a file atomically; false if the name is taken. */
async function placeNew(temporary: string, file: string): Promise<boolean> {
  try {
    // some file systems of memory cards and networks do not support links
    await link(temporary, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') throw error;
      return copyFile(temporary, file, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, host, start, since, id } = JSON.parse(text) as Record<keyof Holder, unknown>;
    const isHolder =
      Number(pid) > 0 &&
      Number.isSafeInteger(pid) &&
      [host, since, id].every((part) => typeof part === 'string');
    if (!isHolder || (start !== undefined && typeof start !== 'string')) return undefined;
    return { pid, host, start, since, id } as Holder;
  } catch {
    return undefined;
  }
}

const isOfThisProcess = ({ pid, host, start }: Holder): boolean =>
  pid === process.pid && host === hostname() && start === startOf(process.pid);

function refuseWhereHeld(holder: Holder, folder: string): void {
  const { pid, host, start } = holder;
  const isHere = host === hostname();
  if (isHere && !isRunning(pid, start)) return;
  const isCertain = isHere && start !== undefined;
  const advice = isCertain
    ? 'wait until it has ended, or stop it'
    : `if it has ended, which cannot be checked from here, delete ${path.join(folder, LOCK_FILE)}`;
  throw new CheckpointError(`${folder}: the run is in use by ${nameOf(holder)}: ${advice}`);
}

const nameOf = ({ pid, host, since }: Holder): string => `process ${pid} on host ${host} since ${since}`;

/** Locks of this process, by file. */
const held = new Map<string, string>();
let isWatched = false;

/** Removes the lock at the exit of the process, if it was not released before. */
function hold(file: string, id: string): void {
  held.set(file, id);
  if (isWatched) return;
  isWatched = true;
  process.on('exit', () => {
    for (const [file, id] of held) {
      try {
        if (parseHolder(readFileSync(file, 'utf8'))?.id === id) unlinkSync(file);
      } catch {
        // already removed, or left for the next process to take over
      }
    }
  });
}
