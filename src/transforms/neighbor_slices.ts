import * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import { integerIn, oneOf, optional, resolveOptions, type Rules } from '../base/options';
import { checkImages } from './images';

/**
 * Options of {@link neighborSlices}.
 *
 * @inline
 */
export interface NeighborSlicesOptions {
  /**
   * Neighbours on each side.
   *
   * @defaultValue 1
   */
  radius?: number;
  /**
   * How missing neighbours at the ends of a stack are filled: with its first or last slice, or with zeros.
   *
   * @defaultValue 'repeat'
   */
  edge?: NeighborEdge;
}

/**
 * How slices beyond the ends of a stack are filled.
 *
 * @inline
 */
export type NeighborEdge = 'repeat' | 'zero';

/** The maximum exceeds what is useful for stacks of thick slices. */
export const RADIUS = integerIn(0, 16);

export const EDGE = optional(oneOf(['repeat', 'zero']), 'repeat');

const RULES = { radius: optional(RADIUS, 1), edge: EDGE } satisfies Rules<NeighborSlicesOptions>;

/**
 * Adds to every slice its neighbours as channels, in order: from all channels of the slice `radius` before it, through
 * its own, to those of the slice `radius` after it. Differentiable.
 *
 * @param images - Slices in order, `[n, h, w, c]` or `[batch, n, h, w, c]`.
 * @returns The same shape with `(2 * radius + 1) * c` channels, float32.
 * @throws ArgumentError for images of another shape or a radius that is not a whole number of at most 16.
 * @example
 * ```ts
 * const slices = tf.zeros([32, 224, 224, 1]);
 * neighborSlices(slices); // [32, 224, 224, 3]: previous, this, next
 * ```
 * @see Burduja, Ionescu and Verga, "Accurate and Efficient Intracranial Hemorrhage Detection and Subtype Classification
 * in 3D CT Scans with Convolutional and Long Short-Term Memory Neural Networks", Sensors 2020, 20(19):5611
 */
export function neighborSlices<T extends tf.Tensor>(images: T, options: NeighborSlicesOptions = {}): T {
  checkImages('neighborSlices', images);
  check(images.rank >= 4, 'neighborSlices: images', '[n, h, w, c] or [batch, n, h, w, c]', images);
  const { radius, edge } = resolveOptions('neighborSlices', options, RULES);
  return tf.tidy(() => {
    const axis = images.rank - 4;
    const count = images.shape[axis]!;
    const x = tf.cast(images, 'float32') as tf.Tensor;
    if (radius === 0) return x.clone() as T;
    const from = (stack: tf.Tensor, first: number, size: number) => {
      const [begin, sizes] = [stack.shape.map(() => 0), [...stack.shape]];
      begin[axis] = first;
      sizes[axis] = size;
      return tf.slice(stack, begin, sizes);
    };
    const end = (index: number) => {
      const slice = from(x, index, 1);
      const beyond = edge === 'zero' ? tf.zerosLike(slice) : slice;
      return Array.from({ length: radius }, () => beyond);
    };
    const padded = tf.concat([...end(0), x, ...end(count - 1)], axis);
    return tf.concat(
      Array.from({ length: 2 * radius + 1 }, (_, offset) => from(padded, offset, count)),
      images.rank - 1,
    ) as T;
  });
}
