import * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import type { Kwargs } from '../base/types';
import type { ModelParts } from './model_parts';

/**
 * Features `[batch, slices, f]` of stacks that contain features instead of images, `[batch, slices, 1, 1, f]`.
 *
 * @throws ArgumentError for stacks of another form, or with another number of features than the backbone's.
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

/** Features `[n, f]` of slices `[n, h, w, c]`. */
export function runBackbone(
  { backbone }: ModelParts,
  slices: tf.Tensor,
  options: { training: boolean },
): tf.Tensor {
  const output = backbone.call(slices, options);
  return Array.isArray(output) ? output[0]! : output;
}

/**
 * Runs the layers above the backbone on features `[batch, slices, f]`; a layer may drop the mask, as `SlicePooling`
 * does.
 */
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
 * tfjs cannot split a model without adding nodes to its layers, so this traverses the graph itself.
 *
 * @param input - The value at `from`.
 * @returns The value at `to`.
 * @throws ArgumentError if `to` also depends on the model's input by a path around `from`.
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
    check(inputs.length > 0, 'model', `a path from the input through ${from.name} only`, symbol.name);
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

/** The value at a node of the graph, and which of its slices are real. */
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

/** Name of the layer that classifies each slice separately, in models that have one. */
export const SLICE_CLASSIFIER = 'slice_classifier';

/**
 * Runs the single-slice classifier on features `[batch, slices, f]`.
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
