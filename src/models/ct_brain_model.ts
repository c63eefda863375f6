import * as tf from '@tensorflow/tfjs';
import { backboneByName } from '../backbones/registry';
import type { CtLabels } from '../data/labels/labels';
import { check, isPositiveInteger } from '../base/checks';
import { LabelLinear } from '../layers/label_linear';
import { LabelRNNDecoder } from '../layers/label_rnn_decoder';
import { PerLabel } from '../layers/wrappers/per_label';
import { PerSlice } from '../layers/wrappers/per_slice';
import { ResidualNeck } from '../layers/residual_neck';
import { SliceConv1D } from '../layers/slice_conv1d';
import { SliceDependencyGRU } from '../layers/slice_dependency_gru';
import { SliceDifferences } from '../layers/slice_differences';
import { SlicePooling } from '../layers/slice_pooling';
import { deriveSeed } from '../base/random';
import type { Labels } from '../base/types';
import { rememberRecord } from './model_record';
import { SLICE_CLASSIFIER } from './run_parts';
import type { CtBrainModelOptions } from './options';
import { resolveCtBrainModelOptions, type ResolvedCtBrainModelOptions } from './resolve_options';

/**
 * A model that may know the names of its outputs. Any `tf.LayersModel` is one, so that built and loaded models are
 * interchangeable.
 */
export type CtBrainModel<L extends Labels = Labels> = tf.LayersModel & {
  /**
   * Names of the labels, in the order of the outputs; missing in a loaded model, for which the checkpoint's manifest
   * has them.
   */
  readonly labels?: L;
};

/**
 * Builds the multi-label classifier for stacks of head CT slices: backbone, slice dependency learning with a residual
 * neck, label decoder.
 *
 * Input `[batch, slices, height, width, channels]` with any number of slices, values as the backbone expects them
 * (0..1); output logits `[batch, slices, labels]`, or `[batch, labels]` with `output: 'patient'`. With the defaults:
 *
 * ```
 * images -> PerSlice(vgg16) -> features [f] -> GRU -> + features, ReLU -> LSTM over the labels -> logits [5]
 * ```
 *
 * The result is a plain `tf.LayersModel`: `summary`, `compile`, `fit`, `predict`, `save` and `tf.loadLayersModel` work.
 * In addition it has `labels`, whose names the compiler knows: `predictPatients` does not compile with a source of
 * other labels. If `labels` is given, training, prediction and evaluation refuse a source of other labels, or with
 * these in another order.
 *
 * @throws ArgumentError for unknown options or values out of range.
 * @example
 * ```ts
 * const model = buildCtBrainModel({ variant: 'VGG16 + LRNN + SDL(GRU)', inputShape: [224, 224, 1] });
 * model.compile({ optimizer: adam(1e-5), loss: asymmetricLoss(), metrics: [f2Metric()] });
 * const logits = model.predict(tf.zeros([1, 32, 224, 224, 1])) as tf.Tensor; // [1, 32, 5]
 * ```
 */
export function buildCtBrainModel<const L extends Labels = CtLabels>(
  options: CtBrainModelOptions<L> = {},
): CtBrainModel<L> {
  const resolved = resolveCtBrainModelOptions(options);
  const { maskValue } = resolved;
  const backbone = buildBackbone(resolved);
  const [, ...sliceShape] = backbone.inputs[0]!.shape;

  const images = tf.input({ shape: [null, ...sliceShape], name: 'images' });
  const perSlice = new PerSlice({ layer: backbone, name: 'backbone', maskValue });
  const features = perSlice.apply(images) as tf.SymbolicTensor;
  const decoded =
    resolved.order === 'slice-then-label'
      ? sliceThenLabel(features, resolved)
      : labelThenSlice(features, resolved);
  const added = resolved.sliceClassifier ? addLogits(features, decoded, resolved) : decoded;
  const logits = poolWith('max', added, resolved);
  const model = tf.model({ inputs: images, outputs: logits, name: 'ct_brain_model' });
  if (options.labels !== undefined) rememberRecord(model, { labels: resolved.labels });
  // the resolved names are those of the options, or CT_LABELS, which is the type `L`
  return Object.assign(model, { labels: resolved.labels as L });
}

function buildBackbone(options: ResolvedCtBrainModelOptions): tf.LayersModel {
  const { backbone, inputShape, normalize } = options;
  if (typeof backbone !== 'string') {
    const ok =
      backbone instanceof tf.LayersModel && backbone.inputs.length === 1 && backbone.outputs.length === 1;
    check(ok, 'buildCtBrainModel: backbone', 'a name or a model of one input and one output', backbone);
    const { shape } = backbone.outputs[0]!;
    const features = shape.length === 2 && isPositiveInteger(shape[1]);
    check(features, 'buildCtBrainModel: backbone', 'a model with output [n, features]', shape);
    const own = 'false with a backbone that is a model, which has its own normalisation or none';
    check(!normalize, 'buildCtBrainModel: normalize', own, normalize);
    return backbone;
  }
  return backboneByName(backbone, { inputShape, normalize, seed: layerSeed(options, 'backbone') });
}

