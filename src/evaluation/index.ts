/**
 * Evaluation of probabilities: intervals, thresholds, calibration.
 *
 * @module evaluation
 */

export { bootstrapDifference, bootstrapInterval } from './bootstrap';
export { fitCalibration } from './calibration';
export { evaluateProbabilities, type ProbabilityReport } from './evaluate_probabilities';
export { largestLosses } from './largest_losses';
export { patientLevel } from './patient_level';
export { chooseThresholds } from './thresholds';
