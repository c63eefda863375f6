/**
 * Everything that runs in the browser as well as in Node: model, layers, loss, metrics, transforms, training.
 *
 * No backend is imported or chosen here; `ct-multilabel/node` does that, and reads files.
 *
 * @module ct-multilabel
 */

export {
  ArgumentError,
  check,
  CheckpointError,
  checkKnownKeys,
  checkOneOf,
  CtMultilabelError,
  DataError,
  describe,
  isPositiveInteger,
  NonFiniteError,
  OutOfMemoryError,
  type DataLocation,
} from './errors';
export { VERSION } from './version';
export {
  IGNORED_LABEL,
  type AugmentationDraw,
  type ByLabel,
  type Kwargs,
  type Labels,
  type LossFn,
  type Shape,
} from './types';
export { deriveSeed, seededRandom, shuffled, type Random } from './random';

export { buildCtBrainModel, type CtBrainModel } from './models/ct_brain_model';
export {
  BACKBONES,
  type AttentionPoolingOptions,
  type BackboneName,
  type Conv1DOptions,
  type CtBrainModelOptions,
  type GRUOptions,
  type LRNNOptions,
} from './models/options';
export { POSTER_VARIANTS, type PosterVariant, type PublishedVariant } from './models/poster_variants';

export { vgg16, type VGG16Options } from './backbones/vgg16';
export { resnet18, type ResNet18Options } from './backbones/resnet18';
export { squeezenet1_1, type SqueezeNetOptions } from './backbones/squeezenet1_1';
export { type BackboneOptions } from './backbones/builder';
export { GrayToRgb, ImageNetNormalization } from './backbones/input_layers';

export { SliceDependencyGRU, type SliceDependencyGRUArgs } from './layers/slice_dependency_gru';
export { SliceConv1D, type SliceConv1DArgs } from './layers/slice_conv1d';
export { FusedBatchNorm, type FusedBatchNormArgs } from './layers/fused_batch_norm';
export { FusedConv2D, type FusedConv2DArgs } from './layers/fused_conv2d';
export { ResidualNeck, type ResidualNeckArgs } from './layers/residual_neck';
export { LabelRNNDecoder, type LabelRNNDecoderArgs } from './layers/label_rnn_decoder';
export { LabelLinear, type LabelLinearArgs } from './layers/label_linear';
export { PerSlice, type PerSliceArgs } from './layers/per_slice';
export { SlicePooling, type SlicePoolingArgs } from './layers/slice_pooling';
export { PerLabel } from './layers/per_label';
export { type WrapperArgs } from './layers/wrapper';
export { type Activation } from './layers/activation';

export {
  AsymmetricLoss,
  asymmetricLoss,
  type AsymmetricLossFn,
  type AsymmetricLossOptions,
} from './losses/asymmetric_loss';

export {
  confusionCounts,
  type ConfusionCounts,
  type ConfusionCountsOptions,
} from './metrics/confusion_counts';
export { decide, type Threshold } from './metrics/decide';
export { fBetaScore, FBetaScore, type FBetaAverage, type FBetaOptions } from './metrics/f_beta';
export { f2Metric, type F2MetricOptions } from './metrics/f2_metric';

export {
  RSNA_LABEL_WEIGHTS,
  weightedLogLoss,
  WeightedLogLoss,
  weightedLogLossMetric,
  type WeightedLogLossMetricOptions,
  type WeightedLogLossOptions,
} from './metrics/weighted_log_loss';

export { averagePrecision, AveragePrecision } from './metrics/average_precision';
export { applyCalibration, calibrateProbabilities, logitsOf, type Calibration } from './metrics/calibration';
export {
  confusionRates,
  ConfusionRates,
  type ConfusionRatesOptions,
  type RateTensors,
} from './metrics/confusion_rates';
export {
  countDecisions,
  decisionRates,
  fBetaOfCounts,
  poolCounts,
  type DecisionCounts,
  type DecisionRates,
} from './metrics/decision_counts';
export type { Averaged, LabelAverage, LabelAverageOptions, LabelRows } from './metrics/labelled_scores';
export { predictiveValues, type PredictiveValues } from './metrics/predictive_values';
export {
  brierScore,
  expectedCalibrationError,
  reliabilityCurve,
  type CalibrationBinOptions,
  type ReliabilityBin,
} from './metrics/probability_errors';
export { rocAuc, RocAuc } from './metrics/roc_auc';
export {
  precisionRecallCurve,
  rocCurve,
  type CurveOptions,
  type PrecisionRecallCurve,
  type RocCurve,
} from './metrics/score_curves';

export { affine, type AffineOptions } from './transforms/affine';
export { clahe, type ClaheOptions } from './transforms/clahe';
export { type ClaheUint8Options } from './transforms/clahe_plan';
export { colorJitter, type ColorJitterOptions } from './transforms/color_jitter';
export { compose, type ImageTransform } from './transforms/compose';
export { flip } from './transforms/flip';
export {
  CT_WINDOWS,
  huWindow,
  windowChannels,
  type CtWindowName,
  type HuWindow,
} from './transforms/hu_window';
export { neighborSlices, type NeighborEdge, type NeighborSlicesOptions } from './transforms/neighbor_slices';
export {
  createPreprocessing,
  preprocess,
  preprocessedChannels,
  type CtPreprocessing,
  type CtPreprocessingOptions,
} from './transforms/preprocessing';
export {
  applyAugmentation,
  drawAugmentation,
  randomAugment,
  type ApplyAugmentationOptions,
  type AugmentationRanges,
  type RandomAugmentOptions,
} from './transforms/random_augment';
export { resize, type ResizeOptions } from './transforms/resize';

