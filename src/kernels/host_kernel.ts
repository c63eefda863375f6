import * as tf from '@tensorflow/tfjs';
import { hasKernel } from './has_kernel';
import { registerInMemoryKernel } from './in_memory';

/** A kernel with one float32 input and one float32 output. */
export interface HostKernel<Attrs> {
  outputShape: (shape: number[], attrs: Attrs) => number[];
  /** Fills `out`, which is not initialised. */
  compute: (x: Float32Array, out: Float32Array, shape: number[], attrs: Attrs) => void;
}

/**
 * Registers a kernel that works on the memory of backends `cpu` and `wasm`.
 *
 * On `wasm` a compiled kernel may be registered under the same name, before or after; it finds this one as `NAME.plain`
 * if it cannot run itself.
 */
export function registerHostKernel<Attrs>(
  kernelName: string,
  { outputShape, compute }: HostKernel<Attrs>,
): void {
  for (const name of [kernelName, `${kernelName}.plain`]) {
    registerInMemoryKernel<{ x: tf.TensorInfo }, Attrs>(name, ({ inputs: { x }, attrs, backend }) => {
      const result = backend.make(outputShape(x.shape, attrs));
      const [values, out] = backend.values([x, result]) as [Float32Array, Float32Array];
      compute(values, out, x.shape, attrs);
      return result;
    });
  }
}

/** Runs a kernel on the active backend; undefined if the backend does not have it. */
export function runHostKernel<T extends tf.Tensor>(
  kernelName: string,
  x: tf.Tensor,
  attrs: object,
): T | undefined {
  return hasKernel(kernelName)
    ? tf.engine().runKernel<T>(kernelName, { x }, attrs as tf.NamedAttrMap)
    : undefined;
}
