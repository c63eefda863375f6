import * as tf from '@tensorflow/tfjs';
import { markPrepared } from '../../kernels/preparation';
import { hostWorkspace, loadSharedKernels } from './runtime/engine';
import { guardWasmMemory } from './runtime/memory_guard';
import { hostModule } from './runtime/host_module';
import { isShared } from './runtime/shared_heap';
import { leaveThreadedBuild } from './runtime/threaded_build';
import { registerWasmTrainingKernels } from './training_kernels';

/**
 * Result of `prepareWasmBackend`.
 *
 * @inline
 */
export interface WasmPreparation {
  /** Whether the kernels needed for training are in place. */
  trainingKernels: boolean;
  /**
   * Whether convolutions and the operations between them use this library's compiled kernels, which are several times
   * as fast.
   */
  compiledKernels: boolean;
  /** Whether running out of memory throws an error. */
  memoryGuard: boolean;
}

/** Implements `prepareWasmBackend`; a separate module, so that the compiled kernels are loaded on demand. */
export async function prepare(): Promise<WasmPreparation> {
  await leaveThreadedBuild();
  const active = tf.getBackend() === 'wasm' ? tf.backend() : undefined;
  const host = hostModule(active);
  if (host !== undefined && isShared(host)) await loadSharedKernels();
  // first, so that the host's kernels that ours fall back on are guarded
  const memoryGuard = guardWasmMemory();
  const trainingKernels = registerWasmTrainingKernels();
  const compiledKernels = trainingKernels && hostWorkspace(active) !== undefined;
  if (active !== undefined) markPrepared(active, { compiledKernels, memoryGuard });
  return { trainingKernels, compiledKernels, memoryGuard };
}
