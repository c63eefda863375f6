import * as tf from '@tensorflow/tfjs';
import { activate, activeBackend, isRegistered } from '../../backends/activate';
import { prepareWebGpuBackend } from '../../backends/prepare_webgpu_backend';
import { THREADS } from '../../backends/threads_option';
import { hostModule } from '../../backends/wasm/runtime/host_module';
import { checkOneOf } from '../../base/checks';
import { messageOf } from '../../base/describe';
import { CtMultilabelError } from '../../base/errors';
import { callback, optional, resolveOptions, type Rules } from '../../base/options';
import { withoutGlueHandlers } from './glue_handlers';
import { nodeThreads } from './wasm_threads';

/**
 * Backends for {@link useBackend}.
 *
 * @inline
 */
export type BackendName = 'tensorflow' | 'webgpu' | 'wasm' | 'cpu';

/**
 * Options of {@link useBackend}.
 *
 * @inline
 */
export interface UseBackendOptions {
  /**
   * Called with a line that says which backend was chosen and why; {@link backendReport} lists what was tried before
   * it.
   *
   * @defaultValue none
   */
  log?: (line: string) => void;
  /**
   * Number of threads that compute convolutions, recurrences and image transforms on the `'wasm'` backend, including
   * the calling one; `'auto'` uses the number of cores, at most 8; up to 64 are possible. Other backends manage their
   * own threads.
   *
   * @defaultValue 'auto'
   */
  threads?: 'auto' | number;
}

const RULES = {
  log: optional(callback),
  threads: optional(THREADS, 'auto'),
} satisfies Rules<UseBackendOptions>;

/**
 * How the active backend was chosen.
 *
 * @inline
 */
export interface BackendReport {
  /** Name of the active backend, as returned by `tf.getBackend()`; empty before any was needed. */
  name: string;
  /** Why it was chosen. */
  reason: string;
  /** Backends tried before it, and why each was rejected. */
  tried: { name: string; whyNot: string }[];
}

/**
 * Activates a TensorFlow.js backend for this process.
 *
 * - `'tensorflow'`: TensorFlow's C library, through `@tensorflow/tfjs-node-gpu` or else `@tensorflow/tfjs-node`, if
 *   installed. They work on Node 22 and older.
 * - `'webgpu'`: the GPU through Dawn, if `webgpu` and `@tensorflow/tfjs-backend-webgpu` are installed, with kernels
 *   that need few launches, and an error when memory runs out.
 * - `'wasm'`: WebAssembly, always available, with the kernels that training needs, and an error when memory runs out.
 * - `'cpu'`: plain JavaScript, always available and slow.
 * - `'auto'`: the first of `'tensorflow'`, `'webgpu'`, `'wasm'`, `'cpu'` that works; a missing one is not an error, and
 *   a software GPU is skipped.
 *
 * The choice applies to the whole process and can be changed again: tensors of another backend are moved when used.
 *
 * @param name - The backend.
 * @returns The name of the active backend; {@link backendReport} has the reason.
 * @throws ArgumentError for an unknown name or option.
 * @throws CtMultilabelError if the requested backend is not available, with what is missing; the previous backend is
 * then active again, or plain CPU if there was none.
 *
 * @example
 * ```ts
 * const name = await useBackend('auto', { log: console.log });
 * ```
 */
export async function useBackend(
  name: 'auto' | BackendName = 'auto',
  options: UseBackendOptions = {},
): Promise<BackendName> {
  checkOneOf(name, ['auto', ...(Object.keys(STARTERS) as BackendName[])], 'useBackend: name');
  const { log, threads } = resolveOptions('useBackend', options, RULES);

  // one call at a time: the active backend is the process's
  const turn = lastTurn.then(() => choose(name, threads, log));
  lastTurn = turn.catch(() => undefined);
  return turn;
}

/**
 * The active backend and how it was chosen.
 *
 * @example
 * ```ts
 * await useBackend();
 * backendReport(); // { name: 'wasm', reason: '…', tried: [{ name: 'tensorflow', whyNot: '…' }] }
 * ```
 */
export function backendReport(): BackendReport {
  const name = activeBackend() ?? '';
  if (lastReport?.name === name) return structuredClone(lastReport);
  return { name, reason: name === '' ? 'none needed yet' : 'not set by useBackend', tried: [] };
}

/**
 * Size in bytes of the `'wasm'` backend's heap. It grows as needed and does not shrink, so this is the peak. Zero for
 * other backends.
 *
 * @example
 * ```ts
 * const { heap } = wasmMemory();
 * ```
 */
export function wasmMemory(): { heap: number } {
  const active = tf.getBackend() === 'wasm' ? tf.backend() : undefined;
  return { heap: hostModule(active)?.HEAPU8.length ?? 0 };
}

let lastReport: BackendReport | undefined;

let lastTurn: Promise<unknown> = Promise.resolve();

const AUTO_ORDER: BackendName[] = ['tensorflow', 'webgpu', 'wasm', 'cpu'];

