import * as tf from '@tensorflow/tfjs';

/** What the preparation of a backend put in place. */
export interface Preparation {
  /** Kernels of ours run on it. */
  compiledKernels: boolean;
  /** Running out of memory is an error. */
  memoryGuard: boolean;
  /** Bytes of the largest buffer, where the backend's device has a limit. */
  largestBuffer?: number;
}

/** Marks a prepared backend; a registered symbol, so that two copies of this library see each other's marks. */
const PREPARED = Symbol.for('ct-multilabel.prepared');

type Markable = object & { [PREPARED]?: Preparation };

/** Notes what a backend was given. */
export function markPrepared(backend: tf.KernelBackend, preparation: Preparation): void {
  (backend as Markable)[PREPARED] = preparation;
}

/** Bytes of the largest buffer that the active backend takes; undefined where it knows of no limit. */
export function largestBuffer(): number | undefined {
  return (tf.backend() as Markable)[PREPARED]?.largestBuffer;
}

/** Whether this is the WebAssembly backend in the build that computes on threads of its own, whose memory is not its module's. */
export function isThreadedBuild(backend: unknown): boolean {
  const { wasm } = backend as {
    wasm?: { PThread?: unknown; HEAPU8?: Uint8Array; asm?: { memory?: unknown } };
  };
  if (wasm === undefined) return false;
  return 'PThread' in wasm || (isShared(wasm.HEAPU8?.buffer) && wasm.asm?.memory === undefined);
}

const isShared = (buffer: unknown) =>
  typeof SharedArrayBuffer !== 'undefined' && buffer instanceof SharedArrayBuffer;

/** Backends that have been looked at. */
const seen = new WeakSet<object>();

/**
 * Warns, once for each, of an active backend that runs without what this library prepares it with: it would be slow, and past its
 * memory its numbers wrong, without a word.
 */
export function warnUnprepared(): void {
  const name = tf.getBackend();
  if (name !== 'wasm' && name !== 'webgpu') return;
  const backend = tf.engine().registry[name];
  if (backend === undefined || seen.has(backend)) return;
  seen.add(backend);
  const preparation = (backend as Markable)[PREPARED];
  const lacks = [
    ...(preparation?.compiledKernels !== true ? ['compiled kernels'] : []),
    ...(preparation?.memoryGuard !== true ? ['memory guard'] : []),
  ];
  if (lacks.length === 0) return;
  console.warn(
    `ct-multilabel: the ${name} backend runs without this library's ${lacks.join(' and ')}: ${reason(backend, preparation)}`,
  );
}

const UNTIL_THEN =
  'Until then it is slow, and its numbers may be wrong: its own kernels make numbers of NaN, and past its memory tensors overwrite one another.';

function reason(backend: tf.KernelBackend, preparation: Preparation | undefined): string {
  const name = tf.getBackend();
  const isWasm = name === 'wasm';
  if (isThreadedBuild(backend)) {
    return (
      `this page is cross-origin isolated, and TensorFlow.js took its threaded build, which they do not fit. Start the backend by ` +
      `useBrowserBackend('wasm'), or call prepareWasmBackend() before tf.setBackend('wasm'). ${UNTIL_THEN}`
    );
  }
  if (preparation === undefined) {
    return (
      `it was not prepared. Start it by useBrowserBackend('${name}') in a page or useBackend('${name}') in Node` +
      `${isWasm ? `, or call prepareWasmBackend() once it is active. ${UNTIL_THEN}` : '.'}`
    );
  }
  return (
    'this engine does not take them, or the version of TensorFlow.js is another inside than 4.22. Results are right while memory ' +
    'lasts; keep images and batches small, or take another backend.'
  );
}
