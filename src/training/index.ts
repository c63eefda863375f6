/**
 * The recipe and its stages, a training step, a run's record.
 *
 * @module training
 */

export { type SequenceAugmentation } from './sequence_augmentation';
export { RECOMMENDED_TRAINING } from './recommended_training';
export { WeightAverage } from './weight_average';
export { EarlyStopping, type EarlyStoppingOptions, type EarlyStoppingState } from './early_stopping';
export {
  extractFeatures,
  featureBackbone,
  featureSource,
  type ExtractFeaturesOptions,
  type StudyFeatures,
} from './features';
export {
  fitStage,
  type EpochLog,
  type FitStageOptions,
  type PartialEpoch,
  type StageState,
  type TrainingBatch,
  type TrainingProgress,
} from './fit_stage';
export {
  pretrainBackbone,
  trainPatients,
  type PretrainOptions,
  type TrainPatientsOptions,
} from './train_patients';
export { warmUpHead, type WarmUpOptions } from './warm_up_head';
export { type PartRates, type TrainingOptions } from './stage';
export { type StepRules } from './apply_step';
export { type RateSchedule } from './learning_rate';
export {
  RECIPES,
  resolveRecipe,
  type Recipe,
  type RecipeOptions,
  type SequenceSchedule,
  type StageSchedule,
} from './recipes';
export { trainRecipe, type TrainedRecipe, type TrainRecipeOptions } from './train_recipe';
export { memoryRun, type MemoryRun, type RunStage, type RunStageOptions, type RunStore } from './run_store';
export { computeGradients, trainStep, type TrainStepOptions } from './train_step';
export type { StepGradients } from './finite_step';
