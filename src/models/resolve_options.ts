import { BACKBONES } from '../backbones/registry';
import { check, checkKnownKeys, checkOneOf } from '../base/errors';
import type { Labels } from '../base/types';
import { type CtBrainModelOptions, type CtBrainVariant, type ResolvedCtBrainModelOptions } from './options';
import { POSTER_VARIANTS } from './poster_variants';
import { RECOMMENDED_VARIANT } from './recommended_variant';

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
