/**
 * The recipe and its stages, a training step, a run's record.
 *
 * @module training
 */

export { RECOMMENDED_TRAINING } from './recipes/recommended_training';
export { WeightAverage } from './steps/weight_average';
export { EarlyStopping } from './stages/early_stopping';
export { extractFeatures, featureBackbone, featureSource } from './batches/features';
export { type EpochLog } from './stages/stage_log';
export { pretrainBackbone, trainPatients, type TrainPatientsOptions } from './stages/train_patients';
export { warmUpHead } from './stages/warm_up_head';

export { RECIPES, resolveRecipe, type RecipeOptions } from './recipes/recipes';
export { trainRecipe, type TrainedRecipe, type TrainRecipeOptions } from './recipes/train_recipe';
export { memoryRun, type RunStage, type RunStore } from './recipes/run_store';
export { computeGradients, trainStep } from './steps/train_step';
