import type * as tf from '@tensorflow/tfjs';
import { check } from '../../base/checks';
import { anything, callback, optional, resolveOptions, type Resolved, type Rules } from '../../base/options';
import { checkKnownLabels } from '../../data/checks/known_labels';
import type { PatientProgress, PatientSource } from '../../data/sources/patient_source';
import { asymmetricLoss } from '../../losses/asymmetric_loss';
import { buildCtBrainModel } from '../../models/ct_brain_model';
import { backboneOf } from '../../models/model_parts';
import { outputLevel } from '../../models/output_level';
import { checkSourceFits, checkSourceIsDescribed } from '../../models/model_record';
import { setOutputBias } from '../../models/output_bias';
import { evaluatePatients, type Evaluation } from '../../prediction/evaluate';
import { fitDecisions, type FittedDecisions } from '../../prediction/fit_decisions';
import { trivialPredictors, type TrivialScores } from '../../prediction/trivial_predictors';
import type { CheckpointDescription } from '../../saving/checkpoint_format';
import type { EpochLog } from '../stages/stage_log';
import { RECIPE_RULES, RECIPES, resolveRecipe, type Recipe, type RecipeOptions } from './recipes';
import type { RunStageOptions, RunStore } from './run_store';
import { TRAINING_RULES, type TrainingOptions } from '../stages/stage';
import { pretrainBackbone, trainPatients } from '../stages/train_patients';
import { labelCounts, warmUpHead } from '../stages/warm_up_head';

/**
 * Options of {@link trainRecipe}.
 */
export interface TrainRecipeOptions
  extends
    Pick<
      TrainingOptions,
      'train' | 'validation' | 'seed' | 'memoryBudget' | 'loss' | 'onProgress' | 'checkpointSteps'
    >,
    RecipeOptions {
  /**
   * Data for the first stage instead of `train`: for example `train` and single slices of unknown patients, which can
   * train a backbone but not slice dependency.
   * @defaultValue train
   */
  pretrainOn?: PatientSource;
  /** Where training is stored, see `openTrainingRun` of `ct-multilabel/node` and `memoryRun`. */
  run: RunStore;
  /** Description of the model for its checkpoints. */
  description: CheckpointDescription;
  /** Called while the warm-up extracts features. */
  onExtract?: (progress: PatientProgress) => void;
  /** Called after each epoch has been written. */
  onEpochEnd?: (log: EpochLog) => void;
  /** Called with notes for a reader of the log. */
  onNote?: (note: string) => void;
}

const { train, validation, seed, memoryBudget, loss, onProgress, checkpointSteps } = TRAINING_RULES;

const RULES = {
  ...{ ...RECIPE_RULES, train, validation, seed, memoryBudget, loss, onProgress, checkpointSteps },
  ...{ pretrainOn: optional(anything), run: anything, description: anything },
  ...{ onExtract: optional(callback), onEpochEnd: optional(callback) },
  onNote: optional(callback, (_: string) => undefined),
} satisfies Rules<TrainRecipeOptions>;

type ResolvedOptions = Resolved<TrainRecipeOptions, typeof RULES>;

/** Result of {@link trainRecipe}. */
export interface TrainedRecipe {
  /** The given model, or one with a linear head if that did better on the validation patients. */
  model: tf.LayersModel;
  /** Its description in the best checkpoint, including thresholds and calibration. */
  description: CheckpointDescription & { thresholds: number[] };
  /** Every epoch's log, of all stages. */
  history: EpochLog[];
  /** How the thresholds were fitted; missing if they were given. */
  decisions?: FittedDecisions;
  /** Its scores on the validation patients, at its thresholds. */
  validation: Evaluation;
  /** Scores there of predictors that never look at an image. */
  trivial: TrivialScores[];
  /** Whether the model beats all of these. */
  beatsTrivial: boolean;
}

