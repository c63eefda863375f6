import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DataError } from '../../base/errors';
import { move, remove } from './move';
import { besideName, removeAbandoned, temporariesIn, withTemporaryId } from './temporary_names';
import { writeError } from './write_error';

/**
 * Writes a file atomically: to a temporary file beside it, which is synced to disk, then renamed.
 * Missing parent folders are created.
 *
 * @param data - The content, or a function that writes it in parts.
 * @throws CtMultilabelError that names the file, if the disk is full or the file is not writable; errors of `data`. An
 * old file is then unchanged.
 */
export async function writeFileAtomic(
  file: string,
  data: string | Uint8Array | ((write: (part: string) => Promise<void>) => Promise<void>),
): Promise<void> {
  const target = resolve(file);
  /** Errors of the file system name the file; other errors of `data` do not concern it. */
  const onDisk = <T>(work: Promise<T>) => work.catch((error: unknown) => { throw writeError(error, file); }); // prettier-ignore
  await withTemporaryId(async (id) => {
    const temporary = besideName(target, id, 'tmp');
    try {
      await onDisk(mkdir(dirname(target), { recursive: true }));
      const handle = await onDisk(open(temporary, 'wx'));
      try {
        const write = (part: string | Uint8Array) => onDisk(handle.writeFile(part));
        await (typeof data === 'function' ? data(write) : write(data));
        await onDisk(handle.sync());
      } finally {
        await handle.close();
      }
      await onDisk(move(temporary, target));
      await onDisk(syncPath(dirname(target)));
    } catch (error) {
      await remove(temporary);
      throw error;
    }
  });
}

/**
 * Writes a folder atomically: `fill` writes to a temporary folder beside it, which is then renamed.
 *
 * An existing folder is first renamed, and removed at the end. A crash between the two renames leaves both
 * folders complete under temporary names; {@link recoverFolder}, which the next write calls too, repairs that.
 * Only one writer at a time is allowed.
 *
 * @param folder - The target; missing parent folders are created.
 * @param fill - Writes the content to the given folder; if it throws, nothing is changed.
 * @throws DataError if the target exists and is not a folder; CtMultilabelError that names the folder, if the disk is
 * full or the folder is not writable; other errors of `fill`.
 */
export async function writeFolderAtomic(
  folder: string,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  try {
    await withTemporaryId((id) => replaceFolder(resolve(folder), id, folder, fill));
  } catch (error) {
    throw writeError(error, folder);
  }
}

async function replaceFolder(
  target: string,
  id: string,
  folder: string,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  await recoverFolder(target);
  if (await exists(target, 'file')) throw new DataError('expected a folder, found a file', { file: folder });
  const temporary = besideName(target, id, 'tmp');
  const aside = besideName(target, id, 'old');
  await mkdir(temporary);
  try {
    await fill(temporary);
    await syncTree(temporary);
    const replaces = await exists(target);
    if (replaces) await move(target, aside);
    try {
      await move(temporary, target);
    } catch (error) {
      if (replaces) await move(aside, target);
      throw error;
    }
  } catch (error) {
    await remove(temporary);
    throw error;
  }
  await syncPath(dirname(target));
  await remove(aside);
}

/**
 * Repairs the state after a crash inside {@link writeFolderAtomic}, before the folder is written. Reading needs no
 * repair: `loadCheckpoint` finds the complete folder under any of its names.
 *
 * If the folder is missing, the new one is renamed if it was complete, otherwise the old one. If the folder exists,
 * only an old folder that was set aside and incomplete files of processes that have ended are removed.
 *
 * @returns Whether the folder exists now.
 */
export async function recoverFolder(folder: string): Promise<boolean> {
  const target = resolve(folder);
  for (const aside of await setAside(target)) {
    if (await exists(target)) {
      await remove(aside);
      continue;
    }
    const temporary = newBeside(aside);
    if (await exists(temporary)) {
      await move(temporary, target);
      await remove(aside);
    } else {
      await move(aside, target);
    }
  }
  await removeAbandoned(dirname(target), basename(target));
  return exists(target);
}

/** Most attempts to read a folder that is replaced meanwhile. */
const MOST_READS = 5;

/**
 * Reads a folder written by {@link writeFolderAtomic}, even while it is replaced or after a crash, without changing
 * anything.
 *
 * @param read - Reads the content from the given path; called again if the folder was replaced meanwhile.
 */
export async function readFolder<T>(folder: string, read: (place: string) => Promise<T>): Promise<T> {
  for (let reads = 1; ; reads++) {
    const place = await placeOf(folder);
    const before = await identityOf(place);
    const isSame = async () => reads === MOST_READS || (await identityOf(await placeOf(folder))) === before;
    try {
      const result = await read(place);
      if (await isSame()) return result;
    } catch (error) {
      if (await isSame()) throw error;
    }
  }
}

/** Path of a folder's complete content: its own, or a temporary one after a crash. */
async function placeOf(folder: string): Promise<string> {
  if (await exists(folder)) return folder;
  const [aside] = await setAside(resolve(folder));
  if (aside === undefined) return folder;
  const temporary = newBeside(aside);
  return (await exists(temporary)) ? temporary : aside;
}

/** A text that changes when a folder is replaced. */
const identityOf = (place: string): Promise<string> =>
  stat(place).then(
    ({ ino, ctimeMs }) => `${place} ${ino} ${ctimeMs}`,
    () => 'none',
  );

/** Old folders of `target` that remained after a crash. */
async function setAside(target: string): Promise<string[]> {
  const found = await temporariesIn(dirname(target));
  return found
    .filter(({ target: name, kind }) => kind === 'old' && name === basename(target))
    .map(({ path }) => path);
}

/** Path of the new folder that belongs to an old one set aside; if it exists, it is complete. */
const newBeside = (aside: string): string => aside.replace(/\.old$/, '.tmp');

/** Whether something of this name exists (for `'file'`, other than a folder); throws if that is unknown. */
export async function exists(path: string, kind: 'any' | 'file' = 'any'): Promise<boolean> {
  try {
    const found = await stat(path);
    return kind === 'any' || !found.isDirectory();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** Syncs `folder` and all files and folders in it. */
async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else if (entry.isFile()) await syncPath(path, 'r+');
  }
  await syncPath(folder);
}

/** Syncs a folder, or a file with flags `'r+'` (Windows needs write access); some systems cannot sync folders. */
async function syncPath(path: string, flags: 'r' | 'r+' = 'r'): Promise<void> {
  try {
    const handle = await open(path, flags);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    const unsupported = ['EPERM', 'EISDIR', 'EINVAL', 'ENOTSUP', 'EACCES', 'EBADF'];
    if (!unsupported.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
