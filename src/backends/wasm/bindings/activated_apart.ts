import * as tf from '@tensorflow/tfjs';
import { Scratch, wasmKernel, type WasmBackend } from '../runtime/kernel_support';

interface ActivationAttrs {
  activation?: string;
  leakyreluAlpha?: number;
}

/** Kernels of the activations that the host fuses. */
const KERNELS: Record<string, string> = {
  ...{ relu: tf.Relu, relu6: tf.Relu6, elu: tf.Elu, sigmoid: tf.Sigmoid },
  ...{ leakyrelu: tf.LeakyRelu, prelu: tf.Prelu },
};

/** The host's fused kernel with its activation applied separately: fused activations turn NaN into numbers. */
export function activatedApart({ kernelFunc }: tf.KernelConfig): Pick<tf.KernelConfig, 'kernelFunc'> {
  return {
    kernelFunc: (args) => {
      const { activation = 'linear', leakyreluAlpha: alpha } = args.attrs as ActivationAttrs;
      const kernel = KERNELS[activation];
      if (kernel === undefined) return kernelFunc(args); // linear, or refused by the host
      const { preluActivationWeights: slopes, ...inputs } = args.inputs;
      return Scratch.use(args.backend as WasmBackend, (scratch) => {
        const attrs = { ...args.attrs, activation: 'linear' } as tf.NamedAttrMap;
        const x = scratch.hold(kernelFunc({ ...args, inputs, attrs }) as tf.TensorInfo);
        if (activation === 'prelu') return scratch.run(kernel, { x, alpha: slopes! });
        return scratch.run(kernel, { x }, activation === 'leakyrelu' ? { alpha } : {});
      });
    },
  };
}

/** `tf.fused.depthwiseConv2d`. */
export function fusedDepthwiseConv2D(host: tf.KernelConfig): tf.KernelConfig {
  return wasmKernel(tf.FusedDepthwiseConv2D, activatedApart(host).kernelFunc as never);
}
