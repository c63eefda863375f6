import * as tf from '@tensorflow/tfjs';
import {
  POSTER_VARIANTS,
  RECOMMENDED_TRAINING,
  type CtBrainModelOptions,
  type PatientSource,
  type PatientStack,
  type TrainPatientsOptions,
} from 'ct-multilabel';
import type { FeatureKind } from './ablation_features';

/** A head to compare, with the settings of its training and evaluation. */
export interface Arrangement {
  name: string;
  options: CtBrainModelOptions;
  /** Published F2, on the poster's validation patients and hidden test patients. */
  published?: (typeof POSTER_VARIANTS)['VGG16']['published'];
  /** Order in which the decoder steps through the labels, if other than the study's. */
  labelOrder?: 'reversed';
  /**
   * Input of the backbone.
   * @defaultValue `'plain'`
   */
  features?: FeatureKind;
  /** Options of the training besides those of all arrangements. */
  training?: Pick<TrainPatientsOptions, 'augmentSequence' | 'sliceClassifierWeight'>;
  /** Number of last epochs whose mean weights are scored, instead of the best epoch's weights. */
  averageLast?: number;
  /** Whether to average the logits of the original and the mirrored images. */
  mirror?: boolean;
  /** Whether the head is first trained on phantom patients. */
  phantomFirst?: boolean;
}

/** The arrangements to compare, and the name of the baseline. */
export interface ArrangementSet {
  plain: string;
  arrangements: readonly Arrangement[];
}

/**
 * The poster's seven, then variants of what it leaves open: how the neck joins, the slice layer's input, the order of
 * labels.
 */
const POSTER: readonly Arrangement[] = [
  ...Object.entries(POSTER_VARIANTS).map(([name, variant]) => ({ name, ...variant })),
  {
    name: 'VGG16 + SDL(GRU), neck concat',
    options: { ...POSTER_VARIANTS['VGG16 + SDL(GRU)'].options, neck: 'concat' },
  },
  {
    name: 'VGG16 + SDL(1Dconv), neck concat',
    options: { ...POSTER_VARIANTS['VGG16 + SDL(1Dconv)'].options, neck: 'concat' },
  },
  {
    name: 'VGG16 + LRNN + SDL(GRU), joint',
    options: { ...POSTER_VARIANTS['VGG16 + LRNN + SDL(GRU)'].options, labelFeatures: 'joint' },
  },
  {
    name: 'VGG16 + SDL(GRU) + LRNN, labels reversed',
    options: POSTER_VARIANTS['VGG16 + SDL(GRU) + LRNN'].options,
    labelOrder: 'reversed',
  },
];

const BASE: Arrangement = {
  name: 'VGG16 + SDL(GRU) + LRNN',
  options: POSTER_VARIANTS['VGG16 + SDL(GRU) + LRNN'].options,
};

/** Techniques of the best hemorrhage systems, each added by itself to one of the poster's arrangements. */
const BEYOND: readonly Arrangement[] = [
  BASE,
  {
    name: 'VGG16 + LRNN + SDL(GRU), the best published',
    options: POSTER_VARIANTS['VGG16 + LRNN + SDL(GRU)'].options,
  },
  { ...BASE, name: '+ neighbouring slices as channels', features: 'neighbors' },
  { ...BASE, name: '+ three windows as channels', features: 'windows' },
  withOptions('+ differences to the neighbours', { sliceDifferences: true }),
  withOptions('+ two bidirectional layers, residual', {
    sliceDependency: { type: 'gru', numLayers: 2, residual: true },
  }),
  {
    ...withOptions("+ the slice's own logits, supervised too", { sliceClassifier: true }),
    training: { sliceClassifierWeight: 0.5 },
  },
  {
    ...BASE,
    name: '+ stacks randomly reversed and subsampled',
    training: { augmentSequence: { reverse: 0.5, keep: [0.7, 1] } },
  },
  { ...BASE, name: '+ mirrored at test time', mirror: true },
  { ...BASE, name: '+ mean of the last ten epochs', averageLast: 10 },
  { ...BASE, name: '+ phantoms first, the head', phantomFirst: true },
  { ...BASE, name: '+ phantoms first, the backbone', features: 'phantom' },
  together('four of them together', BASE.options),
  together(
    'four of them together, on VGG16 + LRNN + SDL(GRU)',
    POSTER_VARIANTS['VGG16 + LRNN + SDL(GRU)'].options,
  ),
  {
    ...BASE,
    name: 'three of them together, recommended',
    training: RECOMMENDED_TRAINING,
    mirror: true,
    averageLast: 10,
  },
];

/**
 * Combines the slice's own logits, random reversal and subsampling, mirroring at test time and the mean of the last
 * epochs.
 */
function together(name: string, options: CtBrainModelOptions): Arrangement {
  return {
    name,
    options: { ...options, sliceClassifier: true },
    training: { sliceClassifierWeight: 0.5, augmentSequence: { reverse: 0.5, keep: [0.7, 1] } },
    mirror: true,
    averageLast: 10,
  };
}

function withOptions(name: string, options: CtBrainModelOptions): Arrangement {
  return { name, options: { ...BASE.options, ...options } };
}

/** The values of `--set`. */
export const ARRANGEMENT_SETS: Readonly<Record<string, ArrangementSet>> = {
  poster: { plain: 'VGG16', arrangements: POSTER },
  beyond: { plain: BASE.name, arrangements: BEYOND },
};

/** The same source with its labels in another order. */
export function inOrder(source: PatientSource, _order: 'reversed'): PatientSource {
  const reversed = <T>(row: readonly T[]) => [...row].reverse();
  const relabelled = (stack: PatientStack): PatientStack => {
    if (!stack.labels) return stack;
    const labels = tf.tidy(() => tf.reverse2d(stack.labels!, 1));
    stack.labels.dispose();
    return { ...stack, labels };
  };
  return {
    ...source,
    labels: reversed(source.labels),
    sliceLabels: (patient) => source.sliceLabels(patient)?.map(reversed),
    load: async (patient) => relabelled(await source.load(patient)),
    loadSlices: async (patient, indices) => relabelled(await source.loadSlices!(patient, indices)),
    loadAugmented: async (patient, draw, indices) =>
      relabelled(await source.loadAugmented!(patient, draw, indices)),
  };
}
