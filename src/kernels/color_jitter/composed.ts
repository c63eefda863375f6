import * as tf from '@tensorflow/tfjs';
import type { ColorJitterAttrs } from './contract';

/** Kernel `CtColorJitter` as tensor operations. */
export function jitterTensors(x: tf.Tensor4D, { brightness, contrast }: ColorJitterAttrs): tf.Tensor4D {
  const bright = tf.clipByValue<tf.Tensor4D>(brightness === 1 ? x : tf.mul(x, brightness), 0, 1);
  if (contrast === 1) return bright;
  return tf.clipByValue(contrasted(bright, contrast), 0, 1);
}

/** `contrast * y + (1 - contrast) * m`, not clipped. */
function contrasted(bright: tf.Tensor4D, contrast: number): tf.Tensor4D {
  const mean = tf.mean(luminance(bright), [1, 2, 3], true); // [N, 1, 1, 1]
  return tf.add(tf.mul(bright, contrast), tf.mul(mean, 1 - contrast));
}

/** Weights of red, green and blue in the grey image. */
export const LUMINANCE = [0.2989, 0.587, 0.114];

/** Grey image `[N, h, w, 1]` of three channels; other images unchanged. */
function luminance(x: tf.Tensor4D): tf.Tensor {
  return x.shape[3] === 3 ? tf.sum(tf.mul(x, LUMINANCE), 3, true) : x;
}

export function jitterGradient(
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  brightness: number,
  contrast: number,
): tf.Tensor4D {
  const [, height, width, channels] = x.shape;
  const scaled = tf.mul(x, brightness) as tf.Tensor4D;
  let gradient = dy;
  if (contrast !== 1) {
    const lit = contrasted(tf.clipByValue(scaled, 0, 1), contrast);
    const passed = whereInside(lit, dy);
    // through the mean, each pixel affects all others
    const share = channels === 3 ? LUMINANCE : 1 / channels;
    const throughMean = tf.mul(tf.sum(passed, [1, 2, 3], true), (1 - contrast) / (height * width));
    gradient = tf.add(tf.mul(passed, contrast), tf.mul(throughMean, share));
  }
  return tf.mul(whereInside(scaled, gradient), brightness);
}

/** `gradient` where `x` is within 0..1, else 0. */
function whereInside(x: tf.Tensor4D, gradient: tf.Tensor4D): tf.Tensor4D {
  return tf.where(tf.logicalAnd(tf.greaterEqual(x, 0), tf.lessEqual(x, 1)), gradient, 0);
}
