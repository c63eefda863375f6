import type * as tf from '@tensorflow/tfjs';
import { runHostKernel } from '../kernels/host_kernel';
import { warpTensors } from '../kernels/warp/composed';
import { WARP_KERNEL, type WarpAttrs } from '../kernels/warp/contract';
import '../kernels/warp/plain';

/**
 * Samples every pixel of `[n, h, w, c]` at another position, bilinearly, resizes in the same step, and changes
 * brightness and contrast if requested: one kernel on backends `cpu` and `wasm`, on others `tf.image.transform`, or
 * `tf.gather` if a backend lacks that (TensorFlow's own, of tfjs-node).
 *
 * Resizing uses half-pixel centres and no antialiasing. Outside the image the value is `fill`, and over one output
 * pixel's width along the edge the two mix.
 */
export function warp(images: tf.Tensor4D, attrs: WarpAttrs): tf.Tensor4D {
  return runHostKernel<tf.Tensor4D>(WARP_KERNEL, images, attrs) ?? warpTensors(images, attrs);
}
