import { rename, rm } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

/** Errors of Windows while another process, such as a virus scanner, has the file open. */
const HELD = ['EACCES', 'EBUSY', 'EPERM'];
/** Delays start at 10 ms and are doubled each time: 5 s in total. */
const MOST_TRIES = 10;

/** Renames a file or folder. On Windows, which refuses while either is open, it is retried for 5 s. */
export async function move(from: string, to: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await rename(from, to);
    } catch (error) {
      const isHeld =
        process.platform === 'win32' && HELD.includes((error as NodeJS.ErrnoException).code ?? '');
      if (!isHeld || tries === MOST_TRIES) throw error;
      await setTimeout(5 * 2 ** tries);
    }
  }
}

/** Removes a file or folder, if it exists; retried for 5 s while something in it is open. */
export const remove = (path: string): Promise<void> =>
  rm(path, { recursive: true, force: true, maxRetries: MOST_TRIES });
