import * as tf from '@tensorflow/tfjs';
import { hostWorkspace } from './wasm/engine';
import { guardWasmMemory } from './wasm/memory_guard';
import { registerWasmTrainingKernels } from './wasm/training_kernels';

/** What {@link prepareWasmBackend} could do. */
export interface WasmPreparation {
  /** The kernels training needs are in place. */
  trainingKernels: boolean;
  /** Convolutions and what stands between them run by this library's own compiled kernels, several times as fast. */
  compiledKernels: boolean;
  /** Running out of memory is an error. */
  memoryGuard: boolean;
}

/**
 * Makes the host's WebAssembly backend fit for training: the kernels it lacks, faster ones
 * where it is slow, and an error where its memory ends.
 *
 * For those who choose the backend themselves, in a browser say; `useBackend` of `ct-multilabel/node` does it for you.
 * Call it when the backend is active; calling it again changes nothing.
 *
 * @returns What is in place; nothing is when another backend is active and the WebAssembly one was never imported.
 *
 * @example
 * ```ts
 * import '@tensorflow/tfjs-backend-wasm';
 * await tf.setBackend('wasm');
 * prepareWasmBackend();
 * ```
 */
export function prepareWasmBackend(): WasmPreparation {
  // first, so that what our kernels leave to the host's stays guarded
  const memoryGuard = guardWasmMemory();
  const trainingKernels = registerWasmTrainingKernels();
  const active = tf.getBackend() === 'wasm' ? tf.backend() : undefined;
  const compiledKernels = trainingKernels && hostWorkspace(active) !== undefined;
  return { trainingKernels, compiledKernels, memoryGuard };
}
