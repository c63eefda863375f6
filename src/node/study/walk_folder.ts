import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../../base/errors';
import { inside, listFolder, type Root } from './data_root';

/** A file in a folder or in one of its subfolders. */
export interface WalkedFile {
  /** Path inside the folder. */
  place: string;
  /** Path beginning with the folder as the caller named it. */
  file: string;
  /** Where it really is. */
  path: string;
}

/**
 * All files of a folder and its subfolders, each once however many links lead to it, in the order of their names.
 * Hidden entries, and what is neither file nor folder, are left out.
 *
 * @param onBad - Told of links that lead out of the folder, and of folders that cannot be read; throws, or goes on.
 */
export async function walkFolder(
  root: Root,
  onBad: (file: string, error: DataError) => void,
): Promise<WalkedFile[]> {
  const found: WalkedFile[] = [];
  const seen = new Set<string>([root.path]);
  const links: string[] = [];

  /** Undefined where `read` fails and `onBad` does not throw. */
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

  /** @param real - Where the folder really is. */
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
        // a folder reached by a link is not where its name says
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
  // links come last, so that what they lead to is found under its own name, and cycles end
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
