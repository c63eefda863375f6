import { prepare } from './prepare';
import { provideThreads, type ThreadPlatform } from './threads/team';

/** How the active WebAssembly backend computes. */
export interface StartedWasm {
  compiledKernels: boolean;
  memoryGuard: boolean;
  threads: number;
  /** What that is, in words, and why it is no more. */
  reason: string;
}

/**
 * Gives the active WebAssembly backend kernels, guard and threads.
 *
 * @throws CtMultilabelError where a number of threads was asked for and cannot be had; `'auto'` takes one then.
 */
export async function startWasm(threads: 'auto' | number, platform: ThreadPlatform): Promise<StartedWasm> {
  const { compiledKernels, memoryGuard } = await prepare();
  const notes: string[] = [];
  let running = 1;
  if (!compiledKernels) notes.push("with the host's convolutions, which are slower");
  else {
    try {
      running = await provideThreads(threads, platform);
    } catch (error) {
      if (threads !== 'auto') throw error;
      notes.push(`more did not start (${error instanceof Error ? error.message : String(error)})`);
    }
  }
  if (!memoryGuard) notes.push('without a guard against running out of memory');
  const reason = [`WebAssembly on ${running} thread${running === 1 ? '' : 's'}`, ...notes].join(', ');
  return { compiledKernels, memoryGuard, threads: running, reason };
}
