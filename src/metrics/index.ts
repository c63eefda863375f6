/**
 * The metrics, without the layers that `ct-multilabel` always brings.
 *
 * Functions take rows and return numbers, or `undefined` if the data do not define them; classes take tensors batch by
 * batch and return promises. `fBetaScore`, `FBetaScore`, `weightedLogLoss` and the two metrics for `model.compile` take
 * and return tensors.
 *
 * @module metrics
 */

export { calibrateProbabilities, type Calibration } from './calibration';
export { decide } from './decide';
export { DecisionCounter } from './decision_counter';
export { countDecisions, countDecisionsByPatient, decisionRates, poolCounts } from './decision_counts';
export { f2Metric } from './f2_metric';
export { fBetaScore, FBetaScore } from './f_beta';

export { brierScore, expectedCalibrationError, reliabilityCurve } from './probability_errors';
export { averagePrecision, AveragePrecision, rocAuc, RocAuc } from './ranking_metrics';
export { precisionRecallCurve, rocCurve } from './score_curves';
export {
  RSNA_LABEL_WEIGHTS,
  weightedLogLoss,
  WeightedLogLoss,
  weightedLogLossMetric,
} from './weighted_log_loss';
