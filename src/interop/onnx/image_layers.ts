import type * as tf from '@tensorflow/tfjs';
import { check } from '../../base/checks';
import { IMAGENET_MEAN, IMAGENET_STD } from '../../layers/input_layers';
import {
  activated,
  activationOf,
  channelsFirst,
  perChannel,
  weightOf,
  type Emission,
  type Emitter,
  type Value,
} from './emitter';
import { permuted } from './graph';

/** Fields of layer classes that tfjs does not export. */
interface Windowed {
  poolSize: number[];
  strides: number[];
  dilationRate: number | number[];
  padding: string;
  dataFormat?: string;
}

/** Attributes of the window of a convolution or pooling. */
function windowOf(layer: tf.layers.Layer, size: readonly number[], { where }: Emission): Record<string, string | number[]> {
  const { strides, dilationRate = 1, padding, dataFormat } = layer as unknown as Windowed;
  check((dataFormat ?? 'channelsLast') === 'channelsLast', `exportOnnx: ${where}: dataFormat`, "'channelsLast'", dataFormat);
  const [steps, rates] = [strides, dilationRate].map((given) => (Array.isArray(given) ? given : [given, given])) as [number[], number[]];
  const dilated = rates.some((rate) => rate !== 1);
  const common = { kernel_shape: [...size], strides: [...steps], ...(dilated && { dilations: [...rates] }) };
  if (padding === 'valid') return common;
  if (steps.some((step) => step !== 1)) return { ...common, auto_pad: 'SAME_UPPER' };
  const total = size.map((n, axis) => (n - 1) * rates[axis]!);
  const before = total.map((n) => Math.floor(n / 2));
  return { ...common, pads: [...before, ...total.map((n, axis) => n - before[axis]!)] };
} // prettier-ignore

/** A convolution, full or depthwise. */
const convolution =
  (kernelName: string): Emitter =>
  (layer, [input], emission) => {
    const { graph } = emission;
    const numbers = weightOf(emission, kernelName);
    const [height, width, inputs, outputs] = numbers.shape as [number, number, number, number];
    const depthwise = kernelName === 'depthwise_kernel';
    const kernel = depthwise
      ? { values: permuted(numbers, [2, 3, 0, 1]).values, shape: [inputs * outputs, 1, height, width] }
      : permuted(numbers, [3, 2, 0, 1]);
    const bias = emission.weight('bias');
    const names = [graph.kernel('kernel', kernel), ...(bias ? [graph.exact('bias', bias)] : [])];
    const y = graph.op('Conv', [channelsFirst(graph, input!), ...names], {
      ...windowOf(layer, [height, width], emission),
      ...(depthwise && { group: inputs }),
    });
    return { name: activated(emission, y, activationOf(layer)), channelsFirst: true };
  };

export const conv2d = convolution('kernel');
export const depthwiseConv2d = convolution('depthwise_kernel');

/** `scale x + shift`: batch normalisation with stored statistics. */
export const batchNormalization: Emitter = (layer, [input], emission) => {
  const { axis, epsilon } = layer as unknown as { axis: number; epsilon: number };
  const rank = input!.shape.length;
  const last = axis === -1 || axis === rank - 1;
  check(last, `exportOnnx: ${emission.where}: axis`, 'the last', axis);
  const { graph } = emission;
  const [mean, variance] = ['moving_mean', 'moving_variance'].map((name) => weightOf(emission, name));
  const [gamma, beta] = ['gamma', 'beta'].map((name) => emission.weight(name)?.values);
  const scale = Array.from(variance!.values, (v, i) => (gamma?.[i] ?? 1) / Math.sqrt(v + epsilon));
  const shift = scale.map((s, i) => (beta?.[i] ?? 0) - s * mean!.values[i]!);
  const constant = (name: string, values: number[]) =>
    graph.exact(name, perChannel({ values, shape: [values.length] }, input!));
  const scaled = graph.op('Mul', [input!.name, constant('scale', scale)]);
  return sameLayout(input!, graph.op('Add', [scaled, constant('shift', shift)]));
};

/** An output with the input's layout and mask. */
export const sameLayout = ({ channelsFirst: first, mask }: Value, name: string) => ({
  name,
  mask,
  channelsFirst: first,
});

const pool =
  (opType: string): Emitter =>
  (layer, [input], emission) => {
    const window = windowOf(layer, (layer as unknown as Windowed).poolSize, emission);
    return { name: emission.graph.op(opType, [channelsFirst(emission.graph, input!)], window), channelsFirst: true };
  }; // prettier-ignore

export const maxPooling2d = pool('MaxPool');
export const averagePooling2d = pool('AveragePool');

const globalPool =
  (opType: string): Emitter =>
  (_layer, [input], { graph }) => ({
    name: graph.op(opType, [channelsFirst(graph, input!)], { axes: [2, 3], keepdims: 0 }),
  });

export const globalAveragePooling2d = globalPool('ReduceMean');
export const globalMaxPooling2d = globalPool('ReduceMax');

export const zeroPadding2d: Emitter = (layer, [input], { graph }) => {
  const { padding } = layer as unknown as { padding: [[number, number], [number, number]] };
  const [[top, bottom], [left, right]] = padding;
  const pads = graph.ints([0, 0, top, left, 0, 0, bottom, right]);
  return { name: graph.op('Pad', [channelsFirst(graph, input!), pads]), channelsFirst: true };
};

export const grayToRgb: Emitter = (_layer, [input], { graph }) => {
  const x = channelsFirst(graph, input!);
  return { name: graph.op('Concat', [x, x, x], { axis: 1 }), channelsFirst: true };
};

export const imageNetNormalization: Emitter = (_layer, [input], { graph }) => {
  const centred = graph.op('Sub', [channelsFirst(graph, input!), graph.floats(IMAGENET_MEAN, [3, 1, 1])]);
  return { name: graph.op('Div', [centred, graph.floats(IMAGENET_STD, [3, 1, 1])]), channelsFirst: true };
};