/** Features [batch, slices, f] to logits, slices first. Attention pooling comes before the decoder. */
function sliceThenLabel(
  features: tf.SymbolicTensor,
  options: ResolvedCtBrainModelOptions,
): tf.SymbolicTensor {
  const { labelDecoder, labels } = options;
  const sliced = withNeck(features, (input) => sliceLayer(input, options), options);
  const x = poolWith('attention', sliced, options);
  if (labelDecoder.type === 'lrnn') {
    const { type: _, ...args } = labelDecoder;
    const named = { name: 'label_decoder', seed: layerSeed(options, 'label_decoder') };
    return apply(new LabelRNNDecoder({ labels: labels.length, ...args, ...named }), x);
  }
  return linearHead(x, options);
}

/**
 * Features [batch, slices, f] to logits, labels first: each label's features are then combined with those of
 * neighbouring slices.
 */
function labelThenSlice(
  features: tf.SymbolicTensor,
  options: ResolvedCtBrainModelOptions,
): tf.SymbolicTensor {
  const { labels, labelFeatures } = options;
  const { type: _, ...args } = options.labelDecoder;
  const decoder = new LabelRNNDecoder({
    labels: labels.length,
    ...args,
    returnFeatures: true,
    name: 'label_decoder',
    seed: layerSeed(options, 'label_decoder'),
  });
  const perLabel = apply(decoder, features); // [batch, slices, labels, units]
  if (labelFeatures === 'shared') {
    const sliced = withNeck(perLabel, (input) => sliceLayer(input, options, true), options);
    const x = poolWith('attention', sliced, options);
    return apply(new LabelLinear({ name: 'classifier', seed: layerSeed(options, 'classifier') }), x);
  }
  const joint = apply(new PerSlice({ layer: tf.layers.flatten({}), name: 'join_labels' }), perLabel);
  const sliced = withNeck(joint, (input) => sliceLayer(input, options), options);
  return linearHead(poolWith('attention', sliced, options), options);
}

/** The decoder's logits and those of a linear classifier on the backbone's features, added. */
function addLogits(
  features: tf.SymbolicTensor,
  decoded: tf.SymbolicTensor,
  options: ResolvedCtBrainModelOptions,
): tf.SymbolicTensor {
  const ofSlices = linearHead(features, options, SLICE_CLASSIFIER);
  return apply(tf.layers.add({ name: 'add_logits' }), [ofSlices, decoded]);
}

/** Pools a patient's slices if the model does so and in this way; otherwise returns `x`. */
function poolWith(
  mode: 'max' | 'attention',
  x: tf.SymbolicTensor,
  { output, pooling, ...options }: ResolvedCtBrainModelOptions,
): tf.SymbolicTensor {
  if (output !== 'patient' || pooling.type !== mode) return x;
  const { type: _, ...args } = pooling;
  const name = 'slice_pooling';
  return apply(new SlicePooling({ mode, ...args, name, seed: layerSeed(options, name) }), x);
}

/** The slice layer on [batch, slices, f], or on each label of [batch, slices, labels, f]. */
function sliceLayer(
  x: tf.SymbolicTensor,
  options: ResolvedCtBrainModelOptions,
  perLabel = false,
): tf.SymbolicTensor | undefined {
  const { sliceDependency, sliceDifferences } = options;
  const width = x.shape.at(-1)!;
  const name = 'slice_dependency';
  const build = (layerName: string): tf.layers.Layer | undefined => {
    const common = { name: layerName, seed: layerSeed(options, name) };
    if (sliceDependency.type === 'gru') {
      const { type: _, ...args } = sliceDependency;
      const split = (args.bidirectional ?? true) && (args.mergeMode ?? 'concat') === 'concat';
      return new SliceDependencyGRU({ units: split ? Math.ceil(width / 2) : width, ...args, ...common });
    }
    if (sliceDependency.type === 'conv1d') {
      const { type: _, ...args } = sliceDependency;
      return new SliceConv1D({ filters: width, ...args, ...common });
    }
    return undefined;
  };
  const layer = build(perLabel ? `${name}_of_a_label` : name);
  const onLabels = (inner: tf.layers.Layer, outerName: string) =>
    perLabel ? new PerLabel({ layer: inner, name: outerName }) : inner;
  const input = sliceDifferences
    ? apply(onLabels(new SliceDifferences({ name: 'slice_differences' }), 'slice_differences_of_labels'), x)
    : x;
  return layer && apply(onLabels(layer, name), input);
}

/** `sliceLayer(x)`, combined with `x` according to the neck option. */
function withNeck(
  x: tf.SymbolicTensor,
  slices: (x: tf.SymbolicTensor) => tf.SymbolicTensor | undefined,
  options: ResolvedCtBrainModelOptions,
): tf.SymbolicTensor {
  const y = slices(x);
  if (!y) return x;
  if (options.neck === 'none') return y;
  return apply(new ResidualNeck({ mode: options.neck, name: 'neck', seed: layerSeed(options, 'neck') }), [
    x,
    y,
  ]);
}

function linearHead(
  x: tf.SymbolicTensor,
  options: ResolvedCtBrainModelOptions,
  name = 'classifier',
): tf.SymbolicTensor {
  const kernelInitializer = tf.initializers.glorotUniform({ seed: layerSeed(options, name) });
  return apply(tf.layers.dense({ units: options.labels.length, name, kernelInitializer }), x);
}

const apply = (layer: tf.layers.Layer, x: tf.SymbolicTensor | tf.SymbolicTensor[]) =>
  layer.apply(x) as tf.SymbolicTensor;

/** A seed for one layer, if the model has one. */
const layerSeed = ({ seed }: Pick<ResolvedCtBrainModelOptions, 'seed'>, layer: string) =>
  seed === undefined ? undefined : deriveSeed(seed, layer);
