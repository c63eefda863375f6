import * as tf from '@tensorflow/tfjs';
import { check, checkKnownKeys, isPositiveInteger } from '../base/errors';
import type { Kwargs, LayerArgs, LayerVariable, Shape } from '../base/types';

/** What every layer takes, see {@link LayerArgs}. */
const LAYER_ARGS: (keyof LayerArgs)[] = [
  'name',
  'trainable',
  'dtype',
  'inputShape',
  'batchInputShape',
  'batchSize',
  'weights',
  'inputDType',
];

/** Throws unless every one of a layer's arguments is one of `own`, or one that every layer takes. */
export function checkLayerArgs(args: object, own: readonly string[], layer: string): void {
  // tfjs puts `customObjects` into the configuration of a model that it loads
  const { customObjects: _, ...given } = args as { customObjects?: unknown };
  checkKnownKeys(given, [...own, ...LAYER_ARGS], layer);
}

/** The one tensor a layer was called on. */
export function oneTensor(inputs: tf.Tensor | tf.Tensor[], layer: string): tf.Tensor {
  if (!Array.isArray(inputs)) return inputs;
  check(inputs.length === 1, layer, 'one input tensor', inputs);
  return inputs[0]!;
}

/** The one shape a layer was built for. */
export function oneShape(shape: Shape | Shape[], layer: string): Shape {
  if (!isShapeList(shape)) return shape;
  check(shape.length === 1, layer, 'one input', shape);
  return shape[0]!;
}

/** Width of the one input `[batch, slices, features]` that a layer is built for. */
export function featuresOfSlices(inputShape: Shape | Shape[], layer: string): number {
  const shape = oneShape(inputShape, layer);
  const features = shape.at(-1);
  check(shape.length === 3, layer, 'input [batch, slices, features]', shape);
  check(isPositiveInteger(features), layer, 'a fixed number of features', shape);
  return features;
}

/** tfjs passes one shape for one input and a list for several. */
export function isShapeList(shape: Shape | Shape[]): shape is Shape[] {
  return Array.isArray(shape[0]);
}

/** The mask a layer was called with, if any, as float32 [batch, slices]: 1 for real slices, 0 for padding. */
export function sliceMask(kwargs: Kwargs | undefined): tf.Tensor2D | undefined {
  const mask = Array.isArray(kwargs?.mask) ? kwargs.mask[0] : kwargs?.mask;
  return mask ? tf.cast(mask as tf.Tensor2D, 'float32') : undefined;
}

/** Throws unless `x` is [batch, slices, ...] with at least one slice. */
export function checkSlices(x: tf.Tensor, rank: number, layer: string): void {
  check(x.rank === rank, layer, `input of rank ${rank}`, x);
  check(x.shape[1]! >= 1, layer, 'at least one slice on axis 1', x);
}

/** `tf.unstack`, whose gradient fails where there is only one part. */
export function unstack(x: tf.Tensor, axis = 0): tf.Tensor[] {
  return x.shape[axis] === 1 ? [tf.squeeze(x, [axis])] : tf.unstack(x, axis);
}

/** PyTorch's default for recurrent and linear layers: uniform in ±1/sqrt(fanIn). */
export function uniformInitializer(fanIn: number, seed: number | undefined): Initializer {
  const limit = 1 / Math.sqrt(fanIn);
  return tf.initializers.randomUniform({ minval: -limit, maxval: limit, seed });
}
type Initializer = ReturnType<typeof tf.initializers.randomUniform>;

/** A different seed for each weight of a layer, or none when the layer has none. */
export function nthSeed(seed: number | undefined, n: number): number | undefined {
  return seed === undefined ? undefined : seed + n;
}

/** The mask a layer hands on: that of its first masked input. */
export function passMask(mask: tf.Tensor | tf.Tensor[] | undefined): tf.Tensor {
  return (Array.isArray(mask) ? mask.find((m) => m) : mask) as tf.Tensor;
}

/** Kernel [in, out] and bias [out] of a linear map. */
export interface Linear {
  kernel: LayerVariable;
  bias: LayerVariable;
}

/** Creates a linear map's weights on `layer`, drawn as PyTorch draws them. */
export function addLinear(
  layer: tf.layers.Layer,
  options: { prefix?: string; inputs: number; outputs: number; seed?: number | undefined },
): Linear {
  const { prefix = '', inputs, outputs, seed } = options;
  const add = (name: string, shape: number[], n: number) =>
    layer['addWeight'](
      prefix + name,
      shape,
      'float32',
      uniformInitializer(inputs, nthSeed(seed, n)),
      undefined,
      true,
    );
  return { kernel: add('kernel', [inputs, outputs], 0), bias: add('bias', [outputs], 1) };
}

/** `x W + b` on the last axis of `x`, whatever the leading axes. */
export function applyLinear(x: tf.Tensor, { kernel, bias }: Linear): tf.Tensor {
  const flat = tf.reshape(x, [-1, x.shape.at(-1)!]) as tf.Tensor2D;
  const y = tf.add(tf.matMul(flat, kernel.read() as tf.Tensor2D), bias.read());
  return tf.reshape(y, [...x.shape.slice(0, -1), y.shape[1]!]);
}
