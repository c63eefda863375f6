import * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import { optional, rule } from '../base/options';
import { PerSlice } from '../layers/wrappers/per_slice';
import type { Kwargs } from '../base/types';

/** A model taken apart where memory is spent: the backbone that sees one slice at a time, and the head above it. */
export interface ModelParts {
  perSlice: PerSlice;
  /** The model that `perSlice` runs. */
  backbone: tf.layers.Layer;
  backboneVariables: tf.Variable[];
  headVariables: tf.Variable[];
}

/**
 * Finds the backbone and the head of a model that starts with a {@link PerSlice} on its only input.
 *
 * @throws ArgumentError for a model of another form.
 */
export function modelParts(model: tf.LayersModel): ModelParts {
  const perSlice = model.layers.find((layer) => layer instanceof PerSlice);
  const startsThere = perSlice?.input === model.inputs[0] && model.inputs.length === 1;
  const expected =
    'a model of one input and one output that starts with PerSlice, as buildCtBrainModel makes it';
  const classes = model.layers.map((layer) => layer.getClassName());
  check(perSlice !== undefined && startsThere && model.outputs.length === 1, 'model', expected, classes);
  const variables = (layers: tf.layers.Layer[]) =>
    layers.flatMap((layer) => layer.trainableWeights.map((weight) => weight.read() as tf.Variable));
  return {
    perSlice,
    backbone: perSlice.layer,
    backboneVariables: variables([perSlice]),
    headVariables: variables(model.layers.filter((layer) => layer !== perSlice)),
  };
}

/**
 * The backbone of a model, e.g. to load its weights or to freeze it.
 *
 * @throws ArgumentError for a model that {@link buildCtBrainModel} did not make.
 * @example
 * ```ts
 * loadTorchWeights(backboneOf(model), readSafetensors(bytes));
 * ```
 */
export function backboneOf(model: tf.LayersModel): tf.LayersModel {
  const { backbone } = modelParts(model);
  const expected = 'a model whose backbone is a model';
  check(backbone instanceof tf.LayersModel, 'backboneOf: model', expected, backbone);
  return backbone;
}

/** Name of the layer that classifies a slice by itself, in models that have one. */
export const SLICE_CLASSIFIER = 'slice_classifier';

/**
 * Runs the classifier that sees each slice by itself on features `[batch, slices, f]`.
 *
 * @throws ArgumentError for a model without one.
 */
export function runSliceClassifier(
  model: tf.LayersModel,
  parts: ModelParts,
  features: tf.Tensor,
  options: { training: boolean; mask?: tf.Tensor | undefined },
): tf.Tensor {
  const classifier = model.layers.find(({ name }) => name === SLICE_CLASSIFIER);
  check(classifier !== undefined, 'model', 'a model built with sliceClassifier: true', model.name);
  return runBetween(
    parts.perSlice.output as tf.SymbolicTensor,
    classifier.output as tf.SymbolicTensor,
    features,
    options,
  );
}

/**
 * What a model's outputs are of: each slice, or the patient as a whole.
 *
 * @inline
 */
export type OutputLevel = 'slices' | 'patients';

/**
 * Whether a model's logits are `[batch, slices, labels]` or `[batch, labels]`.
 *
 * @throws ArgumentError for a model whose output is neither.
 * @example
 * ```ts
 * outputLevel(buildCtBrainModel({ output: 'patient' })); // 'patients'
 * ```
 */
export function outputLevel(model: tf.LayersModel): OutputLevel {
  const { shape } = model.outputs[0]!;
  const rule = 'logits [batch, slices, labels] or [batch, labels]';
  check(model.outputs.length === 1 && (shape.length === 2 || shape.length === 3), 'model', rule, shape);
  return shape.length === 2 ? 'patients' : 'slices';
}

/** Features `[n, f]` of slices `[n, h, w, c]`. */
export function runBackbone(
  { backbone }: ModelParts,
  slices: tf.Tensor,
  options: { training: boolean },
): tf.Tensor {
  const output = backbone.call(slices, options);
  return Array.isArray(output) ? output[0]! : output;
}

/** Runs the layers above the backbone on features `[batch, slices, f]`; a layer may end the mask, as `SlicePooling` does. */
export function runHead(
  model: tf.LayersModel,
  parts: ModelParts,
  features: tf.Tensor,
  options: { training: boolean; mask?: tf.Tensor | undefined },
): tf.Tensor {
  return runBetween(parts.perSlice.output as tf.SymbolicTensor, model.outputs[0]!, features, options);
}

/**
 * Runs the layers between two places of a model's graph.
 *
 * tfjs cannot cut a model in two without adding nodes to its layers, so this walks the graph itself.
 *
 * @param input - What stands at `from`.
 * @returns What then stands at `to`.
 * @throws ArgumentError where `to` depends on the model's input by a way around `from`.
 */
