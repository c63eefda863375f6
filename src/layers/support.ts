import * as tf from '@tensorflow/tfjs';
import { check, isPositiveInteger } from '../base/checks';
import type { LayerVariable, Shape } from '../base/types';
import { oneShape, type CtLayer } from './layer';

/** Width of the one input `[batch, slices, features]` that a layer is built for. */
export function featuresOfSlices(inputShape: Shape | Shape[], layer: string): number {
  const shape = oneShape(inputShape, layer);
  const features = shape.at(-1);
  check(shape.length === 3, layer, 'input [batch, slices, features]', shape);
  check(isPositiveInteger(features), layer, 'a fixed number of features', shape);
  return features;
}

/** Throws unless `x` is [batch, slices, ...] with at least one slice. */
export function checkSlices(x: tf.Tensor, rank: number, layer: string): void {
  check(x.rank === rank, layer, `input of rank ${rank}`, x);
  check(x.shape[1]! >= 1, layer, 'at least one slice on axis 1', x);
}

/** `tf.unstack`, whose gradient fails if there is only one part. */
export function unstack(x: tf.Tensor, axis = 0): tf.Tensor[] {
  return x.shape[axis] === 1 ? [tf.squeeze(x, [axis])] : tf.unstack(x, axis);
}

/** Kernel [in, out] and bias [out] of a linear map. */
export interface Linear {
  kernel: LayerVariable;
  bias: LayerVariable;
}

/** Creates a linear map's weights on `layer`, its `n`-th and the next. */
export function addLinear(
  layer: CtLayer,
  options: { prefix?: string; inputs: number; outputs: number; n?: number },
): Linear {
  const { prefix = '', inputs, outputs, n = 0 } = options;
  return {
    kernel: layer['uniformWeight'](`${prefix}kernel`, [inputs, outputs], inputs, n),
    bias: layer['uniformWeight'](`${prefix}bias`, [outputs], inputs, n + 1),
  };
}

/** `x W + b` on the last axis of `x`, whatever the leading axes. */
export function applyLinear(x: tf.Tensor, { kernel, bias }: Linear): tf.Tensor {
  const flat = tf.reshape(x, [-1, x.shape.at(-1)!]) as tf.Tensor2D;
  const y = tf.add(tf.matMul(flat, kernel.read() as tf.Tensor2D), bias.read());
  return tf.reshape(y, [...x.shape.slice(0, -1), y.shape[1]!]);
}
