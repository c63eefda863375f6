/**
 * Figures from probabilities: intervals, thresholds, calibration.
 *
 * @module evaluation
 */

export {
  bootstrapDifference,
  bootstrapInterval,
  type BootstrapInterval,
  type BootstrapOptions,
} from './bootstrap';
export { fitCalibration, type FitCalibrationOptions, type FittedCalibration } from './calibration';
export {
  evaluateProbabilities,
  type EvaluateProbabilitiesOptions,
  type LabelReport,
  type ProbabilityReport,
  type ProbabilityScores,
} from './evaluate_probabilities';
export { largestLosses, type PredictionLoss } from './largest_losses';
export { patientLevel } from './patient_level';
export { chooseThresholds, type ChosenThresholds, type ChooseThresholdsOptions } from './thresholds';
