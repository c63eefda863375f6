/** The library as snippets get it in the tests: a training ends after one epoch. */
import * as library from '../../../src/index';

export * from '../../../src/index';

export const trainPatients: typeof library.trainPatients = (model, options) =>
  library.trainPatients(model, { ...options, epochs: 1 });

export const pretrainBackbone: typeof library.pretrainBackbone = (model, options) =>
  library.pretrainBackbone(model, { ...options, epochs: 1 });
