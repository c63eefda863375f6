import type * as tf from '@tensorflow/tfjs';
import { ADAM_KERNEL, type AdamAttrs, type AdamInputs } from '../../../kernels/adam/contract';
import { hostWorkspace } from '../runtime/engine';
import { floats, Scratch, wasmKernel, type WasmBackend } from '../runtime/kernel_support';
import { spanOf, unitsOf, VALUES_PER_UNIT } from '../runtime/workspace';

/**
 * Adam's step, compiled, in place unless the data is shared.
 *
 * @param plain - The kernel in plain JavaScript, used if compiled kernels cannot run.
 */
export function adam(plain: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<keyof AdamInputs, AdamAttrs>(ADAM_KERNEL, (args) => {
    const { inputs, attrs, backend } = args;
    const { value, gradient, firstMoment, secondMoment, accBeta1, accBeta2 } = inputs;
    const { learningRate, beta1, beta2, epsilon } = attrs;
    const workspace = hostWorkspace(backend);
    if (workspace === undefined) return plain.kernelFunc(args as never) as tf.TensorInfo[];

    return Scratch.useMany(backend, (scratch) => {
      const results = [value, firstMoment, secondMoment].map((info) =>
        scratch.hold(resultFor(backend, info)),
      );
      workspace.scope(backend, () => {
        const at = (info: tf.TensorInfo) => workspace.address(spanOf(info));
        const [newW, newM, newV] = results.map(at);
        const count = spanOf(value).length;
        workspace.run('adamStep', unitsOf(count), 0, {
          ...{ count, perUnit: VALUES_PER_UNIT },
          ...{ w: at(value), g: at(gradient), m: at(firstMoment), v: at(secondMoment) },
          ...{ newW: newW!, newM: newM!, newV: newV! },
          ...{ rate: learningRate, beta1, share1: 1 - beta1, beta2, share2: 1 - beta2, epsilon },
          c1: 1 - floats(backend, accBeta1)[0]!,
          c2: 1 - floats(backend, accBeta2)[0]!,
        });
      });
      return results;
    });
  });
}

/** Where a variable's new values are written: over the old ones, unless a clone shares them. */
function resultFor(backend: WasmBackend, { dataId, shape, dtype }: tf.TensorInfo): tf.TensorInfo {
  if (backend.refCount(dataId) !== 1) return backend.makeOutput(shape, dtype);
  backend.incRef(dataId);
  return { dataId, shape, dtype };
}
