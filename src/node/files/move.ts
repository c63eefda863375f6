import { rename, rm } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';

/** What Windows answers while another process, a virus scanner for example, has the file open. */
const HELD = ['EACCES', 'EBUSY', 'EPERM'];
/** Waits of 10 ms, doubled each time: 5 s in all. */
const MOST_TRIES = 10;

/** Renames a file or folder. Windows refuses while anyone has either open, so there it is tried again for 5 s. */
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

/** Removes a file or folder, if it is there; tried again for 5 s where something in it is open. */
export const remove = (path: string): Promise<void> =>
  rm(path, { recursive: true, force: true, maxRetries: MOST_TRIES });
