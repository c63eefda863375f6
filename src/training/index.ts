/**
 * The recipe and its stages, a training step, a run's record.
 *
 * @module training
 */

export { RECOMMENDED_TRAINING } from './recommended_training';
export { WeightAverage } from './weight_average';
export { EarlyStopping } from './early_stopping';
export { extractFeatures, featureBackbone, featureSource } from './features';
export { type EpochLog } from './fit_stage';
export { pretrainBackbone, trainPatients, type TrainPatientsOptions } from './train_patients';
export { warmUpHead } from './warm_up_head';

export { RECIPES, resolveRecipe, type RecipeOptions } from './recipes';
export { trainRecipe, type TrainedRecipe, type TrainRecipeOptions } from './train_recipe';
export { memoryRun, type RunStage, type RunStore } from './run_store';
export { computeGradients, trainStep } from './train_step';
