import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { remove } from './move';
import { isRunning } from './processes';

/** Ids in use in this process, shared by all copies of this module. */
const IN_USE = Symbol.for('ct-multilabel.temporaryIds');
const scope = globalThis as { [IN_USE]?: Set<string> };
const inUse = (scope[IN_USE] ??= new Set());

/** Runs `use` with an id for temporary names, by which other processes see that this one is at work. */
export async function withTemporaryId<T>(use: (id: string) => Promise<T>): Promise<T> {
  const id = `${process.pid}-${randomBytes(6).toString('hex')}`;
  inUse.add(id);
  try {
    return await use(id);
  } finally {
    inUse.delete(id);
  }
}

/** A hidden name, so that it is not listed as a checkpoint or a patient; `id` pairs a `tmp` with its `old`. */
export function besideName(target: string, id: string, kind: 'tmp' | 'old'): string {
  return join(dirname(target), `.${basename(target)}.${id}.${kind}`);
}

/** A temporary file or folder. */
export interface Temporary {
  path: string;
  /** Name of its target. */
  target: string;
  id: string;
  kind: 'tmp' | 'old';
}

/** All temporary files and folders in a folder; none if the folder is missing. */
export async function temporariesIn(folder: string): Promise<Temporary[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
  return names.flatMap((name) => {
    const match = /^\.(.+)\.(\d+-[0-9a-f]{12})\.(tmp|old)$/.exec(name);
    if (!match) return [];
    const [, target, id, kind] = match as unknown as [string, string, string, 'tmp' | 'old'];
    return [{ path: join(folder, name), target, id, kind }];
  });
}

/**
 * Removes incomplete files and folders of processes that have ended. Old folders set aside and the new ones beside them
 * are kept for `recoverFolder`.
 *
 * @param target - Limits the removal to temporary names of this target.
 */
export async function removeAbandoned(folder: string, target?: string): Promise<void> {
  const found = await temporariesIn(folder);
  const setAside = new Set(found.filter(({ kind }) => kind === 'old').map(({ id }) => id));
  for (const { path, target: name, id, kind } of found) {
    const isOther = target !== undefined && name !== target;
    if (kind === 'old' || setAside.has(id) || isOther || isAtWork(id)) continue;
    await remove(path);
  }
}

function isAtWork(id: string): boolean {
  const pid = Number.parseInt(id, 10);
  // in a container every run may have the same process number
  return pid === process.pid ? inUse.has(id) : isRunning(pid);
}
