import type { LabelRNNDecoder } from '../../layers/label_rnn_decoder';
import type { SliceDependencyGRU } from '../../layers/slice_dependency_gru';
import { linear, weightOf, type Emission, type Emitter } from './emitter';
import type { Graph, Numbers } from './graph';
import { withoutPadding, type SliceMask } from './slice_mask';

/**
 * Index in our order of each gate in ONNX's order. GRU: reset, update, new (ONNX: update, reset, hidden). LSTM: input,
 * forget, cell, output (ONNX: input, output, forget, cell).
 */
const GATES = { GRU: [1, 0, 2], LSTM: [0, 3, 1, 2] } as const;

type Cell = keyof typeof GATES;

/**
 * Stacked weights of the directions: W `[d, gates * units, features]`, R `[d, gates * units, units]`, B
 * `[d, 2 * gates * units]`.
 */
function recurrentWeights(emission: Emission, cell: Cell, prefixes: readonly string[]): string[] {
  const { graph } = emission;
  const order = GATES[cell];
  const stacked = (parts: Numbers[]): Numbers => ({
    values: Float32Array.from(parts.flatMap(({ values }) => Array.from(values))),
    shape: [parts.length, ...parts[0]!.shape],
  });
  const rows = ({ values, shape }: Numbers): Numbers => {
    const [inputs, width] = shape as [number, number];
    const units = width / order.length;
    const from = (row: number, column: number) => column * width + order[Math.floor(row / units)]! * units + (row % units);
    return { values: Float32Array.from({ length: values.length }, (_, i) => values[from(Math.floor(i / inputs), i % inputs)]!), shape: [width, inputs] };
  }; // prettier-ignore
  const biases = prefixes.map((prefix) => {
    const [own, recurrent] = ['bias', 'recurrent_bias'].map(
      (name) => rows({ ...weightOf(emission, prefix + name), shape: [1, weightOf(emission, prefix + name).shape[0]!] }).values,
    );
    return { values: [...Array.from(own!), ...Array.from(recurrent!)], shape: [2 * own!.length] };
  }); // prettier-ignore
  const recurrent = prefixes.map((prefix) => rows(weightOf(emission, `${prefix}recurrent_kernel`)));
  // without an input kernel (inputs are zero): one input with weight zero
  const kernels = prefixes.map((prefix, d) => {
    const kernel = emission.weight(`${prefix}kernel`);
    const [width] = recurrent[d]!.shape as [number];
    return kernel ? rows(kernel) : { values: new Float32Array(width), shape: [width, 1] };
  });
  return [
    graph.kernel(`${prefixes[0]}W`, stacked(kernels)),
    graph.kernel(`${prefixes[0]}R`, stacked(recurrent)),
    graph.exact(`${prefixes[0]}B`, stacked(biases)),
  ];
}

/** States `[n, steps, directions, units]` of inputs `[steps, n, features]`. */
function recurrence(
  emission: Emission,
  cell: Cell,
  x: string,
  options: { prefixes: readonly string[]; units: number; lengths?: string | undefined; initial?: string },
): string {
  const { prefixes, units, lengths = '', initial = '' } = options;
  const weights = recurrentWeights(emission, cell, prefixes);
  const states = emission.graph.op(cell, [x, ...weights, lengths, initial], {
    hidden_size: units,
    direction: prefixes.length === 2 ? 'bidirectional' : 'forward',
    // the form of PyTorch and cuDNN
    ...(cell === 'GRU' && { linear_before_reset: 1 }),
  });
  return emission.graph.transpose(states, [2, 0, 1, 3]);
}