export { byLabel, CT_LABEL_NAMES, CT_LABELS, type CtLabel, type CtLabels } from './data/labels';
export { cachedSource, type CachedSourceOptions } from './data/cached_source';
export {
  findDuplicateSlices,
  type DuplicateSearchOptions,
  type DuplicateSlices,
} from './data/duplicate_slices';
export {
  groupByPatient,
  parseKaggleTable,
  sliceOrder,
  sliceStem,
  type KaggleRow,
  type KaggleTableOptions,
} from './data/kaggle_table';
export {
  disposeStack,
  patientLabels,
  prefetchPatients,
  subset,
  type PatientLabelSource,
  type PatientSource,
  type PatientStack,
} from './data/patient_source';
export { labelRuns, type InterruptedLabel, type LabelRuns, type SliceRange } from './data/label_runs';
export { labelStatistics, type LabelCount, type LabelStatistics } from './data/label_statistics';
export { checkNoLeak, duplicatesAcross, type LeakCheckOptions, type SplitSides } from './data/leak_check';
export {
  kFoldByPatient,
  nestedKFoldByPatient,
  type KFoldOptions,
  type NestedKFoldOptions,
  type NestedPatientFold,
  type PatientFold,
} from './data/patient_folds';
export { prefetch, type PrefetchOptions } from './data/prefetch';
export {
  splitByPatient,
  splitByShares,
  type PatientGrouping,
  type ShareSplitOptions,
  type PatientLabels,
  type PatientSplit,
  type PatientSplitOptions,
} from './data/patient_split';
export {
  patientProbabilitiesTable,
  probabilitiesTable,
  submissionTable,
  type PatientPrediction,
  type PredictedLabel,
  type PredictedLabels,
  type PredictedPatient,
  type PredictedSlice,
  type SlicePrediction,
} from './data/predictions_table';
export { RSNA_LABELS, RSNA_TO_CT_LABELS, type RsnaLabel } from './data/rsna_labels';
export { rsnaSubmissionTable } from './data/rsna_predictions_table';
export {
  RsnaTableReader,
  type RsnaDuplicate,
  type RsnaTable,
  type RsnaTableOptions,
} from './data/rsna_table';
export {
  CQ500_COLUMNS,
  parseScanTable,
  scanKey,
  type ScanRow,
  type ScanTableOptions,
} from './data/scan_table';
export { splitMeasures, type SplitMeasures, type SplitMeasuresOptions } from './data/split_measures';
export * from './data/phantom';

export { readSafetensors, writeSafetensors } from './interop/safetensors';
export { loadTorchWeights, type LoadTorchWeightsOptions } from './interop/torch_weights';
export { type TorchLoadable, type TorchParameter } from './types';

export { prepareWasmBackend, type WasmPreparation } from './backends/prepare_wasm_backend';

export { adam, Adam } from './training/adam';
export { EarlyStopping, type EarlyStoppingState } from './training/early_stopping';
export {
  collectPredictions,
  type CollectPredictionsOptions,
  type LabelledPrediction,
  type LabelledPredictions,
} from './training/collect_predictions';
export {
  evaluatePatients,
  predictPatientLevel,
  predictPatients,
  type EvaluateOptions,
  type Evaluation,
  type PatientProgress,
  type PredictPatientsOptions,
} from './training/evaluate';
export {
  extractFeatures,
  featureBackbone,
  featureSource,
  type ExtractFeaturesOptions,
  type StudyFeatures,
} from './training/features';
export {
  fitStage,
  type EpochLog,
  type FitStageOptions,
  type StageState,
  type TrainingBatch,
  type TrainingProgress,
} from './training/fit_stage';
export { backboneOf, outputLevel, type OutputLevel } from './models/model_parts';
export { predictStack, type PredictOptions } from './training/predict';
export {
  pretrainBackbone,
  trainPatients,
  type PretrainOptions,
  type TrainingOptions,
} from './training/train_patients';
export {
  computeGradients,
  trainStep,
  type StepGradients,
  type TrainStepOptions,
} from './training/train_step';
export { trivialPredictors, type TrivialScores } from './training/trivial_predictors';
export {
  createCheckpointManifest,
  parseCheckpointManifest,
  type CheckpointDescription,
  type CheckpointManifest,
} from './training/checkpoint_format';

export {
  bootstrapDifference,
  bootstrapFBeta,
  bootstrapFBetaDifference,
  bootstrapInterval,
  type BootstrapFBetaOptions,
  type BootstrapInterval,
  type BootstrapOptions,
} from './evaluation/bootstrap';
export {
  fitCalibration,
  type FitCalibrationOptions,
  type FittedCalibration,
  type KeptReason,
} from './evaluation/calibration';
export {
  evaluateProbabilities,
  type EvaluateProbabilitiesOptions,
  type LabelReport,
  type ProbabilityReport,
  type ProbabilityScores,
} from './evaluation/evaluate_probabilities';
export { largestLosses, type LargestLossesOptions, type PredictionLoss } from './evaluation/largest_losses';
export { patientLevel, type LabelledSlice, type PatientLevel } from './evaluation/patient_level';
export {
  chooseThresholds,
  type ChosenThresholds,
  type ChooseThresholdsOptions,
} from './evaluation/thresholds';
export { gradCam, type GradCamOptions } from './evaluation/grad_cam';
export { pointingGame, type PointingGameOptions, type PointingGameResult } from './evaluation/pointing_game';
export { sliceContributions, type SliceContributionsOptions } from './evaluation/slice_contributions';
