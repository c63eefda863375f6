import * as tf from '@tensorflow/tfjs';
import { check } from '../../../base/checks';

/** The part of the host's WebAssembly backend that kernels use: public methods of its class `BackendWasm`. */
export interface WasmBackend extends tf.KernelBackend {
  makeOutput(shape: number[], dtype: tf.DataType): tf.TensorInfo;
  typedArrayFromHeap(info: tf.TensorInfo): Float32Array | Int32Array | Uint8Array;
  disposeData(dataId: tf.DataId): boolean;
}

/** `[images, height, width, channels]`, or a convolution's `[rows, columns, inputs, outputs]`. */
export type Shape4D = [number, number, number, number];

/** Arguments that the host passes to a kernel. */
export interface KernelArgs<Inputs extends string, Attrs> {
  inputs: Record<Inputs, tf.TensorInfo>;
  backend: WasmBackend;
  attrs: Attrs;
}

/** A kernel for backend `wasm`; the host's type lacks the backend's class and a kernel's attributes. */
export function wasmKernel<Inputs extends string, Attrs>(
  kernelName: string,
  kernelFunc: (args: KernelArgs<Inputs, Attrs>) => tf.TensorInfo | tf.TensorInfo[],
): tf.KernelConfig {
  return { kernelName, backendName: 'wasm', kernelFunc: kernelFunc as unknown as tf.KernelFunc };
}

/** Marks this library's kernels; a registered symbol, so that two copies of the library see each other's marks. */
const OURS = Symbol.for('ct-multilabel.wasm-kernel');

/**
 * Replaces the present kernel by ours, which may fall back on it, unless that was done before. The set-up of the
 * present kernel is kept.
 *
 * @param purpose - A kernel may be replaced once for each purpose.
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
  // the host's kernel, on which ours may fall back, is set up when its backend starts, possibly only later
  const { setupFunc, disposeFunc } = present ?? {};
  tf.registerKernel(Object.assign({ setupFunc, disposeFunc }, make(present), { [OURS]: [...done, purpose] }));
}

/**
 * Intermediate results of one kernel: everything created through it is disposed at the end, also if a step throws,
 * except what the kernel returns.
 */
export class Scratch {
  private readonly held = new Set<tf.TensorInfo>();

  constructor(readonly backend: WasmBackend) {}

  /** Runs `kernel` with a new scratch and returns its result; the rest is disposed. */
  static use(backend: WasmBackend, kernel: (scratch: Scratch) => tf.TensorInfo): tf.TensorInfo {
    return Scratch.useMany(backend, (scratch) => [kernel(scratch)])[0]!;
  }

  /** {@link use} for a kernel with several results. */
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

  /** Runs another kernel of this backend. */
  run(name: string, inputs: tf.NamedTensorInfoMap, attrs: Record<string, unknown> = {}): tf.TensorInfo {
    const kernel = tf.getKernel(name, 'wasm');
    if (kernel === undefined) throw new Error(`kernel ${name} is not registered for backend wasm`);
    const result = kernel.kernelFunc({ inputs, backend: this.backend, attrs: attrs as tf.NamedAttrMap });
    return this.hold(result as tf.TensorInfo);
  }

  /** Disposes an intermediate result early. */
  drop(info: tf.TensorInfo): void {
    if (this.held.delete(info)) this.backend.disposeData(info.dataId);
  }

  /** Takes ownership of a result created elsewhere. */
  hold(info: tf.TensorInfo): tf.TensorInfo {
    this.held.add(info);
    return info;
  }
}

/**
 * A view of a float32 tensor's values. It becomes invalid when the WebAssembly memory grows: take it after the last
 * allocation.
 *
 * @throws ArgumentError for a tensor of another type, whose bits compiled code would interpret as floats.
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

/** Address of a tensor's values on the host's heap, valid until the tensor is disposed. */
export function addressOf(backend: WasmBackend, info: tf.TensorInfo): number {
  return floats(backend, info).byteOffset;
}

/** The same data with another shape, without a reference of its own. */
export function viewAs(info: tf.TensorInfo, shape: number[]): tf.TensorInfo {
  return { dataId: info.dataId, shape, dtype: info.dtype };
}
