import * as tf from '@tensorflow/tfjs';

/** Values of a tensor in the backend's memory. */
export type Values = Float32Array | Int32Array | Uint8Array;

/** What a kernel in plain JavaScript needs of a backend that keeps its tensors in accessible memory. */
export interface InMemoryBackend {
  /** An uninitialised float32 result. */
  make(shape: number[]): tf.TensorInfo;
  /** Views of the tensors' values, valid until the next `make`; undefined for undefined. */
  values(infos: readonly (tf.TensorInfo | undefined)[]): (Values | undefined)[];
}

export interface InMemoryKernelArgs<Inputs, Attrs> {
  inputs: Inputs;
  attrs: Attrs;
  backend: InMemoryBackend;
}

/**
 * Registers a kernel in plain JavaScript for the backends whose memory it can access, `cpu` and `wasm`: there, one pass
 * over the values costs less than calls of many small kernels.
 */
export function registerInMemoryKernel<Inputs, Attrs>(
  kernelName: string,
  kernel: (args: InMemoryKernelArgs<Inputs, Attrs>) => tf.TensorInfo | tf.TensorInfo[],
): void {
  for (const [backendName, reach] of Object.entries(REACH)) {
    if (tf.getKernel(kernelName, backendName)) continue; // registered by another copy of this library
    const kernelFunc: tf.KernelFunc = ({ inputs, attrs, backend: host }) => {
      const made: tf.TensorInfo[] = [];
      const backend = reach(host as never);
      const make = (shape: number[]) => {
        made.push(backend.make(shape));
        return made.at(-1)!;
      };
      try {
        return kernel({ inputs: inputs as Inputs, attrs: attrs as Attrs, backend: { ...backend, make } });
      } catch (error) {
        for (const { dataId } of made) (host as tf.KernelBackend).disposeData(dataId);
        throw error;
      }
    };
    tf.registerKernel({ kernelName, backendName, kernelFunc });
  }
}

/** The part of the host's class `MathBackendCPU` that is used here. */
interface CpuBackend {
  makeTensorInfo(shape: number[], dtype: tf.DataType, values: Values): tf.TensorInfo;
  data: { get(dataId: tf.DataId): { values: Values } };
}

/** The part of the host's class `BackendWasm` that is used here. */
interface WasmBackend {
  makeOutput(shape: number[], dtype: tf.DataType): tf.TensorInfo;
  typedArrayFromHeap(info: tf.TensorInfo): Values;
}

const REACH: Record<'cpu' | 'wasm', (backend: never) => InMemoryBackend> = {
  cpu: (backend: CpuBackend) => ({
    make: (shape) => backend.makeTensorInfo(shape, 'float32', new Float32Array(tf.util.sizeFromShape(shape))),
    values: (infos) => infos.map((info) => info && backend.data.get(info.dataId).values),
  }),
  wasm: (backend: WasmBackend) => ({
    make: (shape) => backend.makeOutput(shape, 'float32'),
    values: (infos) => {
      const view = (info: tf.TensorInfo | undefined) => info && backend.typedArrayFromHeap(info);
      infos.forEach(view); // copies tensors of other backends, for which the memory may grow and move
      return infos.map(view);
    },
  }),
};