/** A GRU over the slices. */
export const sliceDependencyGru: Emitter = (layer, [input], emission) => {
  const { units, numLayers, bidirectional, mergeMode, residual } = layer as SliceDependencyGRU;
  const { graph } = emission;
  const directions = bidirectional ? ['', 'backward_'] : [''];
  const mask = input!.mask;
  const order = mask?.scattered ? realSlicesFirst(graph, mask) : undefined;
  let x = order ? gathered(graph, input!.name, order) : input!.name;
  for (let n = 0; n < numLayers; n++) {
    const prefixes = directions.map((direction) => `${direction}l${n}_`);
    const inTime = graph.transpose(x, [1, 0, 2]);
    const states = recurrence(emission, 'GRU', inTime, { prefixes, units, lengths: mask?.lengths });
    const merged =
      mergeMode === 'concat'
        ? graph.reshape(states, [[0, 0, directions.length * units]])
        : graph.op('ReduceSum', [states, graph.ints([2])], { keepdims: 0 });
    x = residual && n > 0 ? graph.op('Add', [x, merged]) : merged;
  }
  const back = order ? scattered(graph, x, order) : x;
  return { name: withoutPadding(graph, back, mask, 3), mask };
};

/**
 * Indices of each stack's slices, stably sorted with the real ones first, int64 `[n, slices]`: ONNX's recurrences pad
 * at the end.
 */
function realSlicesFirst(graph: Graph, { real }: SliceMask): string {
  const slices = graph.shapeOf(real, 1, 2);
  const scalar = graph.op('Squeeze', [slices, graph.ints([0])]);
  const places = graph.op('Range', [graph.ints([0], []), scalar, graph.ints([1], [])]);
  const late = graph.op('Where', [real, graph.ints([0], []), slices]);
  return sorted(graph, graph.op('Add', [late, places]), slices);
}

/** Indices that sort distinct numbers in ascending order, `[n, count]`. */
function sorted(graph: Graph, keys: string, count: string): string {
  const places = graph.op('TopK', [keys, count], { axis: 1, largest: 0, sorted: 1 });
  const node = graph.nodes.at(-1)!;
  node.output.push(`${places}.places`);
  return node.output[1]!;
}

/** Slices `[n, slices, f]` in this order. */
function gathered(graph: Graph, x: string, order: string): string {
  const wide = graph.op('Expand', [graph.op('Unsqueeze', [order, graph.ints([2])]), graph.shapeOf(x, 0)]);
  return graph.op('GatherElements', [x, wide], { axis: 1 });
}

/** The inverse of {@link gathered}. */
function scattered(graph: Graph, x: string, order: string): string {
  return gathered(graph, x, sorted(graph, order, graph.shapeOf(order, 1, 2)));
}

/** A recurrence over the labels with zero inputs, whose initial state is computed from the feature. */
export const labelRnnDecoder: Emitter = (layer, [input], emission) => {
  const { labels, units, cell, bidirectional, returnFeatures } = layer as LabelRNNDecoder;
  const { graph } = emission;
  const prefixes = bidirectional ? ['', 'backward_'] : [''];
  const features = input!.shape.at(-1)!;
  const flat = graph.reshape(input!.name, [[-1, features]]);
  const start = linear(emission, flat, 'initial_kernel', 'initial_bias');
  const one = graph.op('Unsqueeze', [start, graph.ints([0])]);
  const initial = bidirectional ? graph.op('Concat', [one, one], { axis: 0 }) : one;
  const inputs = graph.shape([[labels], graph.shapeOf(flat, 0, 1), [1]]);
  // filled with zero by default
  const zeros = graph.op('ConstantOfShape', [inputs]);
  const kind = cell === 'lstm' ? 'LSTM' : 'GRU';
  const states = recurrence(emission, kind, zeros, { prefixes, units, initial });
  const leading = graph.shapeOf(input!.name, 0, input!.shape.length - 1);
  const width = prefixes.length * units;
  const mask = input!.mask;
  if (returnFeatures) return { name: graph.reshape(states, [leading, [labels, width]]), mask };
  const logits = linear(emission, graph.reshape(states, [[0, 0, width]]), 'head_kernel', 'head_bias');
  return { name: graph.reshape(logits, [leading, [labels]]), mask };
};
