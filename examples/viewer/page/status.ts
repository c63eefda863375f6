// The status line: progress and errors.
import type { Progress } from '../protocol';
import { isCancelled, type Task } from './worker_client';
import { byId } from './dom';

/** Least interval between announcements to screen readers, in ms: one per slice would be too many. */
const EVERY = 1500;

let running: Task<unknown> | undefined;
let said = 0;

byId('cancel').addEventListener('click', () => running?.cancel());
byId('dismiss').addEventListener('click', () => {
  clearError();
  byId('stage').focus({ preventScroll: true }); // the button, which had it, is gone
});

/** Shows a status without a task. */
export function say(text: string): void {
  byId('status').textContent = text;
  said = performance.now();
}

export function showProgress({ text, share }: Progress): void {
  const progress = byId<HTMLProgressElement>('progress');
  progress.hidden = false;
  if (share === undefined) progress.removeAttribute('value');
  else progress.value = share;
  if (performance.now() - said > EVERY) say(`${text} …`);
}

/** Shows the progress of a task, which can be cancelled, until it is done. */
export async function follow<T>(task: Task<T>, text: string): Promise<T> {
  running = task;
  say(`${text} …`);
  byId('cancel').hidden = false;
  try {
    return await task.done;
  } finally {
    if (running === task) {
      running = undefined;
      byId('cancel').hidden = true;
      byId('progress').hidden = true;
    }
  }
}

/** Cancels the task in progress. */
export const cancelRunning = (): void => running?.cancel();

/** Shows an error; the page remains usable. */
export function showError(error: unknown): void {
  if (isCancelled(error)) {
    say('Cancelled.');
    return;
  }
  byId('error').textContent = (error as Error).message;
  byId('alert').hidden = false;
  say('That did not work.');
}

export function clearError(): void {
  byId('alert').hidden = true;
  byId('error').textContent = '';
}
