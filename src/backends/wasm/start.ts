import * as tf from '@tensorflow/tfjs';
import { messageOf } from '../../base/describe';
import { prepare } from './prepare';
import { hostWorkspace } from './runtime/engine';
import { hostModule } from './runtime/host_module';
import { isShared, withSharedHeap } from './runtime/shared_heap';
import { leaveThreadedBuild, restart } from './runtime/threaded_build';
import { provideThreads, type ThreadPlatform } from './threads/team';

/** The started WebAssembly backend. */
export interface StartedWasm {
  compiledKernels: boolean;
  memoryGuard: boolean;
  threads: number;
  /** Description, with limitations. */
  reason: string;
}

/**
 * Starts the WebAssembly backend with kernels, guard and threads. If threads are possible, its heap is shared, whatever
 * number is requested: a later call may request more.
 *
 * @param activate - Activates the host's backend.
 * @throws CtMultilabelError if the requested number of threads is not available; `'auto'` then uses one.
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
      notes.push(`more did not start (${messageOf(error)})`);
    }
  }
  if (!memoryGuard) notes.push('without a guard against running out of memory');
  const reason = [`WebAssembly on ${running} thread${running === 1 ? '' : 's'}`, ...notes].join(', ');
  return { compiledKernels, memoryGuard, threads: running, reason };
}

/** Restarts a backend with an unshared heap, if it does not hold tensors yet. */
async function leaveOwnHeap(): Promise<void> {
  const running = tf.engine().registry['wasm'];
  const host = hostModule(running);
  if (host !== undefined && !isShared(host) && running!.numDataIds() === 0) await restart();
}
