import * as tf from '@tensorflow/tfjs';
import { jitterTensors } from '../color_jitter/composed';
import { hasKernel } from '../has_kernel';
import type { WarpAttrs } from './contract';
import { cornersOf } from './places';

/** Kernel `CtWarp` as tensor operations. */
export function warpTensors(images: tf.Tensor4D, attrs: WarpAttrs): tf.Tensor4D {
  return hasKernel(tf.Transform) ? warpByTransform(images, attrs) : warpByGather(images, attrs);
}

/** Gathers for every pixel of the result the four that surround its position. */
export function warpByGather(images: tf.Tensor4D, attrs: WarpAttrs): tf.Tensor4D {
  const [count, height, width, channels] = images.shape;
  const [outHeight, outWidth] = attrs.size;
  const { corners, cover } = cornersOf([height, width], attrs);
  return tf.tidy(() => {
    const pixels = tf.reshape(images, [count, height * width, channels]);
    const parts = corners.map(({ places, weights }) =>
      tf.mul(tf.gather(pixels, tf.tensor1d(places, 'int32'), 1), tf.tensor2d(weights, [weights.length, 1])),
    );
    const outside = tf.mul(tf.sub(1, tf.tensor2d(cover, [cover.length, 1])), attrs.fill);
    const moved = parts.reduce<tf.Tensor>((sum, part) => tf.add(sum, part), outside);
    const result = tf.reshape(moved, [count, outHeight, outWidth, channels]) as tf.Tensor4D;
    return attrs.jitter ? jitterTensors(result, attrs.jitter) : result;
  });
}

function warpByTransform(images: tf.Tensor4D, attrs: WarpAttrs): tf.Tensor4D {
  const [count, height, width, channels] = images.shape;
  const [outHeight, outWidth] = attrs.size;
  return tf.tidy(() => {
    // images become channels of one image: the kernel of tfjs 4.22's cpu backend returns after the first image
    const wide = tf.reshape(tf.transpose(images, [1, 2, 0, 3]), [1, height, width, count * channels]);
    const moved =
      height === outHeight && width === outWidth
        ? readAt(wide as tf.Tensor4D, attrs.matrix, attrs)
        : readResized(wide as tf.Tensor4D, attrs);
    const stack = tf.reshape(moved, [outHeight, outWidth, count, channels]);
    const result = tf.transpose(stack, [2, 0, 1, 3]) as tf.Tensor4D;
    return attrs.jitter ? jitterTensors(result, attrs.jitter) : result;
  });
}

function readAt(
  image: tf.Tensor4D,
  matrix: readonly number[],
  { nearest, fill, size }: WarpAttrs,
  fillMode: 'constant' | 'nearest' = 'constant',
): tf.Tensor4D {
  const transform = tf.tensor2d([...matrix, 0, 0], [1, 8]);
  return tf.image.transform(image, transform, nearest ? 'nearest' : 'bilinear', fillMode, fill, [...size]);
}

/** Which pixels lie outside is defined in the image of the new size, so a mask of that size is transformed too. */
function readResized(image: tf.Tensor4D, attrs: WarpAttrs): tf.Tensor4D {
  const [, height, width] = image.shape;
  const [outHeight, outWidth] = attrs.size;
  const [a, b, c, d, e, f] = attrs.matrix as [number, number, number, number, number, number];
  const x = width / outWidth;
  const y = height / outHeight;
  const toSource = [a * x, b * x, (c + 0.5) * x - 0.5, d * y, e * y, (f + 0.5) * y - 0.5];
  const inside = readAt(image, toSource, attrs, 'nearest');
  const cover = readAt(tf.ones([1, outHeight, outWidth, 1]), attrs.matrix, { ...attrs, fill: 0 });
  return tf.add(tf.mul(inside, cover), tf.mul(tf.sub(1, cover), attrs.fill));
}