export function runBetween(
  from: tf.SymbolicTensor,
  to: tf.SymbolicTensor,
  input: tf.Tensor,
  options: { training: boolean; mask?: tf.Tensor | undefined },
): tf.Tensor {
  const { training, mask: startMask } = options;
  const values = new Map<number, Value>([[from.id, { tensor: input, mask: startMask }]]);
  const valueOf = (symbol: tf.SymbolicTensor): Value => {
    const known = values.get(symbol.id);
    if (known) return known;
    const inputs = symbol.inputs.map(valueOf);
    check(inputs.length > 0, 'model', `a way from the input through ${from.name} only`, symbol.name);
    const layer = symbol.sourceLayer as tf.layers.Layer;
    const tensors = inputs.map(({ tensor }) => tensor);
    const masks = inputs.map(({ mask }) => mask);
    const mask = masks.find((one) => one);
    const kwargs: Kwargs = mask ? { training, mask } : { training };
    const output = layer.call(tensors.length === 1 ? tensors[0]! : tensors, kwargs);
    const value = {
      tensor: Array.isArray(output) ? output[symbol.outputTensorIndex ?? 0]! : output,
      mask: mask && layer.supportsMasking ? maskAfter(layer, tensors, masks) : undefined,
    };
    values.set(symbol.id, value);
    return value;
  };
  return valueOf(to).tensor;
}

/** What stands at a place of the graph, and which of its slices are real. */
interface Value {
  tensor: tf.Tensor;
  mask: tf.Tensor | undefined;
}

/** The mask of a layer's output; lists go in, as when tfjs runs a model. */
function maskAfter(
  layer: tf.layers.Layer,
  inputs: tf.Tensor[],
  masks: (tf.Tensor | undefined)[],
): tf.Tensor | undefined {
  const mask = layer.computeMask(inputs, masks as tf.Tensor[]) as tf.Tensor | tf.Tensor[] | null;
  return (Array.isArray(mask) ? mask[0] : mask) ?? undefined;
}

/**
 * Features `[batch, slices, f]` of stacks that hold features in place of images, `[batch, slices, 1, 1, f]`.
 *
 * @throws ArgumentError for stacks of another form, or not as many features as the backbone gives.
 */
export function stackedFeatures({ perSlice }: ModelParts, images: tf.Tensor): tf.Tensor {
  const features = (perSlice.output as tf.SymbolicTensor).shape.at(-1)!;
  const [batch, slices, ...rest] = images.shape as [number, number, ...number[]];
  const expected = `features [batch, slices, 1, 1, ${features}]`;
  check(rest.join() === [1, 1, features].join(), 'images', expected, images);
  return tf.reshape(images, [batch, slices, features]);
}

/** Stacks `[batch, slices, h, w, c]` as the backbone sees them, `[batch * slices, h, w, c]`. */
export function foldSlices(images: tf.Tensor): tf.Tensor {
  const [batch, slices, ...rest] = images.shape as [number, number, ...number[]];
  return tf.reshape(images, [batch * slices, ...rest]);
}

/** Layers whose output tfjs computes in several steps, each of which the gradient keeps. */
const STEPS_KEPT: Record<string, number> = { Conv2D: 3, BatchNormalization: 3 };

/**
 * Memory that one slice takes while a gradient is computed, in bytes: every layer's output and, until the backward pass has
 * ended, its gradient; an estimate from the layers' shapes.
 */
export function activationBytesPerSlice(backbone: tf.layers.Layer): number {
  const steps = layersOf(backbone).map((layer) => STEPS_KEPT[layer.getClassName()] ?? 1);
  return outputBytes(backbone).reduce((sum, bytes, i) => sum + 2 * bytes * steps[i]!, 0);
}

/**
 * Memory that one slice takes without a gradient, in bytes: a layer's input, its output, and what a branch beside it still
 * waits for; an estimate by the largest output.
 */
export function predictionBytesPerSlice(backbone: tf.layers.Layer): number {
  return 4 * Math.max(0, ...outputBytes(backbone));
}

const layersOf = (backbone: tf.layers.Layer) => (backbone instanceof tf.LayersModel ? backbone.layers : []);

function outputBytes(backbone: tf.layers.Layer): number[] {
  return layersOf(backbone).map((layer) => {
    const shape = layer.outputShape as (number | null)[];
    return shape.slice(1).reduce<number>((product, n) => product * (n ?? 1), 4);
  });
}

/** Bytes of activations that training keeps at once by default: far below the 4 GiB of WebAssembly. */
export const DEFAULT_MEMORY_BUDGET = 0.75 * 2 ** 30;

/** The same without a gradient, which keeps less. */
export const PREDICTION_MEMORY_BUDGET = 512 * 2 ** 20;

const atLeast = (least: number) =>
  rule<number>(`at least ${least}`, (value) => typeof value === 'number' && value >= least);

/** For how much of a stack goes through the backbone at once; infinite ones take it whole. */
export const CHUNK_RULES = {
  memoryBudget: optional(atLeast(0)),
  chunkSlices: optional(atLeast(1)),
};

/** How many slices of so many bytes each go through the backbone at once within a budget of memory: at least one. */
export function slicesPerChunk(bytesPerSlice: number, memoryBudget: number): number {
  return bytesPerSlice === 0 ? Infinity : Math.max(1, Math.floor(memoryBudget / bytesPerSlice));
}

/** Consecutive slices. */
export interface Chunk {
  first: number;
  count: number;
}

/** Consecutive chunks of at most `size` of `total` slices, as even as they can be. */
export function chunksOf(total: number, size: number): Chunk[] {
  const chunks = Math.ceil(total / size);
  const start = (i: number) => Math.floor((i * total) / chunks);
  return Array.from({ length: chunks }, (_, i) => ({ first: start(i), count: start(i + 1) - start(i) }));
}

/** A chunk of `[slices, …]`; cut out when its turn comes, so that the stack is not held twice. */
export function slicesOf(stack: tf.Tensor, { first, count }: Chunk): tf.Tensor {
  const rest = stack.shape.slice(1);
  return tf.slice(stack, [first, ...rest.map(() => 0)], [count, ...rest]);
}
