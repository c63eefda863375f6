import type { CtBrainModelOptions, PosterVariant } from './options';

/**
 * A published arrangement: its options, and the F2 that its authors report.
 *
 * @inline
 */
export interface PublishedVariant {
  /** Options of `buildCtBrainModel`. */
  readonly options: Readonly<
    Pick<CtBrainModelOptions, 'backbone' | 'sliceDependency' | 'labelDecoder' | 'order'>
  >;
  /** F2 as published, on their validation split and on the challenge's hidden test set. */
  readonly published: { readonly validationF2: number; readonly kaggleF2: number };
}

/**
 * The seven arrangements of the 2021 poster, with the F2 published for each.
 *
 * @example
 * ```ts
 * const model = buildCtBrainModel({ variant: 'VGG16 + LRNN + SDL(GRU)' });
 * POSTER_VARIANTS['VGG16 + LRNN + SDL(GRU)'].published.kaggleF2; // 0.783
 * ```
 */
export const POSTER_VARIANTS: Readonly<Record<PosterVariant, PublishedVariant>> = {
  VGG16: variant('none', 'linear', 0.712, 0.721),
  'VGG16 + LRNN': variant('none', 'lrnn', 0.72, 0.75),
  'VGG16 + SDL(GRU)': variant('gru', 'linear', 0.745, 0.768),
  'VGG16 + SDL(1Dconv)': variant('conv1d', 'linear', 0.747, 0.75),
  'VGG16 + SDL(GRU) + LRNN': variant('gru', 'lrnn', 0.765, 0.773),
  'VGG16 + SDL(1Dconv) + LRNN': variant('conv1d', 'lrnn', 0.757, 0.774),
  'VGG16 + LRNN + SDL(GRU)': variant('gru', 'lrnn', 0.766, 0.783, 'label-then-slice'),
};

function variant(
  sliceDependency: 'gru' | 'conv1d' | 'none',
  labelDecoder: 'lrnn' | 'linear',
  validationF2: number,
  kaggleF2: number,
  order: 'slice-then-label' | 'label-then-slice' = 'slice-then-label',
): PublishedVariant {
  return {
    options: { backbone: 'vgg16', sliceDependency, labelDecoder, order },
    published: { validationF2, kaggleF2 },
  };
}
