import * as tf from '@tensorflow/tfjs';
import { check, isPositiveInteger } from '../base/checks';
import { isTuple, rule } from '../base/options';
import { runHostKernel } from '../kernels/host_kernel';
import { hostValues } from '../kernels/host_values';
import { WITHIN_KERNEL, type WithinAttrs } from '../kernels/within/contract';

/** `[height, width]` of images. */
export const SIZE = rule<readonly [number, number]>('[height, width], two positive integers', (value) =>
  isTuple(value, 2, isPositiveInteger),
);

const SHAPES = '[h, w], [h, w, c], [n, h, w, c] or [batch, n, h, w, c] with no empty axis, float32 or int32';

/** Checks that images have one of the four shapes. */
export function checkImages(what: string, images: tf.Tensor): void {
  const ok =
    images instanceof tf.Tensor &&
    images.rank >= 2 &&
    images.rank <= 5 &&
    images.size > 0 &&
    (images.dtype === 'float32' || images.dtype === 'int32');
  check(ok, `${what}: images`, `a tensor ${SHAPES}`, images);
}

/**
 * Passes images of any of the four shapes to `fn` as float32 `[N, h, w, c]`, and returns its result with the input's
 * rank; `fn` may change height and width, and channels if the images have that axis. Runs in `tf.tidy`, and the result
 * is always a new tensor.
 */
export function onImages<T extends tf.Tensor>(
  what: string,
  images: T,
  fn: (images: tf.Tensor4D) => tf.Tensor4D,
): T {
  checkImages(what, images);
  return tf.tidy(() => {
    const folded = tf.reshape(tf.cast(images, 'float32'), foldedShape(images.shape));
    const result = fn(folded as tf.Tensor4D);
    return tf.reshape(result, resultShape(images.shape, result.shape)) as T;
  });
}

/**
 * {@link onImages} for transforms of values in 0..1: integers (int32) are taken as 0..255 and returned in 0..1, and
 * values outside are refused if they are in memory, since they would be clipped to a white image.
 */
export function onUnitImages<T extends tf.Tensor>(
  what: string,
  images: T,
  fn: (images: tf.Tensor4D) => tf.Tensor4D,
): T {
  checkImages(what, images);
  const whole = images.dtype === 'int32';
  checkValueRange(what, images, whole ? [0, 255] : [0, 1]);
  return onImages(what, images, (x) => fn(whole ? tf.div(x, 255) : x));
}

/** Tolerance for values that rounding has moved out of their range, as a fraction of it. */
const SLACK = 1e-3;

/** Refuses values outside a range if they are in memory; NaN is not checked here. */
export function checkValueRange(what: string, images: tf.Tensor, [low, high]: [number, number]): void {
  if (allWithin(images, { low, high })) return;
  const values = hostValues(images) ?? [];
  const slack = SLACK * (high - low);
  const [least, most] = [low - slack, high + slack];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < least || value > most) {
      const rule = `values in ${low}..${high}${high === 1 ? ', or int32 in 0..255' : ''}`;
      check(false, `${what}: images`, rule, `${value} at position ${i} of [${images.shape.join(', ')}]`);
    }
  }
}

/** Whether all values lie in a range, as far as a kernel of the backend can tell. */
function allWithin(images: tf.Tensor, range: WithinAttrs): boolean {
  if (images.dtype !== 'float32') return false;
  const found = runHostKernel(WITHIN_KERNEL, images, range);
  if (found === undefined) return false;
  const [yes] = hostValues(found)!;
  found.dispose();
  return yes === 1;
}

/** `[N, h, w, c]` of a shape of rank 2 to 5. */
function foldedShape(shape: readonly number[]): [number, number, number, number] {
  if (shape.length === 2) return [1, shape[0]!, shape[1]!, 1];
  const [height, width, channels] = shape.slice(-3) as [number, number, number];
  return [shape.slice(0, -3).reduce((a, b) => a * b, 1), height, width, channels];
}

/** The leading axes of the input's shape, and the shape of each resulting image. */
function resultShape(shape: readonly number[], [, ...image]: readonly number[]): number[] {
  return shape.length === 2 ? image.slice(0, 2) : [...shape.slice(0, -3), ...image];
}
