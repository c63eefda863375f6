import type * as tf from '@tensorflow/tfjs';
import { check, checkKnownKeys, checkOneOf } from '../base/errors';
import type { LabelRNNDecoderArgs } from '../layers/label_rnn_decoder';
import type { SliceConv1DArgs } from '../layers/slice_conv1d';
import type { SliceDependencyGRUArgs } from '../layers/slice_dependency_gru';
import type { SlicePoolingArgs } from '../layers/slice_pooling';
import type { Labels } from '../base/types';
import { POSTER_VARIANTS, type PosterVariant } from './poster_variants';
import { RECOMMENDED_VARIANT } from './recommended_variant';

/** Backbones that can be asked for by name. */
export const BACKBONES = ['vgg16', 'resnet18', 'squeezenet1_1'] as const;

/** One of {@link BACKBONES}. */
export type BackboneName = (typeof BACKBONES)[number];

/** A GRU over the slices, see {@link SliceDependencyGRU}. */
export interface GRUOptions extends Partial<
  Pick<SliceDependencyGRUArgs, 'units' | 'numLayers' | 'bidirectional' | 'mergeMode' | 'residual'>
> {
  /** Told from the other options where it is left out. */
  type?: 'gru';
}

/** A convolution over the slices, see {@link SliceConv1D}. */
export interface Conv1DOptions extends Partial<
  Pick<SliceConv1DArgs, 'filters' | 'kernelSize' | 'activation'>
> {
  type: 'conv1d';
}

/** A recurrence over the labels, see {@link LabelRNNDecoder}. */
export interface LRNNOptions extends Partial<Pick<LabelRNNDecoderArgs, 'units' | 'cell' | 'bidirectional'>> {
  type?: 'lrnn';
}

/** Attention over the slices of a patient, see {@link SlicePooling}. */
export interface AttentionPoolingOptions extends Partial<Pick<SlicePoolingArgs, 'units' | 'gated'>> {
  type?: 'attention';
}

/** What {@link CtBrainModelOptions.variant} can be. */
export type CtBrainVariant = PosterVariant | 'recommended';

/** Options of {@link buildCtBrainModel}. */
export interface CtBrainModelOptions<L extends Labels = Labels> {
  /**
   * One of the poster's seven arrangements, setting `backbone`, `sliceDependency`, `labelDecoder` and `order`; or
   * `'recommended'`, see {@link RECOMMENDED_VARIANT}, which leaves the backbone to you. Options given beside it win.
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
   * How the slice layer's output meets its input, see {@link ResidualNeck}; `'none'` drops the input.
   * @defaultValue `'add'`
   */
  neck?: 'add' | 'concat' | 'none';
  /**
   * The slice layer sees how a slice's features differ from its neighbours' too, see {@link SliceDifferences}. The neck adds
   * its output to the features alone.
   * @defaultValue `false`
   */
  sliceDifferences?: boolean;
  /**
   * Adds the logits of a linear classifier on the backbone's features to the decoder's, so that the layers above learn what a
   * slice by itself does not tell. {@link trainPatients} can supervise it by itself too.
   * @defaultValue `false`
   */
  sliceClassifier?: boolean;
  /**
   * What the logits are of: each slice, or the patient as a whole, for studies that are labelled patient by patient.
   * @defaultValue `'slices'`
   */
  output?: 'slices' | 'patient';
  /**
   * With output `'patient'`: how its slices become one, see {@link SlicePooling}. `'max'` takes the largest of the slices'
   * logits, so a label is as likely as in the slice that shows it best; `'attention'` takes a weighted mean of the features
   * below the last decoder. In `'label-then-slice'` with `labelFeatures: 'shared'` each label weighs the slices for itself.
   * @defaultValue `'max'`
   */
  pooling?: 'max' | 'attention' | { type: 'max' } | AttentionPoolingOptions;
  /**
   * Names of the labels, in the order of the outputs.
   * @defaultValue {@link CT_LABELS}
   */
  labels?: L;
  /** A slice whose every value equals this is padding and is masked, see {@link PerSlice}. None masks nothing. */
  maskValue?: number;
  /** Seed of the initial weights; none draws new ones each time. */
  seed?: number;
}

type WithType<T extends { type?: string }> = T & { type: NonNullable<T['type']> };

/** Options with the variant and every default filled in. */
export interface ResolvedCtBrainModelOptions {
  variant?: CtBrainVariant;
  inputShape: [number, number, number];
  backbone: BackboneName | tf.LayersModel;
  normalize: boolean;
  sliceDependency: { type: 'none' } | WithType<GRUOptions> | WithType<Conv1DOptions>;
  labelDecoder: { type: 'linear' } | WithType<LRNNOptions>;
  order: 'slice-then-label' | 'label-then-slice';
  labelFeatures: 'shared' | 'joint';
  neck: 'add' | 'concat' | 'none';
  sliceDifferences: boolean;
  sliceClassifier: boolean;
  output: 'slices' | 'patient';
  pooling: { type: 'max' } | WithType<AttentionPoolingOptions>;
  labels: Labels;
  maskValue?: number;
  seed?: number;
}

