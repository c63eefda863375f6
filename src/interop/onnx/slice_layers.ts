import type { PerLabel } from '../../layers/wrappers/per_label';
import type { PerSlice } from '../../layers/wrappers/per_slice';
import type { ResidualNeck } from '../../layers/residual_neck';
import type { SliceConv1D } from '../../layers/slice_conv1d';
import type { SlicePooling } from '../../layers/slice_pooling';
import { activated, channelsLast, linear, weightOf, type Emitter } from './emitter';
import { permuted, type Graph } from './graph';
import { DATA_TYPES } from './messages';
import { maskOfRank, maskOfValue, repeatedMask, withoutPadding, type SliceMask } from './slice_mask';

/** Slices folded into the batch and back. */
export const perSlice: Emitter = (layer, [input], { graph, inner }) => {
  const { layer: innerLayer, maskValue } = layer as PerSlice;
  const { name, shape } = input!;
  const rest = shape.slice(2);
  const known = rest.every((size) => size !== null);
  const folded = graph.reshape(name, [[-1], known ? rest : graph.shapeOf(name, 2)]);
  const output = inner(innerLayer, { name: folded, shape: [null, ...rest] });
  const out = channelsLast(graph, output);
  const unfolded = graph.reshape(out, [graph.shapeOf(name, 0, 2), graph.shapeOf(out, 1)]);
  const mask = maskValue === undefined ? input!.mask : maskOfValue(graph, name, maskValue, input!.mask);
  return { name: unfolded, mask };
};

/** Labels folded into the batch and back. */
export const perLabel: Emitter = (layer, [input], { graph, inner }) => {
  const { name, shape, mask } = input!;
  const [, , labels, features] = shape as [null, null, number, number];
  const swapped = graph.transpose(name, [0, 2, 1, 3]);
  const output = inner((layer as PerLabel).layer, {
    name: graph.reshape(swapped, [[-1], graph.shapeOf(swapped, 2)]),
    shape: [null, null, features],
    mask: mask && repeatedMask(graph, mask, labels),
  });
  const unfolded = graph.reshape(output.name, [graph.shapeOf(swapped, 0, 2), graph.shapeOf(output.name, 1)]);
  return { name: graph.transpose(unfolded, [0, 2, 1, 3]), mask };
};

/** A convolution over the slices. */
export const sliceConv1d: Emitter = (layer, [input], emission) => {
  const { kernelSize, activation } = layer as SliceConv1D;
  const { graph } = emission;
  const { mask } = input!;
  const x = graph.transpose(withoutPadding(graph, input!.name, mask, 3), [0, 2, 1]);
  const before = Math.floor((kernelSize - 1) / 2);
  const kernel = graph.kernel('kernel', permuted(weightOf(emission, 'kernel'), [2, 1, 0]));
  const bias = graph.exact('bias', weightOf(emission, 'bias'));
  const y = graph.op('Conv', [x, kernel, bias], { pads: [before, kernelSize - 1 - before] });
  return { name: activated(emission, graph.transpose(y, [0, 2, 1]), activation), mask };
};

/** Each slice's features and their differences from the neighbours' features. */
export const sliceDifferences: Emitter = (_layer, [input], { graph }) => {
  const { name, mask } = input!;
  const real = mask && graph.op('Cast', [mask.real], { to: DATA_TYPES.int32 });
  const difference = (step: -1 | 1) => {
    const moved = shifted(graph, name, step);
    if (!real) return graph.op('Sub', [name, moved]);
    // next to padding the difference is zero
    const both = graph.op('Mul', [real, shifted(graph, real, step)]);
    const there = graph.op('Unsqueeze', [graph.op('Cast', [both], { to: DATA_TYPES.bool }), graph.ints([2])]);
    return graph.op('Sub', [name, graph.op('Where', [there, moved, name])]);
  };
  return { name: graph.op('Concat', [name, difference(-1), difference(1)], { axis: 2 }), mask };
};

/** Shifted along axis 1, repeating the slice at the end. */
function shifted(graph: Graph, x: string, step: -1 | 1): string {
  const end = Number.MAX_SAFE_INTEGER;
  const part = (from: number, to: number) =>
    graph.op('Slice', [x, graph.ints([from]), graph.ints([to]), graph.ints([1])]);
  return graph.op('Concat', step === -1 ? [part(0, 1), part(0, -1)] : [part(1, end), part(-1, end)], { axis: 1 });
} // prettier-ignore

/** Finite, and below any float32 value that occurs. */
const LOWEST = -3e38;

/** The slices of a patient pooled into one vector. */
export const slicePooling: Emitter = (layer, [input], emission) => {
  const { mode, gated } = layer as SlicePooling;
  const { graph } = emission;
  const { shape, mask } = input!;
  const x = withoutPadding(graph, input!.name, mask, shape.length);
  if (mode === 'max') return { name: largest(graph, x, mask, shape.length) };
  let hidden = graph.op('Tanh', [linear(emission, x, 'hidden_kernel', 'hidden_bias')]);
  if (gated) {
    const gate = graph.op('Sigmoid', [linear(emission, x, 'gate_kernel', 'gate_bias')]);
    hidden = graph.op('Mul', [hidden, gate]);
  }
  const ratings = withLowest(graph, linear(emission, hidden, 'rating_kernel'), mask, shape.length);
  const weights = withoutPadding(graph, graph.op('Softmax', [ratings], { axis: 1 }), mask, shape.length);
  const weighed = graph.op('Mul', [weights, x]);
  return { name: graph.op('ReduceSum', [weighed, graph.ints([1])], { keepdims: 0 }) };
};

/** The maximum over the real slices, 0 if there is none. */
function largest(graph: Graph, x: string, mask: SliceMask | undefined, rank: number): string {
  const most = graph.op('ReduceMax', [withLowest(graph, x, mask, rank)], { axes: [1], keepdims: 0 });
  if (!mask) return most;
  const some = graph.op('Greater', [most, graph.floats([LOWEST], [])]);
  return graph.op('Where', [some, most, graph.floats([0], [])]);
}

const withLowest = (graph: Graph, x: string, mask: SliceMask | undefined, rank: number): string =>
  mask ? graph.op('Where', [maskOfRank(graph, mask, rank), x, graph.floats([LOWEST], [])]) : x;

/** The features of the backbone and of the slice layer, combined. */
export const residualNeck: Emitter = (layer, inputs, emission) => {
  const { mode, activation } = layer as ResidualNeck;
  const { graph } = emission;
  const [cnn, slice] = inputs.map(({ name }) => name) as [string, string];
  const mask = inputs.find((input) => input.mask)?.mask;
  const projected = emission.weight('kernel') ? linear(emission, slice, 'kernel', 'bias') : slice;
  const sum =
    mode === 'concat'
      ? graph.op('Concat', [cnn, slice], { axis: -1 })
      : graph.op('Add', [cnn, projected]);
  return { name: activated(emission, sum, activation), mask };
}; // prettier-ignore

/** One linear head per label. */
export const labelLinear: Emitter = (_layer, [input], emission) => {
  const { graph } = emission;
  const product = graph.op('Mul', [input!.name, graph.kernel('kernel', weightOf(emission, 'kernel'))]);
  const sum = graph.op('ReduceSum', [product, graph.ints([-1])], { keepdims: 0 });
  return { name: graph.op('Add', [sum, graph.exact('bias', weightOf(emission, 'bias'))]), mask: input!.mask };
};
