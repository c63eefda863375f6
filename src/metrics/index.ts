/**
 * The metrics, without the layers that `ct-multilabel` always brings.
 *
 * @module ct-multilabel/metrics
 */

export { confusionCounts, type ConfusionCounts, type ConfusionCountsOptions } from './confusion_counts';
export { decide, type Threshold } from './decide';
export { fBetaScore, FBetaScore, type FBetaAverage, type FBetaOptions } from './f_beta';
export { f2Metric, type F2MetricOptions } from './f2_metric';
export {
  RSNA_LABEL_WEIGHTS,
  weightedLogLoss,
  WeightedLogLoss,
  weightedLogLossMetric,
  type WeightedLogLossMetricOptions,
  type WeightedLogLossOptions,
} from './weighted_log_loss';
export { averagePrecision, AveragePrecision } from './average_precision';
export { applyCalibration, calibrateProbabilities, logitsOf, type Calibration } from './calibration';
export {
  confusionRates,
  ConfusionRates,
  type ConfusionRatesOptions,
  type RateTensors,
} from './confusion_rates';
export {
  countDecisions,
  countDecisionsByPatient,
  decisionRates,
  fBetaOfCounts,
  poolCounts,
  type DecisionCounts,
  type DecisionRates,
} from './decision_counts';
export type { Averaged, LabelAverage, LabelAverageOptions, LabelRows } from './labelled_scores';
export { predictiveValues, type PredictiveValues } from './predictive_values';
export {
  brierScore,
  expectedCalibrationError,
  reliabilityCurve,
  type CalibrationBinOptions,
  type ReliabilityBin,
} from './probability_errors';
export { rocAuc, RocAuc } from './roc_auc';
export {
  precisionRecallCurve,
  rocCurve,
  type CurveOptions,
  type PrecisionRecallCurve,
  type RocCurve,
} from './score_curves';
