import type { WasmPreparation } from './wasm/prepare';

export type { WasmPreparation };

/**
 * Prepares TensorFlow.js's WebAssembly backend for training: adds missing kernels, replaces slow ones, and makes
 * running out of memory an error.
 *
 * Needed only if you start the backend yourself; `useBrowserBackend` and `useBackend` of `ct-multilabel/node` call it.
 * Call it when the backend is active; further calls have no effect. The kernels, about 120 kB, are loaded by the first
 * call; bundlers put them in a separate file.
 *
 * In a cross-origin isolated page TensorFlow.js chooses its threaded build, which supports neither the kernels nor the
 * memory guard. After this call it uses the other build; a running threaded backend is restarted.
 *
 * @returns What is in place: nothing if another backend is active and the WebAssembly one was never imported.
 * @throws CtMultilabelError if the threaded build is running and holds tensors: call this before the first tensor is
 * created.
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
