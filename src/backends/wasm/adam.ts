import type * as tf from '@tensorflow/tfjs';
import { OWN_KERNELS, type AdamAttrs, type AdamInputs } from '../../kernels/own_kernels';
import { hostWorkspace } from './engine';
import { floats, Scratch, wasmKernel, type WasmBackend } from './kernel_support';
import { spanOf } from './workspace';

/**
 * Adam's step, compiled, in place where nobody else holds the data.
 *
 * @param plain - The kernel in plain JavaScript, for where compiled kernels cannot run.
 */
export function adam(plain: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel<keyof AdamInputs, AdamAttrs>(OWN_KERNELS.adam, (args) => {
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
        const addresses = [value, gradient, firstMoment, secondMoment, ...results].map((info) =>
          workspace.input(spanOf(info)),
        );
        const [power1, power2] = [accBeta1, accBeta2].map((power) => floats(backend, power)[0]!);
        workspace.kernels.adamStep!(
          ...[spanOf(value).length, ...addresses, learningRate],
          ...[beta1, 1 - beta1, beta2, 1 - beta2, 1 - power1!, 1 - power2!, epsilon],
        );
      });
      return results;
    });
  });
}

/** Where a variable's new values go: over the old ones, unless a clone shares them. */
function resultFor(backend: WasmBackend, { dataId, shape, dtype }: tf.TensorInfo): tf.TensorInfo {
  if (backend.refCount(dataId) !== 1) return backend.makeOutput(shape, dtype);
  backend.incRef(dataId);
  return { dataId, shape, dtype };
}
