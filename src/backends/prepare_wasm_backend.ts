import type { WasmPreparation } from './wasm/prepare';

export type { WasmPreparation };

/**
 * Makes the host's WebAssembly backend fit for training: the kernels it lacks, faster ones
 * where it is slow, and an error where its memory ends.
 *
 * For those who choose the backend themselves, in a browser say; `useBackend` of `ct-multilabel/node` does it for you.
 * Call it when the backend is active; calling it again changes nothing. The kernels, some 120 kB, are loaded by the first call:
 * bundlers put them in a file of their own.
 *
 * @returns What is in place; nothing is when another backend is active and the WebAssembly one was never imported.
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
