/**
 * Explanations: where a model looked, and which slices contributed.
 *
 * @module explanation
 */

export { gradCam } from './grad_cam';
export { integratedGradients } from './integrated_gradients';
export { pointingGame } from './pointing_game';
export { sliceContributions } from './slice_contributions';
