/**
 * The whole model: its options, the published arrangements, its parts.
 *
 * @module models
 */

export { buildCtBrainModel, type CtBrainModel } from './ct_brain_model';
export { type CtBrainModelOptions, type PosterVariant } from './options';
export { backboneOf } from './model_parts';
export { outputLevel } from './output_level';
export { POSTER_VARIANTS } from './poster_variants';
export { RECOMMENDED_VARIANT } from './recommended_variant';
