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
  /** Inferred from the other options if omitted. */
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
 * A published arrangement by the parts above the backbone.
 *
 * @inline
 */
export type AboveBackbone<Variant extends PosterVariant> = Variant extends `VGG16 + ${infer Above}`
  ? Above
  : 'linear';

/** Options of `buildCtBrainModel`. */
export interface CtBrainModelOptions<L extends Labels = Labels> {
  /**
   * One of the poster's seven arrangements, setting `backbone`, `sliceDependency`, `labelDecoder` and `order`, by its
   * published name or, for another backbone than VGG16, by the parts above it: `'linear'`, `'LRNN'`,
   * `'SDL(GRU) + LRNN'`; or `'recommended'`, see `RECOMMENDED_VARIANT`, which leaves the backbone to you. Other options
   * override those of the variant.
   */
  variant?: CtBrainVariant;
  /**
   * Shape of one slice, `[height, width, channels]`. Taken from the backbone if that is a model.
   * @defaultValue [224, 224, 1]
   */
  inputShape?: [height: number, width: number, channels: number];
  /**
   * Extracts a slice's features: a name, or a model from `[n, height, width, channels]` to `[n, features]`.
   * @defaultValue 'vgg16'
   */
  backbone?: BackboneName | tf.LayersModel;
  /**
   * ImageNet normalisation inside a backbone given by name, for images in 0..1 and weights trained on ImageNet.
   * @defaultValue false
   */
  normalize?: boolean;
  /**
   * Slice dependency learning. By default the number of output features equals the number of input features: half of
   * them per direction for a bidirectional GRU.
   * @defaultValue 'gru'
   */
  sliceDependency?: 'gru' | 'conv1d' | 'none' | GRUOptions | Conv1DOptions;
  /**
   * From features to one logit per label: a recurrence over the labels, or a linear map.
   * @defaultValue 'lrnn'
   */
  labelDecoder?: 'lrnn' | 'linear' | LRNNOptions;
  /**
   * Which part comes first. In `'label-then-slice'` the decoder gives each label its own features, and the slice layer
   * runs on those.
   * @defaultValue 'slice-then-label'
   */
  order?: 'slice-then-label' | 'label-then-slice';
  /**
   * In `'label-then-slice'`: `'shared'` runs one slice layer on each label's features separately; `'joint'` runs it on
   * the concatenated features of all labels.
   * @defaultValue 'shared'
   */
  labelFeatures?: 'shared' | 'joint';
  /**
   * How the slice layer's output is combined with its input, see `ResidualNeck`; `'none'` drops the input.
   * @defaultValue 'add'
   */
  neck?: 'add' | 'concat' | 'none';
  /**
   * The slice layer also sees how a slice's features differ from its neighbours', see `SliceDifferences`. The neck adds
   * its output to the features only.
   * @defaultValue false
   */
  sliceDifferences?: boolean;
  /**
   * Adds the logits of a linear classifier on the backbone's features to the decoder's, so that the layers above learn
   * what a single slice does not show. `trainPatients` can also supervise it separately.
   * @defaultValue false
   */
  sliceClassifier?: boolean;
  /**
   * Whether there are logits per slice or per patient, for studies that are labelled per patient.
   * @defaultValue 'slices'
   */
  output?: 'slices' | 'patient';
  /**
   * With output `'patient'`: how slices are pooled, see `SlicePooling`. `'max'` takes the largest of the slices'
   * logits, so a label is as likely as in the slice that shows it best; `'attention'` takes a weighted mean of the
   * features before the last decoder. In `'label-then-slice'` with `labelFeatures: 'shared'` each label has its own
   * weights of the slices.
   * @defaultValue 'max'
   */
  pooling?: 'max' | 'attention' | { type: 'max' } | AttentionPoolingOptions;
  /**
   * Names of the labels, in the order of the outputs. If given, a source of other labels is refused.
   * @defaultValue CT_LABELS
   */
  labels?: L;
  /** A slice whose values all equal this is padding and is masked, see `PerSlice`; default: no masking. */
  maskValue?: number;
  /** Seed of the initial weights; without one they differ each time. */
  seed?: number;
}
