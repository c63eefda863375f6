/**
 * The metrics, without the layers that `ct-multilabel` always brings.
 *
 * Functions take rows and give numbers, `undefined` where the data do not define them; classes take tensors batch by batch and give
 * promises. `fBetaScore`, `FBetaScore` and the two metrics for `model.compile` give tensors.
 *
 * @module ct-multilabel/metrics
 */

export { calibrateProbabilities, type Calibration } from './calibration';
export { decide, type ThresholdOptions } from './decide';
export { DecisionCounter } from './decision_counter';
export {
  countDecisions,
  countDecisionsByPatient,
  decisionRates,
  poolCounts,
  type DecisionCounts,
  type DecisionRates,
  type DecisionRatesOptions,
} from './decision_counts';
export { f2Metric, type F2MetricOptions } from './f2_metric';
export { fBetaScore, FBetaScore, type FBetaOptions } from './f_beta';
export type { Averaged, LabelAverage, LabelAverageOptions, LabelRows, PatientRows } from './labelled_scores';
export {
  brierScore,
  expectedCalibrationError,
  reliabilityCurve,
  type CalibrationBinOptions,
  type ReliabilityBin,
} from './probability_errors';
export { averagePrecision, AveragePrecision, rocAuc, RocAuc } from './ranking_metrics';
export {
  precisionRecallCurve,
  rocCurve,
  type CurveOptions,
  type PrecisionRecallCurve,
  type RocCurve,
} from './score_curves';
export {
  RSNA_LABEL_WEIGHTS,
  weightedLogLoss,
  WeightedLogLoss,
  weightedLogLossMetric,
  type WeightedLogLossMetricOptions,
  type WeightedLogLossOptions,
} from './weighted_log_loss';
