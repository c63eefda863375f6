/**
 * Predictions for a study, and scores of them.
 *
 * @module prediction
 */

export { collectPredictions } from './collect_predictions';
export { fitDecisions } from './fit_decisions';
export { evaluatePatients, type Evaluation } from './evaluate';
export { predictPatientLevel, predictPatients } from './predict_patients';
export { predictStack } from './predict';
export { trivialPredictors } from './trivial_predictors';
