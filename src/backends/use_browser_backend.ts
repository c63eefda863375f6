import * as tf from '@tensorflow/tfjs';
import { checkOneOf } from '../base/checks';
import { messageOf } from '../base/describe';
import { CtMultilabelError } from '../base/errors';
import { optional, resolveOptions, type Rules } from '../base/options';
import { activate, activeBackend, isRegistered } from './activate';
import { prepareWebGpuBackend } from './prepare_webgpu_backend';
import { THREADS } from './threads_option';

/**
 * Backends for {@link useBrowserBackend}.
 *
 * @inline
 */
export type BrowserBackendName = 'wasm' | 'webgl' | 'webgpu' | 'cpu';

/**
 * Options of {@link useBrowserBackend}.
 *
 * @inline
 */
export interface UseBrowserBackendOptions {
  /**
   * Number of threads that compute convolutions, recurrences and image transforms on the `'wasm'` backend, including
   * the calling one, at most 64. More than one require a Web Worker of a cross-origin isolated page, where `'auto'`
   * uses the number of cores, at most 8; elsewhere it uses one. Other backends ignore it.
   *
   * @defaultValue 'auto'
   */
  threads?: 'auto' | number;
}

const RULES = { threads: optional(THREADS, 'auto') } satisfies Rules<UseBrowserBackendOptions>;

/**
 * Result of {@link useBrowserBackend}.
 *
 * @inline
 */
export interface BrowserBackend {
  /**
   * Whether this library's own kernels are in place: on `'wasm'` for convolutions and the operations between them, on
   * `'webgpu'` for the latter and the recurrences.
   */
  compiledKernels: boolean;
  /** Whether running out of memory throws an OutOfMemoryError; on `'wasm'` and `'webgpu'`. */
  memoryGuard: boolean;
  /** Number of CPU threads that compute. */
  threads: number;
  /** Description of the backend, with its limitations: `'WebAssembly on 1 thread, more did not start (…)'`. */
  reason: string;
}

/**
 * Activates a TensorFlow.js backend in this page or Web Worker, prepared by this library: with compiled kernels,
 * threads and a memory guard on `'wasm'`; on `'webgpu'` with kernels that need few launches, and a guard against
 * buffers beyond the device's limits, uncaptured errors and the loss of the device.
 *
 * The backend's package is loaded unless the page has imported it: that of `'wasm'` comes with this library, that of
 * `'webgpu'` is `@tensorflow/tfjs-backend-webgpu`, which must be installed. Call `setWasmPaths` of
 * `@tensorflow/tfjs-backend-wasm` beforehand to specify where the files of `'wasm'` are. In Node use `useBackend` of
 * `ct-multilabel/node`.
 *
 * Calls are executed one after another. A later call may change the backend and the number of threads.
 *
 * @returns What was started.
 * @throws ArgumentError for an unknown name or option.
 * @throws CtMultilabelError if the backend or the requested number of threads is not available; the previously active
 * backend is then active again.
 *
 * @example
 * ```ts
 * // in a Web Worker of a cross-origin isolated page
 * const { compiledKernels, memoryGuard, threads } = await useBrowserBackend('wasm'); // true, true, 4
 * ```
 */
export async function useBrowserBackend(
  name: BrowserBackendName,
  options: UseBrowserBackendOptions = {},
): Promise<BrowserBackend> {
  checkOneOf(name, Object.keys(STARTERS) as BrowserBackendName[], 'useBrowserBackend: name');
  const { threads } = resolveOptions('useBrowserBackend', options, RULES);
  // one call at a time: the active backend is the page's
  const turn = lastTurn.then(() => start(name, threads));
  lastTurn = turn.catch(() => undefined);
  return turn;
}

let lastTurn: Promise<unknown> = Promise.resolve();

async function start(name: BrowserBackendName, threads: 'auto' | number): Promise<BrowserBackend> {
  const previous = activeBackend();
  try {
    return await STARTERS[name](threads);
  } catch (error) {
    if (previous !== undefined && previous in tf.engine().registry) await tf.setBackend(previous);
    throw new CtMultilabelError(`useBrowserBackend: ${name} cannot be used: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Starts each backend; rejected with the reason if it is not available. */
const STARTERS: Record<BrowserBackendName, (threads: 'auto' | number) => Promise<BrowserBackend>> = {
  wasm: startWasm,
  async webgpu() {
    await startWebGpu();
    const { compiledKernels, memoryGuard } = await prepareWebGpuBackend();
    const notes = [
      ...(compiledKernels ? [] : ["with the host's kernels, which take more launches"]),
      ...(memoryGuard ? [] : ['without a guard against running out of memory']),
    ];
    return { compiledKernels, memoryGuard, threads: 1, reason: ['GPU through WebGPU', ...notes].join(', ') };
  },
  webgl: () => startPlain('webgl', 'GPU through WebGL'),
  cpu: () => startPlain('cpu', 'plain JavaScript on 1 thread'),
};

async function startWasm(threads: 'auto' | number): Promise<BrowserBackend> {
  if (!isRegistered('wasm')) await import('@tensorflow/tfjs-backend-wasm');
  if (!isRegistered('wasm')) throw new Error(OTHER_COPY);
  const [wasm, { browserThreads }] = await Promise.all([
    import('./wasm/start'),
    import('./wasm/threads/browser_threads'),
  ]);
  return wasm.startWasm(threads, browserThreads, async () => {
    try {
      await activate('wasm');
    } catch (cause) {
      const hint = "TensorFlow.js must find its files: see setWasmPaths of '@tensorflow/tfjs-backend-wasm'";
      throw new Error(`${messageOf(cause)}; ${hint}`, { cause });
    }
  });
}

async function startWebGpu(): Promise<void> {
  if (!isRegistered('webgpu')) {
    try {
      await import('@tensorflow/tfjs-backend-webgpu');
    } catch (cause) {
      throw new Error(
        `its package, @tensorflow/tfjs-backend-webgpu, must be installed: ${messageOf(cause)}`,
        { cause },
      );
    }
  }
  if (!isRegistered('webgpu')) {
    throw new Error('gpu' in (globalThis.navigator ?? {}) ? OTHER_COPY : 'this browser has no WebGPU');
  }
  await activate('webgpu');
}

async function startPlain(name: 'webgl' | 'cpu', reason: string): Promise<BrowserBackend> {
  await activate(name);
  return { compiledKernels: false, memoryGuard: false, threads: 1, reason };
}

const OTHER_COPY = 'it registered itself in another copy of @tensorflow/tfjs; install one version only';
