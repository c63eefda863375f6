import * as tf from '@tensorflow/tfjs';
import { check } from '../../../base/checks';

/** What our kernels use of the host's WebAssembly backend: public methods of its class `BackendWasm`. */
export interface WasmBackend extends tf.KernelBackend {
  makeOutput(shape: number[], dtype: tf.DataType): tf.TensorInfo;
  typedArrayFromHeap(info: tf.TensorInfo): Float32Array | Int32Array | Uint8Array;
  disposeData(dataId: tf.DataId): boolean;
}

/** Arguments of a kernel, as the host passes them. */
export interface KernelArgs<Inputs extends string, Attrs> {
  inputs: Record<Inputs, tf.TensorInfo>;
  backend: WasmBackend;
  attrs: Attrs;
}

/** A kernel for backend `wasm`; the host's own type knows neither the backend's class nor a kernel's attributes. */
export function wasmKernel<Inputs extends string, Attrs>(
  kernelName: string,
  kernelFunc: (args: KernelArgs<Inputs, Attrs>) => tf.TensorInfo | tf.TensorInfo[],
): tf.KernelConfig {
  return { kernelName, backendName: 'wasm', kernelFunc: kernelFunc as unknown as tf.KernelFunc };
}

/** Marks our kernels; a registered symbol, so that two copies of this library see each other's marks. */
const OURS = Symbol.for('ct-multilabel.wasm-kernel');

/**
 * Puts our kernel in the place of the present one, which it may fall back on, unless that was done before. What the present
 * one does when the backend starts is still done.
 *
 * @param purpose - What for: a kernel may be replaced once for each purpose.
 */
export function replaceKernel(
  name: string,
  purpose: 'compute' | 'guard',
  make: (present: tf.KernelConfig | undefined) => tf.KernelConfig,
): void {
  const present = tf.getKernel(name, 'wasm') as (tf.KernelConfig & { [OURS]?: string[] }) | undefined;
  const done = present?.[OURS] ?? [];
  if (done.includes(purpose)) return;
  if (present !== undefined) tf.unregisterKernel(name, 'wasm');
  // the host's kernel, on which ours may fall back, is set up when its backend starts: perhaps only after this
  const { setupFunc, disposeFunc } = present ?? {};
  tf.registerKernel(Object.assign({ setupFunc, disposeFunc }, make(present), { [OURS]: [...done, purpose] }));
}

/**
 * Intermediate results of one kernel: everything made through it is given back at the end, also when a step throws,
 * except what the kernel returns.
 */
export class Scratch {
  private readonly held = new Set<tf.TensorInfo>();

  constructor(readonly backend: WasmBackend) {}

  /** Runs `kernel` with a fresh scratch and returns its result; the rest is disposed. */
  static use(backend: WasmBackend, kernel: (scratch: Scratch) => tf.TensorInfo): tf.TensorInfo {
    return Scratch.useMany(backend, (scratch) => [kernel(scratch)])[0]!;
  }

  /** The same for a kernel of several results. */
  static useMany(backend: WasmBackend, kernel: (scratch: Scratch) => tf.TensorInfo[]): tf.TensorInfo[] {
    const scratch = new Scratch(backend);
    let results: tf.TensorInfo[] = [];
    try {
      results = kernel(scratch);
      return results;
    } finally {
      for (const info of scratch.held) {
        if (!results.includes(info)) backend.disposeData(info.dataId);
      }
    }
  }

  /** An uninitialised float32 result. */
  make(shape: number[]): tf.TensorInfo {
    return this.hold(this.backend.makeOutput(shape, 'float32'));
  }

  /** Runs another kernel of this backend, which may be one of the host's or ours. */
  run(name: string, inputs: tf.NamedTensorInfoMap, attrs: Record<string, unknown> = {}): tf.TensorInfo {
    const kernel = tf.getKernel(name, 'wasm');
    if (kernel === undefined) throw new Error(`kernel ${name} is not registered for backend wasm`);
    const result = kernel.kernelFunc({ inputs, backend: this.backend, attrs: attrs as tf.NamedAttrMap });
    return this.hold(result as tf.TensorInfo);
  }

  /** Gives one intermediate back before the kernel ends. */
  drop(info: tf.TensorInfo): void {
    if (this.held.delete(info)) this.backend.disposeData(info.dataId);
  }

  /** Takes charge of a result made elsewhere. */
  hold(info: tf.TensorInfo): tf.TensorInfo {
    this.held.add(info);
    return info;
  }
}

/**
 * A float32 tensor's values in place. The view dies when the WebAssembly memory grows: take it after the last
 * allocation.
 *
 * @throws ArgumentError for a tensor of another type, whose bits compiled code would take for those of floats.
 */
export function floats(backend: WasmBackend, info: tf.TensorInfo): Float32Array {
  check(
    info.dtype === 'float32',
    'a kernel of backend wasm',
    'a float32 tensor',
    `${info.dtype} [${info.shape}]`,
  );
  return backend.typedArrayFromHeap(info) as Float32Array;
}

/** Where a tensor's values lie on the host's heap; they may move with nothing but their own end. */
export function addressOf(backend: WasmBackend, info: tf.TensorInfo): number {
  return floats(backend, info).byteOffset;
}

/** Same dataId and content seen in another shape; holds no reference of its own. */
export function viewAs(info: tf.TensorInfo, shape: number[]): tf.TensorInfo {
  return { dataId: info.dataId, shape, dtype: info.dtype };
}
