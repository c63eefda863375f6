import type { Progress } from '../protocol';

/** Context of a running task. */
export interface Running {
  say: (progress: Progress) => void;
  signal: AbortSignal;
}

/** Yields to messages, such as the one that cancels the task. */
export async function turn(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
  signal.throwIfAborted();
}

/** Seconds since `started`. */
export const since = (started: number): number => (performance.now() - started) / 1000;
