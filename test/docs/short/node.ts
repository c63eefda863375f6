/** As `index.ts` beside it. */
import * as library from '../../../src/node';

export * from '../../../src/node';

export const trainRecipe: typeof library.trainRecipe = (model, options) =>
  library.trainRecipe(model, {
    ...options,
    pretrain: { ...options.pretrain, epochs: Math.min(1, options.pretrain?.epochs ?? 1) },
    patients: { ...options.patients, epochs: 1 },
  });
