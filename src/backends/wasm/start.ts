import * as tf from '@tensorflow/tfjs';
import { prepare } from './prepare';
import { hostWorkspace } from './runtime/engine';
import { hostModule } from './runtime/host_module';
import { isShared, withSharedHeap } from './runtime/shared_heap';
import { leaveThreadedBuild, restart } from './runtime/threaded_build';
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
 * Starts the WebAssembly backend with kernels, guard and threads. Where there can be threads its heap is one that they can share, however many
 * are asked for: there may be more later.
 *
 * @param activate - Makes the host's backend the active one.
 * @throws CtMultilabelError where a number of threads was asked for and cannot be had; `'auto'` takes one then.
 */
export async function startWasm(
  threads: 'auto' | number,
  platform: ThreadPlatform,
  activate: () => Promise<void>,
): Promise<StartedWasm> {
  await leaveThreadedBuild();
  if (platform.hindrance() === undefined) {
    await withSharedHeap(async () => {
      await leaveOwnHeap();
      await activate();
    });
  } else await activate();
  const { compiledKernels, memoryGuard } = await prepare();
  const notes: string[] = [];
  let running = 1;
  if (!compiledKernels) notes.push("with the host's convolutions, which are slower");
  else {
    try {
      running = await provideThreads(hostWorkspace(tf.backend())!, threads, platform);
    } catch (error) {
      if (threads !== 'auto') throw error;
      notes.push(`more did not start (${error instanceof Error ? error.message : String(error)})`);
    }
  }
  if (!memoryGuard) notes.push('without a guard against running out of memory');
  const reason = [`WebAssembly on ${running} thread${running === 1 ? '' : 's'}`, ...notes].join(', ');
  return { compiledKernels, memoryGuard, threads: running, reason };
}

/** A backend whose heap no other thread can reach is started again, if it holds nothing yet. */
async function leaveOwnHeap(): Promise<void> {
  const running = tf.engine().registry['wasm'];
  const host = hostModule(running);
  if (host !== undefined && !isShared(host) && running!.numDataIds() === 0) await restart();
}
