import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';
import { check } from '../../base/checks';
import { DataError, type DataLocation } from '../../base/errors';

/**
 * The data folder: its name as given by the caller, its real path, and the contents of its folders that have been
 * listed.
 */
export interface Root {
  name: string;
  path: string;
  listed: Map<string, Map<string, Dirent>>;
  /** Whether links in it may lead out of it. */
  followLinks: boolean;
}

/** Throws unless `dir` is a path or an open data folder. */
export function checkDir(fn: string, dir: string | Root): void {
  check(isRoot(dir) || (typeof dir === 'string' && dir !== ''), `${fn}: dir`, 'a path', dir);
}

const isRoot = (dir: unknown): dir is Root => typeof (dir as Root | null)?.listed === 'object';

/** Opens a data folder, unless it is open already. */
export async function openRoot(dir: string | Root, followLinks = false): Promise<Root> {
  if (isRoot(dir)) return dir;
  try {
    const path = await realpath(dir);
    if (!(await stat(path)).isDirectory()) throw new Error('expected a folder, found a file');
    return { name: dir, path, listed: new Map(), followLinks };
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const reason = isMissing ? 'it does not exist' : (error as Error).message;
    const message = `the data folder cannot be opened: ${reason}`;
    throw new DataError(message, { file: dir }, { cause: error });
  }
}

/** The contents of a folder inside the root without hidden entries, in natural order; read once. */
export async function listFolder(
  root: Root,
  folder: string,
  where: DataLocation,
): Promise<Map<string, Dirent>> {
  const known = root.listed.get(join(folder));
  if (known) return known;
  const path = await inside(root, folder, where);
  if (path === undefined) throw new DataError(`there is no folder ${folder}`, where);
  if (!(await stat(path)).isDirectory()) throw new DataError(`expected a folder, ${folder} is a file`, where);
  const entries = (await readdir(path, { withFileTypes: true })).filter(({ name }) => !name.startsWith('.'));
  const { compare } = new Intl.Collator('en', { numeric: true });
  entries.sort((a, b) => compare(a.name, b.name) || (a.name < b.name ? -1 : 1));
  const list = new Map(entries.map((entry) => [entry.name, entry]));
  root.listed.set(join(folder), list);
  return list;
}

/** Full path of an image file inside the root. */
export async function fileIn(
  root: Root,
  folder: string,
  entry: Dirent,
  where: DataLocation,
): Promise<string> {
  const path = join(root.path, folder, entry.name);
  if (entry.isFile()) return path;
  const real = entry.isSymbolicLink() ? await inside(root, join(folder, entry.name), where) : undefined;
  if (real !== undefined && (await stat(real)).isFile()) return real;
  throw new DataError(`expected an image file, but ${join(folder, entry.name)} is not a file`, where);
}

/**
 * The real path of an entry of the root; undefined if it does not exist. Throws if a link leads out of the root and
 * must not.
 */
export async function inside(root: Root, name: string, where: DataLocation): Promise<string | undefined> {
  if (leadsOut(root.path, join(root.path, name))) {
    throw new DataError(`${name} leads out of the data folder`, where);
  }
  let real: string;
  try {
    real = await realpath(join(root.path, name));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new DataError(`${name} cannot be read: ${(error as Error).message}`, where, { cause: error });
  }
  if (!root.followLinks && leadsOut(root.path, real)) {
    throw new DataError(
      `${name} leads out of the data folder through a link, to ${real}; use followLinks (--follow-links) to read it`,
      where,
    );
  }
  return real;
}

/** Whether a path is outside a folder. */
function leadsOut(folder: string, place: string): boolean {
  const away = relative(folder, place);
  return away === '..' || away.startsWith(`..${sep}`) || isAbsolute(away);
}

/** The type of an entry of a listed folder, or of the target of a link; undefined for a broken link. */
export async function targetOf(
  root: Root,
  place: string,
  entry: Dirent,
  where: DataLocation,
): Promise<Pick<Dirent, 'isFile' | 'isDirectory'> | undefined> {
  if (!entry.isSymbolicLink()) return entry;
  const real = await inside(root, place, where);
  return real === undefined ? undefined : stat(real);
}