async function choose(
  name: 'auto' | BackendName,
  threads: 'auto' | number,
  log: UseBackendOptions['log'],
): Promise<BackendName> {
  const previous = activeBackend();
  const tried: BackendReport['tried'] = [];
  for (const candidate of name === 'auto' ? AUTO_ORDER : [name]) {
    try {
      const how = await STARTERS[candidate]({ threads, asked: name !== 'auto' });
      lastReport = { name: candidate, reason: name === 'auto' ? how : `${how}, as requested`, tried };
      log?.(`backend ${candidate}: ${lastReport.reason}`);
      return candidate;
    } catch (error) {
      if (tf.getBackend() === candidate && candidate !== previous) await tf.setBackend(previous ?? 'cpu');
      if (name !== 'auto') {
        throw new CtMultilabelError(`useBackend: ${candidate} cannot be used: ${messageOf(error)}`, {
          cause: error,
        });
      }
      tried.push({ name: candidate, whyNot: messageOf(error) });
    }
  }
  throw new CtMultilabelError('useBackend: no backend works, not even cpu');
}

/** Starts each backend; resolves to a description, or is rejected with the reason. */
const STARTERS: Record<BackendName, (how: Start) => Promise<string>> = {
  tensorflow: startTensorflow,
  webgpu: startWebGpu,
  wasm: startWebAssembly,
  cpu: startCpu,
};

interface Start {
  threads: 'auto' | number;
  /** Whether it was requested by name, rather than by `'auto'`. */
  asked: boolean;
}

async function startTensorflow(): Promise<string> {
  if (isRegistered('tensorflow')) {
    await activate('tensorflow');
    return 'TensorFlow C library, loaded before';
  }
  const tooNew = tfjsNodeHindrance(process.versions.node);
  if (tooNew !== undefined) throw new Error(tooNew);
  const failures: string[] = [];
  for (const specifier of ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']) {
    try {
      await load(specifier);
      if (!isRegistered('tensorflow')) throw new Error(`${specifier}: ${OTHER_COPY}`);
      await activate('tensorflow');
      return `TensorFlow C library through ${specifier}`;
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  throw new Error(failures.join('; '));
}

/** Why tfjs-node does not work on this version of Node, if so. */
export function tfjsNodeHindrance(version: string): string | undefined {
  return Number.parseInt(version, 10) > 22
    ? `@tensorflow/tfjs-node and tfjs-node-gpu work on Node 22 and older, but this is Node ${version}`
    : undefined;
}

async function startWebGpu({ asked }: Start): Promise<string> {
  const adapter = await provideGpu();
  const { vendor = '', architecture = '', description = '' } = adapter.info ?? {};
  const named = [description, vendor, architecture].find((name) => name !== '') ?? 'of unknown make';
  if (!asked && isSoftware(adapter)) throw new Error(`its adapter is software (${named}), slower than wasm`);
  await load('@tensorflow/tfjs-backend-webgpu');
  if (!isRegistered('webgpu')) throw new Error(OTHER_COPY);
  await activate('webgpu');
  const { compiledKernels, memoryGuard } = await prepareWebGpuBackend();
  const notes = [
    ...(compiledKernels ? [] : ["with the host's kernels, which take more launches"]),
    ...(memoryGuard ? [] : ['without a guard against running out of memory']),
  ];
  return [`GPU through WebGPU (${named})`, ...notes].join(', ');
}

/** Provides `navigator.gpu`, as in browsers, by the package `webgpu`. */
async function provideGpu(): Promise<GpuAdapter> {
  const scope = globalThis as unknown as { navigator?: { gpu?: Gpu } };
  let gpu = scope.navigator?.gpu;
  if (gpu === undefined) {
    const dawn = (await load('webgpu')) as { create: (flags: string[]) => Gpu; globals: object };
    Object.assign(globalThis, dawn.globals);
    gpu = dawn.create([]);
  }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' }); // as the host does
  if (adapter === null) {
    throw new Error('no GPU adapter was found: a GPU and its Vulkan, Metal or Direct3D driver are needed');
  }
  if (scope.navigator === undefined) {
    Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true, writable: true });
  }
  if (scope.navigator?.gpu !== gpu) {
    Object.defineProperty(scope.navigator, 'gpu', { value: gpu, configurable: true });
  }
  return adapter;
}

interface Gpu {
  requestAdapter(options: object): Promise<GpuAdapter | null>;
}

interface GpuAdapter {
  info?: { vendor?: string; architecture?: string; description?: string; isFallbackAdapter?: boolean };
}

/** Whether the GPU is emulated by the processor: SwiftShader, Mesa's llvmpipe, Windows' basic driver. */
const isSoftware = ({ info = {} }: GpuAdapter): boolean =>
  info.isFallbackAdapter === true ||
  /swiftshader|llvmpipe|lavapipe|software|basic render|\bwarp\b/i.test(
    [info.vendor, info.architecture, info.description].join(' '),
  );

async function startWebAssembly({ threads }: Start): Promise<string> {
  const { startWasm } = await import('../../backends/wasm/start');
  return withoutGlueHandlers(async () => {
    await import('@tensorflow/tfjs-backend-wasm');
    if (!isRegistered('wasm')) throw new Error(OTHER_COPY);
    return (await startWasm(threads, nodeThreads, () => activate('wasm'))).reason;
  });
}

async function startCpu(): Promise<string> {
  await activate('cpu');
  return 'plain JavaScript';
}

const OTHER_COPY = 'it registered itself in another copy of @tensorflow/tfjs; install one version only';

/** Imports by a variable, so that neither bundlers nor the type check need the optional packages. */
async function load(specifier: string): Promise<unknown> {
  try {
    return await import(/* @vite-ignore */ specifier);
  } catch (error) {
    const message = messageOf(error);
    // messages of Node and of Vite
    const missing =
      /Cannot find (package|module)|Could not resolve/.test(message) && message.includes(specifier);
    throw missing ? new Error(`${specifier} is not installed (npm install ${specifier})`) : error;
  }
}
