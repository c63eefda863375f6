/**
 * Where a model looked, and which slices it looked at.
 *
 * @module explanation
 */

export { gradCam, type GradCamOptions } from './grad_cam';
export { pointingGame, type PointingGameOptions, type PointingGameResult } from './pointing_game';
export { sliceContributions, type SliceContributionsOptions } from './slice_contributions';
