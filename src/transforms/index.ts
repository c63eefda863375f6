/**
 * Preprocessing and augmentation, without the layers that `ct-multilabel` always brings.
 *
 * @module transforms
 */

export { affine } from './affine';
export { clahe } from './clahe';
export { colorJitter } from './color_jitter';
export { compose } from './compose';
export { flip } from './flip';
export { CT_WINDOWS, huWindow, windowChannels } from './hu_window';
export { neighborSlices } from './neighbor_slices';
export { createPreprocessing, preprocess, preprocessedChannels, type CtPreprocessing } from './preprocessing';
export { applyAugmentation, drawAugmentation, randomAugment } from './random_augment';
export { resize } from './resize';
