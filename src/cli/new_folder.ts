import { readdir } from 'node:fs/promises';
import { ArgumentError } from '../base/errors';

/**
 * Refuses a folder that holds something, before anything is computed for it.
 *
 * @returns Whether it is there, and empty.
 * @throws ArgumentError that says by which option it was named, also for a file.
 */
export async function checkNewFolder(option: string, folder: string): Promise<boolean> {
  const expected = `${option}: expected a new or empty folder, received '${folder}'`;
  const there = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new ArgumentError(`${expected} (${error.message})`);
  });
  if (there !== undefined && there.length > 0)
    throw new ArgumentError(`${expected}, which contains ${there[0]}`);
  return there !== undefined;
}
