import * as tf from '@tensorflow/tfjs';
import { check } from '../base/errors';

/**
 * A function from images to images, e.g. `(x) => resize(x, [224, 224])`.
 *
 * @inline
 */
export type ImageTransform = (images: tf.Tensor) => tf.Tensor;

/**
 * One transform that applies several, first to last, and disposes what is between them.
 *
 * The images that come in are left alive, and what comes out is always a tensor of its own.
 *
 * @throws ArgumentError when one of them is not a function.
 * @example
 * ```ts
 * const prepare = compose(
 *   (hu) => huWindow(hu, CT_WINDOWS.brain),
 *   (x) => resize(x, [224, 224]),
 * );
 * const images = prepare(tf.fill([512, 512, 1], 40));
 * ```
 */
export function compose(...transforms: ImageTransform[]): ImageTransform {
  transforms.forEach((transform, i) => {
    check(typeof transform === 'function', `compose: transforms[${i}]`, 'a function', transform);
  });
  return (images) =>
    tf.tidy(() => {
      let current = images;
      for (const transform of transforms) current = transform(current);
      return current === images ? tf.clone(images) : current;
    });
}
