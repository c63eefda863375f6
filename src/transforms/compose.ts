import * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';

/**
 * A function from images to images, e.g. `(x) => resize(x, [224, 224])`.
 *
 * @inline
 */
export type ImageTransform<T extends tf.Tensor = tf.Tensor> = (images: T) => T;

/**
 * Combines several transforms into one that applies them in order, and disposes intermediate tensors.
 *
 * The input is not disposed, and the result is always a new tensor of the same rank and type. It has a gradient if all
 * of them have one: `affine` and `clahe` do not.
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
export function compose<T extends tf.Tensor = tf.Tensor>(
  ...transforms: ImageTransform<T>[]
): <Images extends T>(images: Images) => Images {
  transforms.forEach((transform, i) => {
    check(typeof transform === 'function', `compose: transforms[${i}]`, 'a function', transform);
  });
  return <Images extends T>(images: Images) =>
    tf.tidy(() => {
      let current: T = images;
      for (const transform of transforms) current = transform(current);
      // a transform keeps the rank
      return (current === images ? tf.clone(images) : current) as Images;
    });
}