const KEYS = [
  'variant',
  'inputShape',
  'backbone',
  'normalize',
  'sliceDependency',
  'labelDecoder',
  'order',
  'labelFeatures',
  'neck',
  'sliceDifferences',
  'sliceClassifier',
  'output',
  'pooling',
  'labels',
  'maskValue',
  'seed',
];
const PART_KEYS: Record<string, string[]> = {
  gru: ['type', 'units', 'numLayers', 'bidirectional', 'mergeMode', 'residual'],
  conv1d: ['type', 'filters', 'kernelSize', 'activation'],
  none: ['type'],
  lrnn: ['type', 'units', 'cell', 'bidirectional'],
  linear: ['type'],
  max: ['type'],
  attention: ['type', 'units', 'gated'],
};

const optionsOf = (variant: CtBrainVariant): CtBrainModelOptions =>
  variant === 'recommended' ? RECOMMENDED_VARIANT : POSTER_VARIANTS[variant].options;

/** Whether all of `options` are options of `type`. */
const takes = (options: object) => (type: string) =>
  Object.keys(options).every((key) => PART_KEYS[type]!.includes(key));

/**
 * Checks the options of {@link buildCtBrainModel} and fills in the variant's and the default ones.
 *
 * @throws {@link ArgumentError} for an unknown key or a value out of range.
 */
export function resolveCtBrainModelOptions(
  options: CtBrainModelOptions,
  defaultLabels: Labels,
): ResolvedCtBrainModelOptions {
  const what = 'buildCtBrainModel';
  checkKnownKeys(options, KEYS, what);
  const { variant } = options;
  const variants = [...Object.keys(POSTER_VARIANTS), 'recommended'];
  if (variant !== undefined) checkOneOf(variant, variants, `${what}: variant`);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const merged: CtBrainModelOptions = { ...(variant && optionsOf(variant)), ...given };

  const {
    inputShape = [224, 224, 1],
    backbone = 'vgg16',
    normalize = false,
    order = 'slice-then-label',
    labelFeatures = 'shared',
    neck = 'add',
    sliceDifferences = false,
    sliceClassifier = false,
    output = 'slices',
    labels = defaultLabels,
    maskValue,
    seed,
  } = merged;
  checkOneOf(order, ['slice-then-label', 'label-then-slice'], `${what}: order`);
  checkOneOf(labelFeatures, ['shared', 'joint'], `${what}: labelFeatures`);
  checkOneOf(neck, ['add', 'concat', 'none'], `${what}: neck`);
  checkOneOf(output, ['slices', 'patient'], `${what}: output`);
  for (const [key, value] of Object.entries({ sliceDifferences, sliceClassifier, normalize })) {
    check(typeof value === 'boolean', `${what}: ${key}`, 'a boolean', value);
  }
  if (typeof backbone === 'string') checkOneOf(backbone, BACKBONES, `${what}: backbone`);
  const uniqueNames =
    Array.isArray(labels) &&
    labels.length > 0 &&
    labels.every((label) => typeof label === 'string' && label !== '') &&
    new Set(labels).size === labels.length;
  check(uniqueNames, `${what}: labels`, 'one or more different names', labels);
  check(seed === undefined || Number.isInteger(seed), `${what}: seed`, 'an integer', seed);

  const part = (key: 'sliceDependency' | 'labelDecoder' | 'pooling', fallback: string, types: string[]) => {
    const value = merged[key] ?? fallback;
    const asked = typeof value === 'string' ? { type: value } : value;
    const { type = types.find(takes(asked)) } = asked;
    const ofAny = [...new Set(types.flatMap((other) => PART_KEYS[other]!))];
    checkKnownKeys(asked, ofAny, `${what}: ${key}`);
    const rule = `'${types.join("', '")}', or the options of one of them`;
    check(type !== undefined, `${what}: ${key}`, rule, value);
    checkOneOf(type, types, `${what}: ${key}`);
    checkKnownKeys(asked, PART_KEYS[type]!, `${what}: ${key}`);
    return { ...asked, type };
  };
  const sliceDependency = part('sliceDependency', 'gru', ['gru', 'conv1d', 'none']);
  const labelDecoder = part('labelDecoder', 'lrnn', ['lrnn', 'linear']);
  const pooling = part('pooling', 'max', ['max', 'attention']);
  check(
    output === 'patient' || merged.pooling === undefined,
    `${what}: pooling`,
    "none, unless output is 'patient'",
    merged.pooling,
  );
  check(
    !sliceDifferences || sliceDependency.type !== 'none',
    `${what}: sliceDifferences`,
    'false where sliceDependency is none',
    sliceDifferences,
  );
  check(
    !sliceClassifier || pooling.type !== 'attention',
    `${what}: sliceClassifier`,
    "false with pooling 'attention', which leaves no slices to add logits to",
    sliceClassifier,
  );
  const labelFirst = order === 'label-then-slice';
  check(
    !labelFirst || (labelDecoder.type === 'lrnn' && sliceDependency.type !== 'none'),
    `${what}: order 'label-then-slice'`,
    "labelDecoder 'lrnn' and a sliceDependency",
    { labelDecoder: labelDecoder.type, sliceDependency: sliceDependency.type },
  );

  return {
    ...(variant && { variant }),
    inputShape,
    backbone,
    normalize,
    sliceDependency: sliceDependency as ResolvedCtBrainModelOptions['sliceDependency'],
    labelDecoder: labelDecoder as ResolvedCtBrainModelOptions['labelDecoder'],
    order,
    labelFeatures,
    neck,
    sliceDifferences,
    sliceClassifier,
    output,
    pooling: pooling as ResolvedCtBrainModelOptions['pooling'],
    labels: [...labels],
    ...(maskValue !== undefined && { maskValue }),
    ...(seed !== undefined && { seed }),
  };
}
