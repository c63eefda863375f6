import type { CtBrainModelOptions } from './options';

/**
 * What `variant: 'recommended'` stands for: one of the published arrangements, and what did better on top of it when each was compared
 * on the same folds of real head CT. `docs/results.md` has the figures, and how sure they are.
 *
 * {@link RECOMMENDED_TRAINING} is what its training takes beside it.
 *
 * @example
 * ```ts
 * const model = buildCtBrainModel({ variant: 'recommended', backbone: 'squeezenet1_1' });
 * await trainPatients(model, { train, validation, seed: 1, ...RECOMMENDED_TRAINING });
 * ```
 */
export const RECOMMENDED_VARIANT: Readonly<
  Pick<
    CtBrainModelOptions,
    'sliceDependency' | 'labelDecoder' | 'order' | 'neck' | 'sliceDifferences' | 'sliceClassifier'
  >
> = {
  sliceDependency: { type: 'gru', numLayers: 2, residual: true },
  labelDecoder: 'lrnn',
  order: 'slice-then-label',
  sliceClassifier: true,
};
