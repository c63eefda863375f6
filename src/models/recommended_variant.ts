import type { CtBrainModelOptions } from './options';

/**
 * Options of `variant: 'recommended'`: the published arrangement that neither another one nor any addition outperformed
 * when all were compared on the same folds of real head CT; the backbone is yours to choose. `docs/results.md` has the
 * figures and their uncertainty.
 *
 * Additions that did no harm concern training and prediction: `RECOMMENDED_TRAINING`, the mean weights of the last
 * epochs (`WeightAverage`), and `flips` when predicting.
 *
 * @example
 * ```ts
 * const model = buildCtBrainModel({ variant: 'recommended', backbone: 'squeezenet1_1' });
 * await trainPatients(model, { train, validation, seed: 1, ...RECOMMENDED_TRAINING });
 * ```
 */
export const RECOMMENDED_VARIANT: Readonly<
  Pick<CtBrainModelOptions, 'sliceDependency' | 'labelDecoder' | 'order' | 'neck'>
> = { sliceDependency: 'gru', labelDecoder: 'lrnn', order: 'slice-then-label', neck: 'add' };
