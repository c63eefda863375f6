/** The library as snippets get it in the tests: a training ends after one epoch. */
import * as library from '../../../src/index';

export * from '../../../src/index';

export const trainPatients: typeof library.trainPatients = (model, options) =>
  library.trainPatients(model, { ...options, epochs: 1 });

export const pretrainBackbone: typeof library.pretrainBackbone = (model, options) =>
  library.pretrainBackbone(model, { ...options, epochs: 1 });

export const warmUpHead: typeof library.warmUpHead = (model, options) =>
  library.warmUpHead(model, { ...options, epochs: 1, versions: 1 });

export const trainRecipe: typeof library.trainRecipe = (model, options) =>
  library.trainRecipe(model, {
    ...options,
    pretrain: options.pretrain !== false && {
      ...options.pretrain,
      epochs: Math.min(1, options.pretrain?.epochs ?? 1),
    },
    warmUp: options.warmUp !== false && { ...options.warmUp, epochs: 1, versions: 1 },
    patients: options.patients !== false && { ...options.patients, epochs: 1 },
  });
