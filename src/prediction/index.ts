/**
 * Predictions for a study, and scores of them.
 *
 * @module prediction
 */

export {
  collectPredictions,
  type CollectPredictionsOptions,
  type LabelledPrediction,
  type LabelledPredictions,
} from './collect_predictions';
export { fitDecisions, type FitDecisionsOptions, type FittedDecisions } from './fit_decisions';
export {
  evaluatePatients,
  predictPatientLevel,
  predictPatients,
  type EvaluateOptions,
  type Evaluation,
  type PatientProgress,
  type PredictPatientsOptions,
} from './evaluate';
export { predictStack, type PredictOptions } from './predict';
export { trivialPredictors, type TrivialScores } from './trivial_predictors';
