/**
 * The whole model: its options, the published arrangements, its parts.
 *
 * @module models
 */

export { buildCtBrainModel, type CtBrainModel } from './ct_brain_model';
export {
  type AttentionPoolingOptions,
  type Conv1DOptions,
  type CtBrainModelOptions,
  type CtBrainVariant,
  type GRUOptions,
  type LRNNOptions,
  type PosterVariant,
} from './options';
export { backboneOf, outputLevel, type OutputLevel } from './model_parts';
export { POSTER_VARIANTS, type PublishedVariant } from './poster_variants';
export { RECOMMENDED_VARIANT } from './recommended_variant';
