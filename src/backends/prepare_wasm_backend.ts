import { guardWasmMemory } from './wasm/memory_guard';
import { registerWasmTrainingKernels } from './wasm/training_kernels';

/** What {@link prepareWasmBackend} could do. */
export interface WasmPreparation {
  /** The kernels training needs are in place. */
  trainingKernels: boolean;
  /** Running out of memory is an error. */
  memoryGuard: boolean;
}

/**
 * Makes the host's WebAssembly backend fit for training: the kernels it lacks, and an error where its memory ends.
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
  return { trainingKernels: registerWasmTrainingKernels(), memoryGuard: guardWasmMemory() };
}
