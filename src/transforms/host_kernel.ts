import * as tf from '@tensorflow/tfjs';

/** Backends whose tensors lie in memory that JavaScript reads in place. */
export const HOST_BACKENDS = ['cpu', 'wasm'] as const;

/** A kernel of one float32 tensor in and one out. */
export interface HostKernel<Attrs> {
  outputShape: (shape: number[], attrs: Attrs) => number[];
  /** Fills `out`, which may hold anything before. */
  compute: (x: Float32Array, out: Float32Array, shape: number[], attrs: Attrs) => void;
}

/**
 * Registers a kernel that works in place on the values of backends `cpu` and `wasm`.
 *
 * On `wasm` a compiled kernel may stand under the same name, before or after; this one is then still found as
 * `NAME.plain`, for the compiled one to hand over to where it cannot run.
 */
export function registerHostKernel<Attrs>(kernelName: string, kernel: HostKernel<Attrs>): void {
  for (const backendName of HOST_BACKENDS) {
    const kernelFunc = (({ inputs, backend, attrs }: KernelArgs<Attrs>) =>
      run(kernel, inputs.x, backend, attrs)) as unknown as tf.KernelFunc;
    for (const name of [kernelName, `${kernelName}.plain`]) {
      if (tf.getKernel(name, backendName) !== undefined) continue;
      tf.registerKernel({ kernelName: name, backendName, kernelFunc });
    }
  }
}

/** Runs a kernel of ours on the active backend; undefined if it has none of this name. */
export function runHostKernel<T extends tf.Tensor>(
  kernelName: string,
  x: tf.Tensor,
  attrs: object,
): T | undefined {
  if (tf.getKernel(kernelName, tf.getBackend()) === undefined) return undefined;
  return tf.engine().runKernel(kernelName, { x }, attrs as tf.NamedAttrMap);
}

interface KernelArgs<Attrs> {
  inputs: { x: tf.TensorInfo };
  backend: HostBackend;
  attrs: Attrs;
}

/** Public methods of the host's two backends; each has one half. */
interface HostBackend {
  // cpu
  data?: { get(dataId: tf.DataId): { values: Float32Array } };
  makeTensorInfo?(shape: number[], dtype: tf.DataType, values: Float32Array): tf.TensorInfo;
  // wasm
  makeOutput?(shape: number[], dtype: tf.DataType): tf.TensorInfo;
  typedArrayFromHeap?(info: tf.TensorInfo): Float32Array;
  disposeData(dataId: tf.DataId): boolean;
}

function run<Attrs>(
  { outputShape, compute }: HostKernel<Attrs>,
  x: tf.TensorInfo,
  backend: HostBackend,
  attrs: Attrs,
): tf.TensorInfo {
  const shape = outputShape(x.shape, attrs);
  if (backend.typedArrayFromHeap === undefined) {
    const out = new Float32Array(tf.util.sizeFromShape(shape));
    compute(backend.data!.get(x.dataId).values, out, x.shape, attrs);
    return backend.makeTensorInfo!(shape, 'float32', out);
  }
  const result = backend.makeOutput!(shape, 'float32');
  try {
    // views after the allocation, which may move the memory
    compute(backend.typedArrayFromHeap(x), backend.typedArrayFromHeap(result), x.shape, attrs);
    return result;
  } catch (error) {
    backend.disposeData(result.dataId);
    throw error;
  }
}
