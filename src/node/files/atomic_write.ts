import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DataError } from '../../base/errors';
import { move, remove } from './move';
import { besideName, removeAbandoned, temporariesIn, withTemporaryId } from './temporary_names';
import { writeError } from './write_error';

/**
 * Writes a file whole or not at all: into a temporary file beside it, synced to disk, then renamed over it.
 * Missing parent folders are made.
 *
 * @param data - The content, or what writes it part by part.
 * @throws CtMultilabelError that names the file, where the disk is full or the file may not be written; the old file, if any, is then
 * as it was, as it is where `data` throws.
 * @example
 * ```ts
 * await writeFileAtomic('out/figures.json', JSON.stringify({ f2: 0.78 }));
 * ```
 */
export async function writeFileAtomic(
  file: string,
  data: string | Uint8Array | ((write: (part: string) => Promise<void>) => Promise<void>),
): Promise<void> {
  const target = resolve(file);
  /** An error of the disk names the file; what else `data` throws is not the file's. */
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
 * Writes a folder whole or not at all: `fill` writes into a temporary folder beside it, which then takes its name.
 *
 * An existing folder is renamed aside first and removed after. A crash between these two renames leaves both
 * folders complete under temporary names; {@link recoverFolder}, which the next write calls too, puts that right.
 * One writer at a time.
 *
 * @param folder - The target; missing parent folders are made.
 * @param fill - Writes the content into the folder it is given; when it throws, nothing has changed.
 * @throws DataError when the target exists and is not a folder; CtMultilabelError that names the folder, where the disk is full or
 * the folder may not be written; what else `fill` throws.
 * @example
 * ```ts
 * await writeFolderAtomic('runs/best', async (folder) => {
 *   await writeFile(join(folder, 'model.json'), text);
 * });
 * ```
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
 * Finishes what a crash inside {@link writeFolderAtomic} left half done, for whoever is to write the folder. Only reading it needs no
 * such thing: `loadCheckpoint` finds the whole folder under any of its names.
 *
 * Where the folder is missing, the new one takes its name if it was complete, else the old one does. Nothing
 * happens where the folder is there, except that an old one set aside is removed, and what processes that have ended left half written.
 *
 * @returns Whether the folder exists now.
 * @example
 * ```ts
 * if (await recoverFolder('runs/first/best')) console.log('there, and whole');
 * ```
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

/** More replacements of a folder than happen while it is read. */
const MOST_READS = 5;

/**
 * Reads a folder that {@link writeFolderAtomic} writes, also while it is replaced or after a crash; writes and renames nothing.
 *
 * @param read - Reads the whole from the place it is given: again, where the folder was replaced meanwhile.
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

/** Where a folder's whole content is: under its own name, or where a crash left it. */
async function placeOf(folder: string): Promise<string> {
  if (await exists(folder)) return folder;
  const [aside] = await setAside(resolve(folder));
  if (aside === undefined) return folder;
  const temporary = newBeside(aside);
  return (await exists(temporary)) ? temporary : aside;
}

/** Changes when a folder is replaced. */
const identityOf = (place: string): Promise<string> =>
  stat(place).then(
    ({ ino, ctimeMs }) => `${place} ${ino} ${ctimeMs}`,
    () => 'none',
  );

/** Old folders of `target` that a crash left aside. */
async function setAside(target: string): Promise<string[]> {
  const found = await temporariesIn(dirname(target));
  return found
    .filter(({ target: name, kind }) => kind === 'old' && name === basename(target))
    .map(({ path }) => path);
}

/** The new folder of an old one set aside: complete, where it is there. */
const newBeside = (aside: string): string => aside.replace(/\.old$/, '.tmp');

/** Whether there is something of this name (`'file'`: other than a folder); throws where that cannot be told. */
export async function exists(path: string, kind: 'any' | 'file' = 'any'): Promise<boolean> {
  try {
    const found = await stat(path);
    return kind === 'any' || !found.isDirectory();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** Syncs every file and folder under `folder`, and itself. */
async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else if (entry.isFile()) await syncPath(path, 'r+');
  }
  await syncPath(folder);
}

/** Asks the disk to keep a folder, or a file (`'r+'`: Windows syncs what may be written); some systems cannot do that for folders. */
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
