import * as tf from '@tensorflow/tfjs';
import {
  POSTER_VARIANTS,
  type CtBrainModelOptions,
  type PatientSource,
  type PatientStack,
  type PublishedVariant,
} from 'ct-multilabel';

/** A head to compare. */
export interface Arrangement {
  name: string;
  options: CtBrainModelOptions;
  /** F2 its authors published, on their validation and their hidden test patients. */
  published?: PublishedVariant['published'];
  /** Order in which the decoder steps through the labels, where it is not the study's. */
  labelOrder?: 'reversed';
}

/** The poster's seven, then what it left open: how the neck joins, what the slice layer sees, in which order labels come. */
export const ARRANGEMENTS: readonly Arrangement[] = [
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
