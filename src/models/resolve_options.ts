import { BACKBONES } from '../backbones/registry';
import { check, checkKnownKeys, checkOneOf } from '../base/checks';
import {
  anything,
  finiteNumber,
  flag,
  integer,
  oneOf,
  optional,
  resolveOptions,
  rule,
  type Rules,
} from '../base/options';
import type { Labels } from '../base/types';
import { withoutUndefined } from '../base/without_undefined';
import { CT_LABELS } from '../data/labels/labels';
import type {
  AttentionPoolingOptions,
  Conv1DOptions,
  CtBrainModelOptions,
  CtBrainVariant,
  GRUOptions,
  LRNNOptions,
} from './options';
import { POSTER_VARIANTS } from './poster_variants';
import { RECOMMENDED_VARIANT } from './recommended_variant';

/** Options of each variant; the published ones also by the parts above the backbone. */
const VARIANTS = Object.fromEntries([
  ...Object.entries(POSTER_VARIANTS).flatMap(([name, { options }]) => {
    const [, ...above] = name.split(' + ');
    return [name, above.join(' + ') || 'linear'].map((known) => [known, options] as const);
  }),
  ['recommended', RECOMMENDED_VARIANT],
]) as Record<CtBrainVariant, CtBrainModelOptions>;

const LABELS = rule<Labels>(
  'one or more different names',
  (labels) =>
    Array.isArray(labels) &&
    labels.length > 0 &&
    labels.every((label) => typeof label === 'string' && label !== '') &&
    new Set(labels).size === labels.length,
);

const RULES = {
  variant: optional(oneOf(Object.keys(VARIANTS) as CtBrainVariant[])),
  inputShape: optional(anything, [224, 224, 1]), // checked by the backbone
  backbone: optional(
    { check: (value, what) => void (typeof value === 'string' && checkOneOf(value, BACKBONES, what)) },
    'vgg16',
  ),
  normalize: optional(flag, false),
  sliceDependency: optional(anything, 'gru'),
  labelDecoder: optional(anything, 'lrnn'),
  order: optional(oneOf(['slice-then-label', 'label-then-slice']), 'slice-then-label'),
  labelFeatures: optional(oneOf(['shared', 'joint']), 'shared'),
  neck: optional(oneOf(['add', 'concat', 'none']), 'add'),
  sliceDifferences: optional(flag, false),
  sliceClassifier: optional(flag, false),
  output: optional(oneOf(['slices', 'patient']), 'slices'),
  pooling: optional(anything),
  labels: optional(LABELS, CT_LABELS),
  maskValue: optional(finiteNumber),
  seed: optional(integer),
} satisfies Rules<CtBrainModelOptions>;

/** Options of each kind of part in addition to `type`; the part's layer checks the values. */
const PARTS = {
  gru: { units: 1, numLayers: 1, bidirectional: 1, mergeMode: 1, residual: 1 } satisfies Names<GRUOptions>,
  conv1d: { filters: 1, kernelSize: 1, activation: 1 } satisfies Names<Conv1DOptions>,
  none: {},
  lrnn: { units: 1, cell: 1, bidirectional: 1 } satisfies Names<LRNNOptions>,
  linear: {},
  max: {},
  attention: { units: 1, gated: 1 } satisfies Names<AttentionPoolingOptions>,
};

type Names<Part> = Record<Exclude<keyof Part, 'type'>, 1>;
type PartType = keyof typeof PARTS;

/** Options with the variant and every default filled in. */
export type ResolvedCtBrainModelOptions = ReturnType<typeof resolveCtBrainModelOptions>;

/**
 * Checks the options of {@link buildCtBrainModel} and fills in those of the variant and the defaults.
 *
 * @throws ArgumentError for an unknown key or a value out of range.
 */
export function resolveCtBrainModelOptions(options: CtBrainModelOptions) {
  const what = 'buildCtBrainModel';
  const { variant } = resolveOptions(what, options, RULES);
  const merged = { ...(variant && VARIANTS[variant]), ...withoutUndefined(options) };
  const resolved = resolveOptions(what, merged, RULES);
  const { sliceDifferences, sliceClassifier, pooling: asked, labels } = resolved;
  const sliceDependency = resolvePart<GRUOptions | Conv1DOptions | { type: 'none' }>(
    `${what}: sliceDependency`,
    resolved.sliceDependency,
    ['gru', 'conv1d', 'none'],
  );
  const labelDecoder = resolvePart<LRNNOptions | { type: 'linear' }>(
    `${what}: labelDecoder`,
    resolved.labelDecoder,
    ['lrnn', 'linear'],
  );
  const pooling = resolvePart<{ type: 'max' } | AttentionPoolingOptions>(`${what}: pooling`, asked ?? 'max', [
    'max',
    'attention',
  ]);
  const pools = resolved.output === 'patient' || asked === undefined;
  check(pools, `${what}: pooling`, "none, unless output is 'patient'", asked);
  const differs = !sliceDifferences || sliceDependency.type !== 'none';
  check(differs, `${what}: sliceDifferences`, 'false where sliceDependency is none', sliceDifferences);
  const slicesLeft = "false with pooling 'attention', after which there are no slices to add logits to";
  check(
    !sliceClassifier || pooling.type !== 'attention',
    `${what}: sliceClassifier`,
    slicesLeft,
    sliceClassifier,
  );
  check(
    resolved.order === 'slice-then-label' ||
      (labelDecoder.type === 'lrnn' && sliceDependency.type !== 'none'),
    `${what}: order 'label-then-slice'`,
    "labelDecoder 'lrnn' and a sliceDependency",
    { labelDecoder: labelDecoder.type, sliceDependency: sliceDependency.type },
  );
  return { ...resolved, sliceDependency, labelDecoder, pooling, labels: [...labels] as Labels };
}

type WithType<Part extends { type?: string }> = Part extends unknown
  ? Part & { type: NonNullable<Part['type']> }
  : never;

/** A part's options with its type; if omitted, the type is the first that accepts all of them. */
function resolvePart<Part extends { type?: string }>(
  what: string,
  value: string | Part,
  types: readonly PartType[],
): WithType<Part> {
  const asked: { type?: string } = typeof value === 'string' ? { type: value } : value;
  const namesOf = (type: PartType) => ['type', ...Object.keys(PARTS[type])];
  checkKnownKeys(asked, [...new Set(types.flatMap(namesOf))], what);
  const takesAll = (type: PartType) => Object.keys(asked).every((name) => namesOf(type).includes(name));
  const { type = types.find(takesAll) } = asked;
  check(type !== undefined, what, `'${types.join("', '")}', or the options of one of them`, value);
  checkOneOf(type, types, what);
  checkKnownKeys(asked, namesOf(type), what);
  return { ...asked, type } as WithType<Part>;
}
