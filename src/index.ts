/**
 * Everything that runs in the browser as well as in Node: model, layers, loss, metrics, transforms, training.
 *
 * No backend is imported or chosen here; `ct-multilabel/node` does that, and reads files. Importing it, with or without a
 * name, makes all layers known to `tf.loadLayersModel`, so a bundle of it always has the layers; `ct-multilabel/losses`,
 * `/metrics`, `/transforms` and `/data` come without them.
 *
 * @module ct-multilabel
 */

// each room's `index.ts` says what of it is public
export * from './base/index';
export { VERSION } from './version';

// models, and what they are built from
export * from './models/index';
export * from './backbones/index';
export * from './layers/index';
export * from './interop/index';

// patients, and what is done to their images
export * from './data/index';
export * from './transforms/index';

// training
export * from './training/index';
export * from './optimizers/index';
export * from './losses/index';

// prediction, and how good it is
export * from './prediction/index';
export * from './metrics/index';
export * from './evaluation/index';
export * from './explanation/index';
export * from './saving/index';

export * from './backends/index';
