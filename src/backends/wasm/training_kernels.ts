import * as tf from '@tensorflow/tfjs';
import { ADAM_KERNEL } from '../../kernels/adam/contract';
import { ASYMMETRIC_LOSS_KERNEL } from '../../kernels/asymmetric_loss/contract';
import { fusedDepthwiseConv2D } from './bindings/activated_apart';
import { adam } from './bindings/adam';
import { asymmetricLoss } from './bindings/asymmetric_loss';
import { clipByValue, maximum, minimum, relu, relu6 } from './bindings/clamp_kernels';
import {
  conv2D,
  conv2DBackpropFilter,
  conv2DBackpropInput,
  fusedConv2D,
} from './bindings/convolution/convolution_kernels';
import {
  columnDots,
  columnMoments,
  combine,
  concat,
  reluBiasGradient,
  scaleShift,
  split,
} from './bindings/column_kernels';
import { depthwiseBackpropFilter, depthwiseBackpropInput } from './bindings/depthwise_gradients';
import { hostWorkspace } from './runtime/engine';
import { byteImage } from './bindings/byte_image';
import { cast, identity } from './bindings/identity';
import { imageKernels } from './bindings/image_kernels';
import { pad, slice } from './bindings/image_window';
import { replaceKernel } from './runtime/kernel_support';
import { batchMatMul, fusedMatMul } from './bindings/matmul_kernels';
import { avgPool, maxPool, maxPoolGrad } from './bindings/pooling_kernels';
import { registerReluGradient, reluGradient } from './bindings/relu_gradient';
import { sum } from './bindings/sum';
import { gruBackward, gruForward, lstmBackward, lstmForward } from './bindings/recurrent_kernels';
import { unsortedSegmentSum } from './bindings/unsorted_segment_sum';
import { within } from './bindings/within';

/**
 * Prepares the host's WebAssembly backend for training.
 *
 * - Adds missing kernels: the gradient of a convolution's filter, both gradients of a depthwise convolution, and the sum
 *   for the gradient of `tf.gather`.
 * - Replaces slow ones: convolutions and their gradients, the gradients of max pooling and ReLU, concatenation and
 *   slicing of channels, padding of images, sums over leading axes, and the copy of a tensor saved for the backward pass. The passes over
 *   memory between convolutions become one kernel each, which layers use if it is registered.
 * - Replaces incorrect ones: the gradient of max pooling with padding, if a window over the edge has only negative
 *   pixels; the sum of millions of values over all axes; and ReLU (alone and fused), clip, pooling, maximum and minimum,
 *   which turn NaN into numbers.
 * - Compiles this library's kernels that otherwise run in plain JavaScript: the asymmetric loss and Adam's step.
 *
 * The convolution kernels take images as `NHWC`. Call it when the backend is active: only then can it determine whether
 * compiled code runs on the backend's heap. Further calls have no effect.
 *
 * @returns True if the kernels are in place; false if `@tensorflow/tfjs-backend-wasm` has not been imported yet, in
 *   which case nothing was changed.
 */
export function registerWasmTrainingKernels(): boolean {
  // registered before the host's kernels, these would be overwritten by them
  if (tf.getKernel(tf.Conv2D, 'wasm') === undefined) return false;
  const own = [
    conv2DBackpropFilter,
    conv2DBackpropInput,
    depthwiseBackpropFilter,
    depthwiseBackpropInput,
    unsortedSegmentSum,
    maxPoolGrad,
    identity,
    byteImage,
    ...imageKernels, // these fall back by themselves if compiled code cannot run
  ];
  const wrapped = {
    [tf.Conv2D]: conv2D,
    [tf.FusedConv2D]: fusedConv2D,
    [tf.FusedDepthwiseConv2D]: fusedDepthwiseConv2D,
    [tf.BatchMatMul]: batchMatMul,
    [tf._FusedMatMul]: fusedMatMul,
    [tf.Cast]: cast,
    [tf.Concat]: concat,
    [tf.SplitV]: split,
    [tf.Slice]: slice,
    [tf.PadV2]: pad,
    [tf.Sum]: sum,
    [tf.Relu]: relu,
    [tf.Relu6]: relu6,
    [tf.ClipByValue]: clipByValue,
    [tf.Maximum]: maximum,
    [tf.Minimum]: minimum,
    [tf.MaxPool]: maxPool,
    [tf.AvgPool]: avgPool,
    [ASYMMETRIC_LOSS_KERNEL]: asymmetricLoss,
    [ADAM_KERNEL]: adam,
  };
  for (const kernel of own) replaceKernel(kernel.kernelName, 'compute', () => kernel);
  for (const [name, make] of Object.entries(wrapped)) {
    // kernels that fall back on one in JavaScript need it to be registered
    if (tf.getKernel(name, 'wasm')) replaceKernel(name, 'compute', (present) => make(present!));
  }
  if (hostWorkspace(tf.getBackend() === 'wasm' ? tf.backend() : undefined) !== undefined) {
    for (const kernel of ON_THE_HEAP) replaceKernel(kernel.kernelName, 'compute', () => kernel);
    registerReluGradient();
  }
  return true;
}

/** Kernels that need compiled code on the host's heap; otherwise layers compose operations. */
const ON_THE_HEAP = [
  ...[reluGradient, reluBiasGradient, columnDots, columnMoments, scaleShift, combine],
  ...[gruForward, gruBackward, lstmForward, lstmBackward],
  within,
];
