/**
 * Figures from probabilities: intervals, thresholds, calibration.
 *
 * @module evaluation
 */

export {
  bootstrapDifference,
  bootstrapFBeta,
  bootstrapFBetaDifference,
  bootstrapInterval,
  type BootstrapFBetaOptions,
  type BootstrapInterval,
  type BootstrapOptions,
} from './bootstrap';
export {
  fitCalibration,
  type FitCalibrationOptions,
  type FittedCalibration,
  type KeptReason,
} from './calibration';
export {
  evaluateProbabilities,
  type EvaluateProbabilitiesOptions,
  type LabelReport,
  type ProbabilityReport,
  type ProbabilityScores,
} from './evaluate_probabilities';
export { largestLosses, type LargestLossesOptions, type PredictionLoss } from './largest_losses';
export { patientLevel, type LabelledSlice, type PatientLevel } from './patient_level';
export { chooseThresholds, type ChosenThresholds, type ChooseThresholdsOptions } from './thresholds';
