import type * as tf from '@tensorflow/tfjs';
import { checkOneOf } from '../base/checks';
import { flipTensors } from '../kernels/flip/composed';
import { FLIP_KERNEL } from '../kernels/flip/contract';
import '../kernels/flip/plain';
import { runHostKernel } from '../kernels/host_kernel';
import { onImages } from './images';

/**
 * Mirrors images: `'horizontal'` swaps left and right, `'vertical'` top and bottom. Differentiable.
 *
 * @param images - `[h, w]`, `[h, w, c]`, `[n, h, w, c]` or `[batch, n, h, w, c]`.
 * @returns Images in the input's shape, float32.
 * @throws ArgumentError for images of another shape or another direction.
 * @example
 * ```ts
 * const mirrored = flip(tf.zeros([224, 224, 1]), 'horizontal');
 * ```
 */
export function flip<T extends tf.Tensor>(images: T, direction: 'horizontal' | 'vertical'): T {
  checkOneOf(direction, ['horizontal', 'vertical'], 'flip: direction');
  return onImages(
    'flip',
    images,
    (x) => runHostKernel<tf.Tensor4D>(FLIP_KERNEL, x, { direction }) ?? flipTensors(x, { direction }),
  );
}