/**
 * Trains a model in stages, each with early stopping on the validation F2: the backbone with a linear head on single
 * slices (`pretrainBackbone`); the layers above the backbone, on its features (`warmUpHead`); the whole model
 * (`trainPatients`). It then fits calibration and thresholds on the validation patients.
 *
 * No stage ends worse than the one before: if none of its epochs is better on the validation patients, the earlier
 * model is kept. So the result may be the first stage's model, with its linear head.
 *
 * The run keeps the best checkpoint of the first stage (`pretrained`), that of the other two (`trained`), and at the
 * end the returned model with its thresholds (`best`). {@link RECIPES} also has the published recipe, which has no
 * warm-up.
 *
 * The first stage needs slice labels. For a model with `output: 'patient'`, if some patients only have patient-level
 * labels, it is skipped: the later stages then train the backbone from its given weights.
 *
 * The run is closed at the end, also if training throws.
 *
 * @param model - As `buildCtBrainModel` makes it.
 * @throws ArgumentError for a study with other labels, another label order or another preprocessing than in
 * `description`, or than a loaded model was trained with; DataError for a label that no patient to train on is labelled
 * with; CheckpointError for a study that has changed since the run to resume began; NonFiniteError if a loss is not
 * finite; what was saved of the last good epoch is kept.
 * @example
 * ```ts
 * const run = await openTrainingRun('runs/first', { config: { seed: 1 } });
 * const description = { labels: CT_LABELS, preprocessing };
 * const { model: trained, validation: score } = await trainRecipe(model, { run, train, validation, seed: 1, description });
 * console.log(score.f2); // at the thresholds in runs/first/best
 * ```
 */
export async function trainRecipe(
  model: tf.LayersModel,
  options: TrainRecipeOptions,
): Promise<TrainedRecipe> {
  try {
    return await trainStages(model, resolveOptions('trainRecipe', options, RULES));
  } finally {
    // if options are invalid, that error is thrown
    await (options as Partial<TrainRecipeOptions> | undefined)?.run?.close?.();
  }
}

async function trainStages(model: tf.LayersModel, options: ResolvedOptions): Promise<TrainedRecipe> {
  const recipe = resolveRecipe(recipeOf(options));
  const { run, train, validation, seed, description, pretrainOn = train, onNote } = options;
  const { memoryBudget, loss, onProgress, checkpointSteps, onExtract, onEpochEnd } = options;
  for (const [side, source] of Object.entries({ train, pretrainOn, validation })) {
    checkSourceIsDescribed(`trainRecipe: ${side}`, description, source);
    checkSourceFits(`trainRecipe: ${side}`, model, source);
  }
  const absent = checkKnownLabels([train, pretrainOn]);
  if (absent.length > 0) {
    onNote(`no patient to train on has ${absent.join(', ')}: a model can only learn that it is absent`);
  }
  await run.checkStudy?.({ train, ...(pretrainOn !== train && { pretrainOn }), validation });
  const level = outputLevel(model);
  const resumed = { stage: run.interruptedStage, epochs: run.history.length };
  const common = {
    ...{ train, validation, seed, patience: recipe.patience, augment: recipe.augment },
    ...{ threshold: recipe.threshold === 'fit' ? ('best' as const) : recipe.threshold },
    ...{ memoryBudget, loss, onProgress, checkpointSteps },
  };
  const stageOf = (
    name: string,
    staged: tf.LayersModel,
    best: string,
    rate: Rate = 1e-4,
    more: Partial<RunStageOptions> = {},
  ) =>
    run.stage(name, {
      ...{ model: staged, best, description },
      learningRate: typeof rate === 'number' ? rate : rate.head,
      onEpochEnd,
      ...more,
    });

  // 1. the same backbone with a linear head; the model shares its weights
  const { labels } = description;
  const possible = level === 'slices' || (hasSliceLabels(pretrainOn) && hasSliceLabels(validation));
  const plain = possible ? linearModel(model, labels, seed) : undefined;
  const linear = { ...description, model: { ...description.model, variant: 'VGG16' } };
  const { pretrain, warmUp, patients } = recipe;
  const beforeLast = run.interruptedStage !== 'patients';
  if (plain && pretrain && beforeLast) {
    if (recipe.initializeBias && !run.interruptedStage)
      setOutputBias(plain, labelCounts(pretrainOn, 'slices'));
    const stage = await stageOf('pretrain', plain, 'pretrained', pretrain.learningRate, {
      description: linear,
    });
    try {
      await pretrainBackbone(plain, { ...common, ...stage, ...pretrain, train: pretrainOn });
    } finally {
      stage.dispose();
    }
  }
  const pretrained = level === 'slices' ? bestOf(run.history, 'pretrain') : undefined;

  // 2. the layers above the backbone, on its features
  if (warmUp && beforeLast) {
    // takes minutes: starts again after an interruption
    const stage = await stageOf('warm-up', model, 'trained', warmUp.learningRate, { resumable: false });
    try {
      await warmUpHead(model, { ...common, ...stage, ...warmUp, onExtract });
    } finally {
      stage.dispose();
    }
  }
  const warm = warmUp ? bestOf(run.history, 'warm-up') : undefined;
  if (warm && pretrained && warm.f2 < pretrained.f2) {
    onNote(
      `the warm-up is worse than the first stage on the validation patients: ${compared(warm, pretrained)}`,
    );
  }

  // 3. the whole model
  if (patients) {
    const stage = await stageOf('patients', model, 'trained', patients.learningRate);
    try {
      await trainPatients(model, { ...common, ...stage, ...patients, initial: warm });
    } finally {
      stage.dispose();
    }
    if (warm && !run.history.some((log) => log.stage === 'patients' && log.best)) {
      onNote(
        'no epoch of fine-tuning is better than the warm-up on the validation patients: the model of the warm-up is kept',
      );
    }
  }
  if (resumed.stage === 'patients' && resumed.epochs === run.history.length) {
    onNote('the run was already complete: nothing is trained, only the thresholds are chosen again');
  }
  const last = (patients && bestOf(run.history, 'patients')) || warm;

  const keepsLinear = plain !== undefined && pretrained !== undefined && (!last || last.f2 < pretrained.f2);
  if (keepsLinear) {
    if (last) {
      onNote(`the first stage's model is kept, with its linear head: on the validation patients ${compared(last, pretrained)}`); // prettier-ignore
    }
    await run.restore('pretrained', plain);
  } else plain?.getLayer('classifier').dispose();
  const best = keepsLinear ? pretrained : last;
  check(best !== undefined, 'trainRecipe', 'at least one stage that can be trained', recipe);
  const { stage, epoch, f2 } = best;
  const training = { stage, epoch, validationF2: f2 };
  const finished = await decide(
    keepsLinear ? plain : model,
    { ...(keepsLinear ? linear : description), training },
    recipe,
    options,
  );
  await run.save('best', finished.model, finished.description, finished.decisions && validation.patients);
  return { ...finished, history: run.history };
}

