/**
 * Everything that runs in the browser as well as in Node: model, layers, loss, metrics, transforms, training.
 *
 * No backend is imported or chosen here; `ct-multilabel/node` does that, and reads files. Importing it, with or without a
 * name, makes all layers known to `tf.loadLayersModel`, so a bundle of it always has the layers; `ct-multilabel/losses`,
 * `/metrics`, `/transforms` and `/data` come without them.
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
} from './base/errors';
export { VERSION } from './version';
export {
  IGNORED_LABEL,
  type AugmentationDraw,
  type ConfiguredFn,
  type ByLabel,
  type Kwargs,
  type Labels,
  type LossFn,
  type Shape,
  type TorchLoadable,
  type TorchParameter,
} from './base/types';
export { deriveSeed, seededRandom, shuffled, type Random } from './base/random';

export { buildCtBrainModel, type CtBrainModel } from './models/ct_brain_model';
export {
  type AttentionPoolingOptions,
  type Conv1DOptions,
  type CtBrainModelOptions,
  type CtBrainVariant,
  type GRUOptions,
  type LRNNOptions,
  type PosterVariant,
} from './models/options';
export { backboneOf, outputLevel, type OutputLevel } from './models/model_parts';
export { POSTER_VARIANTS, type PublishedVariant } from './models/poster_variants';
export { RECOMMENDED_VARIANT } from './models/recommended_variant';

export * from './backbones/index';
export { BACKBONES, type BackboneName } from './backbones/registry';
export { type BackboneOptions } from './backbones/builder';

export * from './layers/index';
export * from './losses/index';
export * from './metrics/index';
export * from './transforms/index';
export * from './data/index';

export { readSafetensors, writeSafetensors } from './interop/safetensors';
export {
  loadTorchWeights,
  type LoadedTorchWeights,
  type LoadTorchWeightsOptions,
} from './interop/torch_weights';

export { prepareWasmBackend, type WasmPreparation } from './backends/prepare_wasm_backend';
export {
  useBrowserBackend,
  type BrowserBackend,
  type BrowserBackendName,
} from './backends/use_browser_backend';

export { adam, Adam } from './optimizers/adam';
export { type SequenceAugmentation } from './training/sequence_augmentation';
export { RECOMMENDED_TRAINING } from './training/recommended_training';
export { WeightAverage } from './training/weight_average';
export { EarlyStopping, type EarlyStoppingOptions, type EarlyStoppingState } from './training/early_stopping';
export {
  collectPredictions,
  type CollectPredictionsOptions,
  type LabelledPrediction,
  type LabelledPredictions,
} from './prediction/collect_predictions';
export { fitDecisions, type FitDecisionsOptions, type FittedDecisions } from './prediction/fit_decisions';
export {
  evaluatePatients,
  predictPatientLevel,
  predictPatients,
  type EvaluateOptions,
  type Evaluation,
  type PatientProgress,
  type PredictPatientsOptions,
} from './prediction/evaluate';
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
  type PartialEpoch,
  type StageState,
  type TrainingBatch,
  type TrainingProgress,
} from './training/fit_stage';

export { predictStack, type PredictOptions } from './prediction/predict';
export {
  pretrainBackbone,
  trainPatients,
  type PretrainOptions,
  type TrainPatientsOptions,
} from './training/train_patients';
export { warmUpHead, type WarmUpOptions } from './training/warm_up_head';
export { type PartRates, type TrainingOptions } from './training/stage';
export { type StepRules } from './training/apply_step';
export { type RateSchedule } from './training/learning_rate';
export {
  RECIPES,
  resolveRecipe,
  type Recipe,
  type RecipeOptions,
  type SequenceSchedule,
  type StageSchedule,
} from './training/recipes';
export { trainRecipe, type TrainedRecipe, type TrainRecipeOptions } from './training/train_recipe';
export {
  memoryRun,
  type MemoryRun,
  type RunStage,
  type RunStageOptions,
  type RunStore,
} from './training/run_store';
export { computeGradients, trainStep, type TrainStepOptions } from './training/train_step';
export type { StepGradients } from './training/finite_step';
export { trivialPredictors, type TrivialScores } from './prediction/trivial_predictors';
export {
  createCheckpointManifest,
  parseCheckpointManifest,
  type CheckpointDescription,
  type CheckpointManifest,
} from './saving/checkpoint_format';
export { type SavedCtBrainModel } from './saving/checkpoint_artifacts';
export { type CompileRecord, type FunctionRecord } from './saving/compile_record';
export { type OptimizerRecord } from './optimizers/optimizer_record';
export {
  loadCtBrainModel,
  saveCtBrainModel,
  type LoadCtBrainModelOptions,
  type SaveCtBrainModelOptions,
} from './saving/saved_model';

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
export { gradCam, type GradCamOptions } from './explanation/grad_cam';
export { pointingGame, type PointingGameOptions, type PointingGameResult } from './explanation/pointing_game';
export { sliceContributions, type SliceContributionsOptions } from './explanation/slice_contributions';
