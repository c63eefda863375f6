import type { WasmPreparation } from './wasm/prepare';

export type { WasmPreparation };

/**
 * Makes the host's WebAssembly backend fit for training: the kernels it lacks, faster ones
 * where it is slow, and an error where its memory ends.
 *
 * For those who start the backend themselves; `useBrowserBackend` and `useBackend` of `ct-multilabel/node` do it for you.
 * Call it when the backend is active; calling it again changes nothing. The kernels, some 120 kB, are loaded by the first call:
 * bundlers put them in a file of their own.
 *
 * In a cross-origin isolated page the host takes a threaded build, which fits neither kernels nor guard. From this call on it takes
 * the other, and one that runs is started again as that.
 *
 * @returns What is in place; nothing is when another backend is active and the WebAssembly one was never imported.
 * @throws CtMultilabelError where the threaded build runs and holds tensors: call this before the first is made.
 *
 * @example
 * ```ts
 * import '@tensorflow/tfjs-backend-wasm';
 * await tf.setBackend('wasm');
 * await prepareWasmBackend();
 * ```
 */
export async function prepareWasmBackend(): Promise<WasmPreparation> {
  const { prepare } = await import('./wasm/prepare');
  return prepare();
}
