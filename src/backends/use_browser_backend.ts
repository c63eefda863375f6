import * as tf from '@tensorflow/tfjs';
import { checkOneOf } from '../base/checks';
import { CtMultilabelError } from '../base/errors';
import { activate, activeBackend, isRegistered } from './activate';
import { prepareWasmBackend } from './prepare_wasm_backend';
import { guardWebGpu } from './webgpu/guard';

/**
 * Backends that {@link useBrowserBackend} knows.
 *
 * @inline
 */
export type BrowserBackendName = 'wasm' | 'webgl' | 'webgpu' | 'cpu';

/**
 * What {@link useBrowserBackend} started.
 *
 * @inline
 */
export interface BrowserBackend {
  /** Convolutions and what stands between them run by this library's compiled kernels; `'wasm'` alone has them. */
  compiledKernels: boolean;
  /** Running out of memory is an OutOfMemoryError; on `'wasm'` and `'webgpu'`. */
  memoryGuard: boolean;
  /** Threads of the processor that compute. */
  threads: number;
}

/** Where each comes from. */
const ORIGINS: Record<BrowserBackendName, string> = {
  wasm: "import '@tensorflow/tfjs-backend-wasm' first",
  webgl: "import '@tensorflow/tfjs' first",
  webgpu: "import '@tensorflow/tfjs-backend-webgpu' first, and the browser must have WebGPU",
  cpu: "import '@tensorflow/tfjs' first",
};

/**
 * Makes a TensorFlow.js backend the active one of this page, with all that this library has for it: compiled kernels and a memory
 * guard on `'wasm'`, also where the page is cross-origin isolated; on `'webgpu'` a guard against buffers past the device's limits,
 * errors that nobody caught and the loss of the device.
 *
 * The page imports the backend's package, which `'wasm'` and `'webgpu'` have, and tells `'wasm'` where its files are. In Node there is
 * `useBackend` of `ct-multilabel/node`.
 *
 * @returns What was started.
 * @throws ArgumentError for a name it does not know.
 * @throws CtMultilabelError where the backend cannot be had; the one that was active before is so again.
 *
 * @example
 * ```ts
 * import '@tensorflow/tfjs-backend-wasm';
 * const { compiledKernels, memoryGuard } = await useBrowserBackend('wasm'); // true, true
 * ```
 */
export async function useBrowserBackend(name: BrowserBackendName): Promise<BrowserBackend> {
  checkOneOf(name, Object.keys(ORIGINS) as BrowserBackendName[], 'useBrowserBackend: name');
  if (!isRegistered(name)) {
    throw new CtMultilabelError(`useBrowserBackend: ${name} is not there: ${ORIGINS[name]}`);
  }
  const previous = activeBackend();
  try {
    if (name === 'wasm') await prepareWasmBackend(); // before it starts, so that it takes the build that they fit
    await activate(name);
  } catch (error) {
    if (previous !== undefined && previous in tf.engine().registry) await tf.setBackend(previous);
    const why = error instanceof Error ? error.message : String(error);
    throw new CtMultilabelError(`useBrowserBackend: ${name} cannot be used: ${why}`, { cause: error });
  }
  if (name === 'wasm') {
    const { compiledKernels, memoryGuard } = await prepareWasmBackend();
    return { compiledKernels, memoryGuard, threads: 1 };
  }
  return { compiledKernels: false, memoryGuard: name === 'webgpu' && guardWebGpu(), threads: 1 };
}
