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

/** A head to compare, and what else is done for it. */
export interface Arrangement {
  name: string;
  options: CtBrainModelOptions;
  /** F2 its authors published, on their validation and their hidden test patients. */
  published?: (typeof POSTER_VARIANTS)['VGG16']['published'];
  /** Order in which the decoder steps through the labels, where it is not the study's. */
  labelOrder?: 'reversed';
  /**
   * What the backbone's features are of.
   * @defaultValue `'plain'`
   */
  features?: FeatureKind;
  /** What training takes beside what all arrangements get. */
  training?: Pick<TrainPatientsOptions, 'augmentSequence' | 'sliceClassifierWeight'>;
  /** The mean weights of so many last epochs are scored, in place of the best epoch's. */
  averageLast?: number;
  /** The patients left to right too, the mean of both logits. */
  mirror?: boolean;
  /** The head learns from phantom patients first. */
  phantomFirst?: boolean;
}

/** Arrangements that are compared, and the name of the one that the others are measured against. */
export interface ArrangementSet {
  plain: string;
  arrangements: readonly Arrangement[];
}

/** The poster's seven, then what it left open: how the neck joins, what the slice layer sees, in which order labels come. */
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

/** What the best hemorrhage systems do, each by itself on top of one of the poster's arrangements. */
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

/** The slice's own logits, stacks randomly reversed and subsampled, mirrored at test time, mean of the last epochs. */
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

/** What `--set` can name. */
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
