import * as tf from '@tensorflow/tfjs';
import { hasKernel } from './has_kernel';
import { registerInMemoryKernel } from './in_memory';

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

/** Runs a kernel of ours on the active backend; undefined if it has none of this name. */
export function runHostKernel<T extends tf.Tensor>(
  kernelName: string,
  x: tf.Tensor,
  attrs: object,
): T | undefined {
  return hasKernel(kernelName)
    ? tf.engine().runKernel<T>(kernelName, { x }, attrs as tf.NamedAttrMap)
    : undefined;
}
