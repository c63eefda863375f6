import * as tf from '@tensorflow/tfjs';

/** Values of a tensor where they lie. */
export type Values = Float32Array | Int32Array | Uint8Array;

/** What a kernel in plain JavaScript needs of a backend that keeps its tensors in memory we can reach. */
export interface InMemoryBackend {
  /** A float32 result, not yet filled. */
  make(shape: number[]): tf.TensorInfo;
  /** Values of these tensors, in place, valid until the next `make`; nothing for nothing. */
  values(infos: readonly (tf.TensorInfo | undefined)[]): (Values | undefined)[];
}

/** Arguments of a kernel in plain JavaScript. */
export interface InMemoryKernelArgs<Inputs, Attrs> {
  inputs: Inputs;
  attrs: Attrs;
  backend: InMemoryBackend;
}

/**
 * Registers a kernel of plain JavaScript for the backends whose tensors it can reach in place, `cpu` and `wasm`: one pass
 * over the values costs less there than the calls of many small kernels.
 */
export function registerInMemoryKernel<Inputs, Attrs>(
  kernelName: string,
  kernel: (args: InMemoryKernelArgs<Inputs, Attrs>) => tf.TensorInfo | tf.TensorInfo[],
): void {
  for (const [backendName, reach] of Object.entries(REACH)) {
    if (tf.getKernel(kernelName, backendName)) continue; // another copy of this library was here
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

/** What we use of the host's class `MathBackendCPU`. */
interface CpuBackend {
  makeTensorInfo(shape: number[], dtype: tf.DataType, values: Values): tf.TensorInfo;
  data: { get(dataId: tf.DataId): { values: Values } };
}

/** What we use of the host's class `BackendWasm`. */
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
      infos.forEach(view); // brings over what lies on another backend, for which the memory may grow and move
      return infos.map(view);
    },
  }),
};