type Rate = TrainingOptions['learningRate'];

/** The parts of a recipe among the options. */
function recipeOf(options: ResolvedOptions): RecipeOptions {
  const parts = Object.entries(options).filter(([key]) => key in RECIPES.default);
  return Object.fromEntries(parts) as RecipeOptions;
}

/** Fits thresholds and calibration, or takes the thresholds that were given, and scores the model with them. */
async function decide(
  model: tf.LayersModel,
  given: CheckpointDescription,
  recipe: Recipe,
  { train, validation, seed, memoryBudget, loss = asymmetricLoss() }: ResolvedOptions,
): Promise<Omit<TrainedRecipe, 'history'>> {
  const { threshold: wanted } = recipe;
  const decisions =
    wanted === 'fit' ? await fitDecisions(model, validation, { loss, memoryBudget }) : undefined;
  const fixed = typeof wanted === 'number' ? given.labels.map(() => wanted) : (wanted as number[]);
  const { thresholds, calibration } = decisions ?? { thresholds: fixed };
  const score = await evaluatePatients(model, validation, {
    threshold: thresholds,
    calibration,
    memoryBudget,
  });
  const trivial = trivialPredictors(train, validation, seed, outputLevel(model));
  return {
    model,
    description: { ...given, thresholds, calibration },
    decisions,
    validation: score,
    trivial,
    beatsTrivial: trivial.every(({ f2 }) => score.f2 > f2),
  };
}

/** The backbone of a model with a linear head. */
function linearModel(model: tf.LayersModel, labels: readonly string[], seed: number): tf.LayersModel {
  return buildCtBrainModel({ variant: 'linear', backbone: backboneOf(model), labels, seed });
}

/** The best epoch of a stage, and its score on the validation patients. */
function bestOf(history: readonly EpochLog[], stage: string): BestEpoch | undefined {
  const log = history.filter((other) => other.stage === stage && other.best).at(-1);
  if (!log) return undefined;
  const { epoch, validationF2: f2, validationLoss: loss } = log;
  return { stage, epoch, f2, loss: loss ?? undefined };
}

type BestEpoch = Pick<EpochLog, 'stage' | 'epoch'> & Pick<Evaluation, 'f2' | 'loss'>;

const compared = (later: { f2: number }, earlier: { f2: number }) =>
  `F2 ${later.f2.toFixed(3)} after ${earlier.f2.toFixed(3)}`;

const hasSliceLabels = (source: PatientSource): boolean =>
  source.patients.every((patient) => source.sliceLabels(patient) !== undefined);
