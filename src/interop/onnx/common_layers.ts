import { check } from '../../base/checks';
import {
  activated,
  activationOf,
  channelsFirst,
  channelsLast,
  linear,
  type Emitter,
  type Value,
} from './emitter';
import type { Graph } from './graph';
import { sameLayout } from './image_layers';

export const dense: Emitter = (layer, [input], emission) => {
  const y = linear(emission, channelsLast(emission.graph, input!), 'kernel', 'bias');
  return { name: activation(y, activationOf(layer), emission), mask: input!.mask };
};

/** An activation, including softmax, of values with channels last. */
function activation(x: string, name: string, emission: Parameters<Emitter>[2]): string {
  return name === 'softmax' ? emission.graph.op('Softmax', [x], { axis: -1 }) : activated(emission, x, name);
}

export const activationLayer: Emitter = (layer, [input], emission) => {
  const name = activationOf(layer);
  if (name !== 'softmax') return sameLayout(input!, activated(emission, input!.name, name));
  return { name: activation(channelsLast(emission.graph, input!), name, emission), mask: input!.mask };
};

export const reLU: Emitter = (layer, [input], { graph }) => {
  const { maxValue } = layer as { maxValue?: number | null };
  const most = maxValue ?? undefined;
  const y =
    most === undefined
      ? graph.op('Relu', [input!.name])
      : graph.op('Clip', [input!.name, graph.floats([0], []), graph.floats([most], [])]);
  return sameLayout(input!, y);
};

/** Layers that do nothing outside training. */
export const identity: Emitter = (_layer, [input]) => sameLayout(input!, input!.name);

/** Element-wise operations on inputs of equal rank. */
const elementwise =
  (opType: string): Emitter =>
  (_layer, inputs, { graph, where }) => {
    const ranks = inputs.map(({ shape }) => shape.length);
    check(new Set(ranks).size === 1, `exportOnnx: ${where}`, 'inputs of equal rank', ranks);
    const { names, ...layout } = together(graph, inputs);
    return { name: names.slice(1).reduce((sum, name) => graph.op(opType, [sum, name]), names[0]!), ...layout };
  }; // prettier-ignore

export const add = elementwise('Add');
export const multiply = elementwise('Mul');

export const concatenate: Emitter = (layer, inputs, { graph, where }) => {
  const { axis } = layer as unknown as { axis: number };
  const rank = inputs[0]!.shape.length;
  check(axis === -1 || axis === rank - 1, `exportOnnx: ${where}: axis`, 'the last', axis);
  const { names, ...layout } = together(graph, inputs);
  return { name: graph.op('Concat', names, { axis: layout.channelsFirst ? 1 : rank - 1 }), ...layout };
};

/** Names of values, brought to the same layout. */
function together(graph: Graph, inputs: Value[]): { names: string[]; channelsFirst?: true; mask: Value['mask'] } {
  const mask = inputs.find((input) => input.mask)?.mask;
  if (!inputs.some((input) => input.channelsFirst)) return { names: inputs.map(({ name }) => name), mask };
  return { names: inputs.map((input) => channelsFirst(graph, input)), channelsFirst: true, mask };
} // prettier-ignore

export const flatten: Emitter = (_layer, [input], { graph }) => ({
  name: graph.reshape(channelsLast(graph, input!), [[0, -1]]),
});

export const reshape: Emitter = (layer, [input], { graph }) => {
  const { targetShape } = layer as unknown as { targetShape: (number | null)[] };
  return {
    name: graph.reshape(channelsLast(graph, input!), [[0, ...targetShape.map((size) => size ?? -1)]]),
  };
};
