import type { Progress } from '../protocol';

/** What a task needs beside its input. */
export interface Running {
  say: (progress: Progress) => void;
  signal: AbortSignal;
}

/** Lets messages in, such as the one that ends the task. */
export async function turn(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
  signal.throwIfAborted();
}

/** Seconds since `started`. */
export const since = (started: number): number => (performance.now() - started) / 1000;
