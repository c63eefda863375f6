import * as tf from '@tensorflow/tfjs';
import { check } from '../errors';
import { onImages } from './images';

/**
 * Mirrors images: `'horizontal'` swaps left and right, `'vertical'` top and bottom. Differentiable.
 *
 * @param images - `[h, w]`, `[h, w, c]`, `[n, h, w, c]` or `[batch, n, h, w, c]`.
 * @returns Images in the shape that came in, float32.
 * @throws {@link ArgumentError} for images of another shape or another direction.
 * @example
 * ```ts
 * const mirrored = flip(tf.zeros([224, 224, 1]), 'horizontal');
 * ```
 */
export function flip<T extends tf.Tensor>(images: T, direction: 'horizontal' | 'vertical'): T {
  check(
    direction === 'horizontal' || direction === 'vertical',
    'flip: direction',
    "'horizontal' or 'vertical'",
    direction,
  );
  return onImages('flip', images, (x) => tf.reverse(x, direction === 'horizontal' ? 2 : 1));
}
