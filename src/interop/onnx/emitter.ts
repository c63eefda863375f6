import type * as tf from '@tensorflow/tfjs';
import { check } from '../../base/checks';
import type { Shape } from '../../base/types';
import type { Graph, Numbers } from './graph';
import type { SliceMask } from './slice_mask';

/** A value of the graph. */
export interface Value {
  name: string;
  /** As in tfjs, with channels as the last axis; null where the size is known only at run time. */
  shape: Shape;
  /** Whether it is `[n, channels, height, width]` in the graph, the layout of ONNX's convolutions. */
  channelsFirst?: boolean;
  /** Which slices are real, unless all are. */
  mask?: SliceMask | undefined;
}

/** What an {@link Emitter} works with. */
export interface Emission {
  graph: Graph;
  /** Name of the layer within the model, for errors. */
  where: string;
  /** A weight of the layer by its name; undefined if the layer has none of this name. */
  weight(name: string): Numbers | undefined;
  /** Adds an inner layer or model. */
  inner(layer: tf.layers.Layer, input: Value): Value;
}

/** A layer's output in the graph: its name, layout and mask. */
export type Emitted = Omit<Value, 'shape'>;

/** Adds a layer of one class to the graph. */
export type Emitter = (layer: tf.layers.Layer, inputs: Value[], emission: Emission) => Emitted;

/** A weight that the layer must have. */
export function weightOf({ weight, where }: Emission, name: string): Numbers {
  const numbers = weight(name);
  check(numbers !== undefined, `exportOnnx: ${where}`, `a weight '${name}'`, numbers);
  return numbers;
}

/** Name of a value with channels last, as in tfjs. */
export function channelsLast(graph: Graph, { name, channelsFirst }: Value): string {
  return channelsFirst ? graph.once(`last ${name}`, () => graph.transpose(name, [0, 2, 3, 1])) : name;
}

/** Name of a value `[n, channels, height, width]`. */
export function channelsFirst(graph: Graph, value: Value): string {
  if (value.channelsFirst) return value.name;
  return graph.once(`first ${value.name}`, () => graph.transpose(value.name, [0, 3, 1, 2]));
}

/** Per-channel numbers, shaped to broadcast to a value's channels. */
export function perChannel({ values }: Numbers, value: Pick<Value, 'channelsFirst'>): Numbers {
  return { values, shape: value.channelsFirst ? [values.length, 1, 1] : [values.length] };
}

/** `x W + b` on the last axis. */
export function linear(emission: Emission, x: string, kernel: string, bias?: string): string {
  const { graph } = emission;
  const product = graph.op('MatMul', [x, graph.kernel(kernel, weightOf(emission, kernel))]);
  const offset = bias === undefined ? undefined : emission.weight(bias);
  return offset ? graph.op('Add', [product, graph.exact(bias!, offset)]) : product;
}

/** ONNX's names of the activations that are one node. */
const ACTIVATIONS: Readonly<Record<string, string>> = {
  relu: 'Relu',
  elu: 'Elu',
  selu: 'Selu',
  sigmoid: 'Sigmoid',
  hardSigmoid: 'HardSigmoid',
  tanh: 'Tanh',
  softplus: 'Softplus',
  softsign: 'Softsign',
};

/** Applies an activation by tfjs's name. */
export function activated({ graph, where }: Emission, x: string, activation: string): string {
  if (activation === 'linear') return x;
  if (activation === 'relu6') return graph.op('Clip', [x, graph.floats([0], []), graph.floats([6], [])]);
  if (activation === 'swish') return graph.op('Mul', [x, graph.op('Sigmoid', [x])]);
  const known = [...Object.keys(ACTIVATIONS), 'linear', 'relu6', 'swish'].join(', ');
  const opType = ACTIVATIONS[activation];
  check(opType !== undefined, `exportOnnx: ${where}: activation`, `one of ${known}`, activation);
  return graph.op(opType, [x]);
}

/** tfjs's name of a layer's activation. */
export function activationOf(layer: tf.layers.Layer): string {
  const { activation } = layer as { activation?: string | tf.serialization.Serializable | null };
  if (typeof activation === 'string') return activation;
  return activation?.getClassName() ?? 'linear';
}
