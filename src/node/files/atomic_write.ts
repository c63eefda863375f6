import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DataError } from '../../base/errors';

/**
 * Writes a file whole or not at all: into a temporary file beside it, synced to disk, then renamed over it.
 * Missing parent folders are made.
 *
 * @throws The file system's error; the old file, if any, is then as it was.
 * @example
 * ```ts
 * await writeFileAtomic('out/figures.json', JSON.stringify({ f2: 0.78 }));
 * ```
 */
export async function writeFileAtomic(file: string, data: string | Uint8Array): Promise<void> {
  const target = resolve(file);
  await mkdir(dirname(target), { recursive: true });
  const temporary = besideName(target, newId(), 'tmp');
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncPath(dirname(target));
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
 * @throws DataError when the target exists and is not a folder; what `fill` throws; the file system's error.
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
  const target = resolve(folder);
  await mkdir(dirname(target), { recursive: true });
  await recoverFolder(target);
  if (await exists(target, 'file')) throw new DataError('expected a folder, found a file', { file: folder });
  const id = newId();
  const temporary = besideName(target, id, 'tmp');
  const aside = besideName(target, id, 'old');
  await mkdir(temporary);
  try {
    await fill(temporary);
    await syncTree(temporary);
    const replaces = await exists(target);
    if (replaces) await rename(target, aside);
    try {
      await rename(temporary, target);
    } catch (error) {
      if (replaces) await rename(aside, target);
      throw error;
    }
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  await syncPath(dirname(target));
  await rm(aside, { recursive: true, force: true });
}

/**
 * Finishes what a crash inside {@link writeFolderAtomic} left half done; call it before reading such a folder.
 *
 * Where the folder is missing, the new one takes its name if it was complete, else the old one does. Nothing
 * happens where the folder is there, except that an old one set aside is removed.
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
      await rm(aside, { recursive: true, force: true });
      continue;
    }
    // the old folder is set aside only after the new one is complete
    const temporary = aside.replace(/\.old$/, '.tmp');
    if (await exists(temporary)) {
      await rename(temporary, target);
      await rm(aside, { recursive: true, force: true });
    } else {
      await rename(aside, target);
    }
  }
  return exists(target);
}

/** Hidden, so that no listing takes it for a checkpoint or a patient; `id` pairs a `tmp` with its `old`. */
function besideName(target: string, id: string, kind: 'tmp' | 'old'): string {
  return join(dirname(target), `.${basename(target)}.${id}.${kind}`);
}

const newId = () => `${process.pid}-${randomBytes(6).toString('hex')}`;

/** Old folders of `target` that a crash left aside. */
async function setAside(target: string): Promise<string[]> {
  const parent = dirname(target);
  if (!(await exists(parent))) return [];
  const prefix = `.${basename(target)}.`;
  return (await readdir(parent))
    .filter((name) => name.startsWith(prefix) && /^\d+-[0-9a-f]{12}\.old$/.test(name.slice(prefix.length)))
    .map((name) => join(parent, name));
}

async function exists(path: string, kind: 'any' | 'file' = 'any'): Promise<boolean> {
  try {
    const found = await stat(path);
    return kind === 'any' || !found.isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Syncs every file and folder under `folder`, and itself. */
async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else if (entry.isFile()) await syncPath(path);
  }
  await syncPath(folder);
}

/** Asks the disk to keep a file or folder; some systems cannot do that for folders, or for files opened to read. */
async function syncPath(path: string): Promise<void> {
  try {
    const handle = await open(path, 'r');
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
