/**
 * Preprocessing and augmentation, without the layers that `ct-multilabel` always brings.
 *
 * @module ct-multilabel/transforms
 */

export { affine, type AffineOptions } from './affine';
export { clahe, type ClaheOptions } from './clahe';
export { colorJitter, type ColorJitterOptions } from './color_jitter';
export { compose, type ImageTransform } from './compose';
export { flip } from './flip';
export { CT_WINDOWS, huWindow, windowChannels, type CtWindowName, type HuWindow } from './hu_window';
export { neighborSlices, type NeighborEdge, type NeighborSlicesOptions } from './neighbor_slices';
export {
  createPreprocessing,
  preprocess,
  preprocessedChannels,
  type CtPreprocessing,
  type CtPreprocessingOptions,
} from './preprocessing';
export {
  applyAugmentation,
  drawAugmentation,
  randomAugment,
  type ApplyAugmentationOptions,
  type AugmentationRanges,
  type RandomAugmentOptions,
} from './random_augment';
export { resize, type ResizeOptions } from './resize';
