import type * as tf from '@tensorflow/tfjs';
import type { BackboneName } from '../backbones/registry';
import type { LabelRNNDecoderArgs } from '../layers/label_rnn_decoder';
import type { SliceConv1DArgs } from '../layers/slice_conv1d';
import type { SliceDependencyGRUArgs } from '../layers/slice_dependency_gru';
import type { SlicePoolingArgs } from '../layers/slice_pooling';
import type { Labels } from '../base/types';

/**
 * A GRU over the slices, see `SliceDependencyGRU`.
 *
 * @inline
 */
export interface GRUOptions extends Partial<
  Pick<SliceDependencyGRUArgs, 'units' | 'numLayers' | 'bidirectional' | 'mergeMode' | 'residual'>
> {
  /** Inferred from the other options where it is left out. */
  type?: 'gru';
}

/**
 * A convolution over the slices, see `SliceConv1D`.
 *
 * @inline
 */
export interface Conv1DOptions extends Partial<
  Pick<SliceConv1DArgs, 'filters' | 'kernelSize' | 'activation'>
> {
  type: 'conv1d';
}

/**
 * A recurrence over the labels, see `LabelRNNDecoder`.
 *
 * @inline
 */
export interface LRNNOptions extends Partial<Pick<LabelRNNDecoderArgs, 'units' | 'cell' | 'bidirectional'>> {
  type?: 'lrnn';
}

/**
 * Attention over the slices of a patient, see `SlicePooling`.
 *
 * @inline
 */
export interface AttentionPoolingOptions extends Partial<Pick<SlicePoolingArgs, 'units' | 'gated'>> {
  type?: 'attention';
}

/**
 * Names of the seven arrangements, as published.
 */
export type PosterVariant =
  | 'VGG16'
  | 'VGG16 + LRNN'
  | 'VGG16 + SDL(GRU)'
  | 'VGG16 + SDL(1Dconv)'
  | 'VGG16 + SDL(GRU) + LRNN'
  | 'VGG16 + SDL(1Dconv) + LRNN'
  | 'VGG16 + LRNN + SDL(GRU)';

/**
 * What {@link CtBrainModelOptions.variant} can be.
 *
 * @inline
 */
export type CtBrainVariant = PosterVariant | AboveBackbone<PosterVariant> | 'recommended';

/**
 * A published arrangement by what stands above the backbone, whichever that is.
 *
 * @inline
 */
export type AboveBackbone<Variant extends PosterVariant> = Variant extends `VGG16 + ${infer Above}`
  ? Above
  : 'linear';

/** Options of `buildCtBrainModel`. */
export interface CtBrainModelOptions<L extends Labels = Labels> {
  /**
   * One of the poster's seven arrangements, setting `backbone`, `sliceDependency`, `labelDecoder` and `order`, by its published name
   * or, over a backbone that is not VGG16, by what stands above it: `'linear'`, `'LRNN'`, `'SDL(GRU) + LRNN'`; or
   * `'recommended'`, see `RECOMMENDED_VARIANT`, which leaves the backbone to you. Options given beside it win.
   */
  variant?: CtBrainVariant;
  /**
   * Shape of one slice, `[height, width, channels]`. Taken from the backbone where that is a model.
   * @defaultValue `[224, 224, 1]`
   */
  inputShape?: [height: number, width: number, channels: number];
  /**
   * What makes a slice's features: a name, or a model `[n, height, width, channels]` to `[n, features]`.
   * @defaultValue `'vgg16'`
   */
  backbone?: BackboneName | tf.LayersModel;
  /**
   * ImageNet normalisation inside a backbone asked for by name, for images in 0..1 and weights trained on ImageNet.
   * @defaultValue `false`
   */
  normalize?: boolean;
  /**
   * Slice dependency learning. The default width gives as many features as came in: half of them a direction for a
   * bidirectional GRU, all of them for a convolution.
   * @defaultValue `'gru'`
   */
  sliceDependency?: 'gru' | 'conv1d' | 'none' | GRUOptions | Conv1DOptions;
  /**
   * From features to one logit per label: a recurrence over the labels, or a linear map.
   * @defaultValue `'lrnn'`
   */
  labelDecoder?: 'lrnn' | 'linear' | LRNNOptions;
  /**
   * Which comes first. In `'label-then-slice'` the decoder gives each label its own features, and the slice layer runs on
   * those.
   * @defaultValue `'slice-then-label'`
   */
  order?: 'slice-then-label' | 'label-then-slice';
  /**
   * In `'label-then-slice'`: `'shared'` runs one slice layer on each label's features by itself; `'joint'` runs it on the
   * features of all labels side by side.
   * @defaultValue `'shared'`
   */
  labelFeatures?: 'shared' | 'joint';
  /**
   * How the slice layer's output meets its input, see `ResidualNeck`; `'none'` drops the input.
   * @defaultValue `'add'`
   */
  neck?: 'add' | 'concat' | 'none';
  /**
   * The slice layer sees how a slice's features differ from its neighbours' too, see `SliceDifferences`. The neck adds
   * its output to the features alone.
   * @defaultValue `false`
   */
  sliceDifferences?: boolean;
  /**
   * Adds the logits of a linear classifier on the backbone's features to the decoder's, so that the layers above learn what a
   * slice by itself does not tell. `trainPatients` can supervise it by itself too.
   * @defaultValue `false`
   */
  sliceClassifier?: boolean;
  /**
   * What the logits are of: each slice, or the patient as a whole, for studies that are labelled patient by patient.
   * @defaultValue `'slices'`
   */
  output?: 'slices' | 'patient';
  /**
   * With output `'patient'`: how its slices become one, see `SlicePooling`. `'max'` takes the largest of the slices'
   * logits, so a label is as likely as in the slice that shows it best; `'attention'` takes a weighted mean of the features
   * below the last decoder. In `'label-then-slice'` with `labelFeatures: 'shared'` each label weighs the slices for itself.
   * @defaultValue `'max'`
   */
  pooling?: 'max' | 'attention' | { type: 'max' } | AttentionPoolingOptions;
  /**
   * Names of the labels, in the order of the outputs.
   * @defaultValue `CT_LABELS`
   */
  labels?: L;
  /** A slice whose every value equals this is padding and is masked, see `PerSlice`. None masks nothing. */
  maskValue?: number;
  /** Seed of the initial weights; none draws new ones each time. */
  seed?: number;
}
