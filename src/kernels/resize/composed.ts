import * as tf from '@tensorflow/tfjs';
import type { AxisFilter, ResizeAttrs } from './contract';

/** Kernel `CtResize` as tensor operations: matrix products, one along each axis. */
export function resizeTensors(x: tf.Tensor4D, { rows, columns }: ResizeAttrs): tf.Tensor4D {
  const [, height, width] = x.shape;
  return alongBothAxes(x, denseWeights(rows, height), denseWeights(columns, width));
}

/** The gradient: the same filters, transposed. */
export function resizeGradient(dy: tf.Tensor4D, x: tf.Tensor4D, { rows, columns }: ResizeAttrs): tf.Tensor4D {
  const [, height, width] = x.shape;
  const turned = (filter: AxisFilter, from: number) => tf.transpose(denseWeights(filter, from));
  return alongBothAxes(dy, turned(rows, height), turned(columns, width));
}

/** Multiplies rows `[h, newH]` and columns `[w, newW]` of `[n, h, w, c]` by matrices. */
function alongBothAxes(x: tf.Tensor4D, rows: tf.Tensor2D, columns: tf.Tensor2D): tf.Tensor4D {
  const [count, height, width, channels] = x.shape;
  const [newHeight, newWidth] = [rows.shape[1], columns.shape[1]];
  // both products are `[many, from] · [from, to]`, for which every backend has a fast kernel
  const planes = channels === 1 ? x : tf.transpose(x, [0, 3, 1, 2]);
  const wide = tf.matMul(tf.reshape(planes, [-1, width]), columns);
  const turned = tf.transpose(tf.reshape(wide, [count, channels, height, newWidth]), [0, 1, 3, 2]);
  const sized = tf.matMul(tf.reshape(turned, [-1, height]), rows);
  return tf.transpose(tf.reshape(sized, [count, channels, newWidth, newHeight]), [0, 3, 2, 1]);
}

/** The filter as a matrix `[from, to]`. */
function denseWeights({ taps, first, weights }: AxisFilter, from: number): tf.Tensor2D {
  const to = first.length;
  const matrix = new Float32Array(from * to);
  for (let i = 0; i < to; i++) {
    for (let t = 0; t < taps; t++) matrix[(first[i]! + t) * to + i] = weights[i * taps + t]!;
  }
  return tf.tensor2d(matrix, [from, to]);
}
