import * as tf from '@tensorflow/tfjs';
import { markPrepared } from '../../kernels/preparation';
import { hostWorkspace, loadSharedKernels } from './runtime/engine';
import { guardWasmMemory } from './runtime/memory_guard';
import { hostModule } from './runtime/host_module';
import { isShared } from './runtime/shared_heap';
import { leaveThreadedBuild } from './runtime/threaded_build';
import { registerWasmTrainingKernels } from './training_kernels';

/**
 * What `prepareWasmBackend` could do.
 *
 * @inline
 */
export interface WasmPreparation {
  /** The kernels training needs are in place. */
  trainingKernels: boolean;
  /** Convolutions and what stands between them run by this library's own compiled kernels, several times as fast. */
  compiledKernels: boolean;
  /** Running out of memory is an error. */
  memoryGuard: boolean;
}

/** Does what `prepareWasmBackend` promises; of its own, so that only who calls that loads the compiled kernels. */
export async function prepare(): Promise<WasmPreparation> {
  await leaveThreadedBuild();
  const active = tf.getBackend() === 'wasm' ? tf.backend() : undefined;
  const host = hostModule(active);
  if (host !== undefined && isShared(host)) await loadSharedKernels();
  // first, so that what our kernels leave to the host's stays guarded
  const memoryGuard = guardWasmMemory();
  const trainingKernels = registerWasmTrainingKernels();
  const compiledKernels = trainingKernels && hostWorkspace(active) !== undefined;
  if (active !== undefined) markPrepared(active, { compiledKernels, memoryGuard });
  return { trainingKernels, compiledKernels, memoryGuard };
}
