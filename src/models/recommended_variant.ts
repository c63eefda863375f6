import type { CtBrainModelOptions } from './options';

/**
 * What `variant: 'recommended'` stands for: the published arrangement that none of the others, and nothing put on top of it, did better
 * than when all were compared on the same folds of real head CT; the backbone is yours to choose. `docs/results.md` has the figures, and
 * how sure they are.
 *
 * What did not do worse lies in its training and its use: `RECOMMENDED_TRAINING`, the mean weights of the last epochs
 * (`WeightAverage`), and `flips` when predicting.
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
