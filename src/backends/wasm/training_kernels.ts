import * as tf from '@tensorflow/tfjs';
import { conv2D, conv2DBackpropFilter, conv2DBackpropInput, fusedConv2D } from './convolution_kernels';
import { registerCompiledKernel } from './engine';
import { identity } from './identity';
import { replaceKernel } from './kernel_support';
import { batchMatMul, fusedMatMul } from './matmul_kernels';
import { maxPoolGrad } from './composed/max_pool_grad';
import { gruBackward, gruForward, lstmBackward, lstmForward } from './recurrent_kernels';
import { unsortedSegmentSum } from './unsorted_segment_sum';

/**
 * Makes the host's WebAssembly backend fit for training.
 *
 * - What it lacks: the gradient of a convolution's kernel, and the sum behind the gradient of `tf.gather`.
 * - What is slow there: the gradients of a convolution's input (ten times) and of max pooling (three times), and saving
 *   a tensor for the backward pass, which copied it.
 * - What is wrong there: the gradient of max pooling with padding, when a window over the edge has only negative pixels.
 *
 * Depthwise convolutions still have no gradient there. The convolution kernels take images as `NHWC` and dilation 1, as
 * the host's own gradients do. Calling it again changes nothing.
 *
 * @returns True when the kernels are in place; false when `@tensorflow/tfjs-backend-wasm` has not been imported yet, in
 *   which case nothing was done.
 *
 * @example
 * ```ts
 * import '@tensorflow/tfjs-backend-wasm';
 * registerWasmTrainingKernels();
 * await tf.setBackend('wasm');
 * ```
 */
export function registerWasmTrainingKernels(): boolean {
  // Registered before the host's own they would be overwritten by them.
  if (tf.getKernel(tf.Conv2D, 'wasm') === undefined) return false;
  for (const kernel of [
    conv2DBackpropFilter,
    conv2DBackpropInput,
    unsortedSegmentSum,
    maxPoolGrad,
    identity,
  ]) {
    replaceKernel(kernel.kernelName, () => kernel);
  }
  replaceKernel(tf.Conv2D, (host) => conv2D(host!));
  replaceKernel(tf.FusedConv2D, (host) => fusedConv2D(host!));
  replaceKernel(tf.BatchMatMul, (host) => batchMatMul(host!));
  replaceKernel(tf._FusedMatMul, (host) => fusedMatMul(host!));
  for (const kernel of [gruForward, gruBackward, lstmForward, lstmBackward]) {
    registerCompiledKernel(kernel);
  }
  return true;
}
