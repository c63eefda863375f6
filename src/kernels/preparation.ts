import * as tf from '@tensorflow/tfjs';

/** Result of preparing a backend. */
export interface Preparation {
  /** Whether it uses this library's own kernels. */
  compiledKernels: boolean;
  /** Whether running out of memory throws an error. */
  memoryGuard: boolean;
  /** Bytes of the largest buffer, if the backend's device has a limit. */
  largestBuffer?: number;
}

/** Marks a prepared backend; a registered symbol, so that two copies of this library see each other's marks. */
const PREPARED = Symbol.for('ct-multilabel.prepared');

type Markable = object & { [PREPARED]?: Preparation };

/** Records the preparation of a backend. */
export function markPrepared(backend: tf.KernelBackend, preparation: Preparation): void {
  (backend as Markable)[PREPARED] = preparation;
}

/** Bytes of the largest buffer of the active backend; undefined if it has no known limit. */
export function largestBuffer(): number | undefined {
  return (tf.backend() as Markable)[PREPARED]?.largestBuffer;
}

/** Whether this is the WebAssembly backend in its threaded build, whose memory is not that of its module. */
export function isThreadedBuild(backend: unknown): boolean {
  const { wasm } = backend as {
    wasm?: { PThread?: unknown; HEAPU8?: Uint8Array; asm?: { memory?: unknown } };
  };
  if (wasm === undefined) return false;
  return 'PThread' in wasm || (isShared(wasm.HEAPU8?.buffer) && wasm.asm?.memory === undefined);
}

const isShared = (buffer: unknown) =>
  typeof SharedArrayBuffer !== 'undefined' && buffer instanceof SharedArrayBuffer;

/** Backends that have been checked. */
const seen = new WeakSet<object>();

/**
 * Warns once for each active backend that was not prepared by this library: it would be slow and, beyond its memory,
 * silently wrong.
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
  'Until then it is slow, and its results may be wrong: its own kernels turn NaN into numbers, and beyond its memory tensors overwrite one another.';

function reason(backend: tf.KernelBackend, preparation: Preparation | undefined): string {
  const name = tf.getBackend();
  const isWasm = name === 'wasm';
  if (isThreadedBuild(backend)) {
    return (
      `this page is cross-origin isolated, so TensorFlow.js chose its threaded build, which does not support them. Start the backend with ` +
      `useBrowserBackend('wasm'), or call prepareWasmBackend() before tf.setBackend('wasm'). ${UNTIL_THEN}`
    );
  }
  if (preparation === undefined) {
    return (
      `it was not prepared. Start it with useBrowserBackend('${name}') in a page or useBackend('${name}') in Node` +
      `${isWasm ? `, or call prepareWasmBackend() once it is active. ${UNTIL_THEN}` : '.'}`
    );
  }
  return (
    'this engine does not support them, or the internals of TensorFlow.js differ from those of version 4.22. Results are correct as long ' +
    'as there is enough memory: keep images and batches small, or use another backend.'
  );
}
