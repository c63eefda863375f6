import type * as tf from '@tensorflow/tfjs';
import { runHostKernel } from '../kernels/host_kernel';
import { warpTensors } from '../kernels/warp/composed';
import { WARP_KERNEL, type WarpAttrs } from '../kernels/warp/contract';
import '../kernels/warp/plain';

/**
 * Reads every pixel of `[n, h, w, c]` at another place, bilinearly, resizes in the same step, and lights the result where
 * asked to: one kernel on values in place on backends `cpu` and `wasm`, elsewhere `tf.image.transform`, or `tf.gather` where a backend
 * lacks that (TensorFlow's own, of tfjs-node).
 *
 * Resizing is by half-pixel centres and without antialiasing. Outside the image is `fill`, and over one output pixel's
 * width along the edge the two mix.
 */
export function warp(images: tf.Tensor4D, attrs: WarpAttrs): tf.Tensor4D {
  return runHostKernel<tf.Tensor4D>(WARP_KERNEL, images, attrs) ?? warpTensors(images, attrs);
}
