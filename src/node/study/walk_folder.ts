import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../../base/errors';
import type { IndexedFile } from '../files/header_index';
import { inside, listFolder, type Root } from './data_root';

/**
 * All files of a folder and its subfolders in the order of their names, each once, also if several links lead to it.
 * Hidden entries, and anything other than files and folders, are left out.
 *
 * @param onBad - Called for links that lead out of the folder and for unreadable folders; throws, or continues.
 */
export async function walkFolder(
  root: Root,
  onBad: (file: string, error: DataError) => void,
): Promise<IndexedFile[]> {
  const found: IndexedFile[] = [];
  const seen = new Set<string>([root.path]);
  const links: string[] = [];

  /** Undefined if `read` fails and `onBad` does not throw. */
  const attempt = async <T>(place: string, read: (file: string) => Promise<T>): Promise<T | undefined> => {
    const file = join(root.name, place);
    try {
      return await read(file);
    } catch (error) {
      const message = `the folder cannot be read: ${(error as Error).message}`;
      onBad(file, error instanceof DataError ? error : new DataError(message, { file }, { cause: error }));
      return undefined;
    }
  };

  /** @param real - Real path of the folder. */
  const walk = async (folder: string, real: string): Promise<void> => {
    const subfolders: string[] = [];
    const entries = await attempt(folder, (file) => listFolder(root, folder, { file }));
    for (const [name, entry] of entries ?? []) {
      const place = join(folder, name);
      if (entry.isSymbolicLink()) {
        links.push(place);
      } else if (entry.isDirectory()) {
        subfolders.push(place);
      } else if (entry.isFile()) {
        // a folder reached by a link has another real path
        const path = join(real, name);
        if (!seen.has(path)) {
          seen.add(path);
          found.push({ place, file: join(root.name, place), path });
        }
      }
    }
    for (const place of subfolders) {
      const path = await attempt(place, (file) => inside(root, place, { file }));
      if (path === undefined || seen.has(path)) continue;
      seen.add(path);
      await walk(place, path);
    }
  };

  await walk('.', root.path);
  // links come last, so that their targets are found under their own names, and cycles end
  for (let place = links.shift(); place !== undefined; place = links.shift()) {
    const path = await attempt(place, (file) => inside(root, place, { file }));
    if (path === undefined || seen.has(path)) continue;
    const target = await attempt(place, () => stat(path));
    if (target?.isDirectory()) {
      seen.add(path);
      await walk(place, path);
    } else if (target?.isFile()) {
      seen.add(path);
      found.push({ place, file: join(root.name, place), path });
    }
  }
  return found;
}
