import { anything, flag, integerFrom0, nested, optional, or, resolveOptions } from '../../base/options';
import type { Rules } from '../../base/options';
import { withoutUndefined } from '../../base/without_undefined';
import { TRAINING_RULES, type TrainingOptions } from '../stages/stage';
import {
  PRETRAIN_RULES,
  TRAIN_PATIENTS_RULES,
  type PretrainOptions,
  type TrainPatientsOptions,
} from '../stages/train_patients';
import { WARM_UP_RULES, type WarmUpOptions } from '../stages/warm_up_head';

const { patience, startFromEpoch, learningRate, warmupEpochs, decay } = TRAINING_RULES;
const { weightDecay, clipNorm, accumulate, balance } = TRAINING_RULES;
const { augmentSequence, singles, sliceClassifierWeight } = TRAIN_PATIENTS_RULES;

const SCHEDULE = {
  epochs: optional(integerFrom0), // none leaves the stage out
  ...{ patience, startFromEpoch, learningRate, warmupEpochs, decay },
  ...{ weightDecay, clipNorm, accumulate, balance },
};

const SEQUENCE = { augmentSequence, singles, sliceClassifierWeight };

/**
 * How a stage of a recipe trains; what is missing is the stage's own default.
 *
 * @inline
 */
export type StageSchedule = Pick<TrainingOptions, keyof typeof SCHEDULE>;

/**
 * What stages on whole patients have beside {@link StageSchedule}.
 *
 * @inline
 */
export type SequenceSchedule = Pick<TrainPatientsOptions, keyof typeof SEQUENCE>;

/**
 * A way to train a model, stage by stage: plain data.
 *
 * @inline
 */
export interface Recipe {
  /** First stage, on single slices; `false`, or no epochs, leaves a stage out. */
  pretrain: (StageSchedule & Pick<PretrainOptions, 'batchSize' | 'slicesPerEpoch'>) | false;
  /** Second stage, the head on features of the backbone; `false` leaves it out. */
  warmUp: (StageSchedule & SequenceSchedule & Pick<WarmUpOptions, 'versions' | 'averageEpochs'>) | false;
  /** Last stage, the whole model on whole patients; `false` leaves it out. */
  patients: (StageSchedule & SequenceSchedule) | false;
  /** Epochs without a better validation F2 before a stage stops, where it has no `patience` of its own. */
  patience: number;
  /** Ranges of the augmentation, or `false` for none. */
  augment: NonNullable<TrainingOptions['augment']>;
  /**
   * `'fit'`: epochs are compared at their best threshold, and thresholds and calibration are fitted at the end; a number,
   * or one per label, is the threshold of both, and nothing is fitted.
   */
  threshold: number | readonly number[] | 'fit';
  /** Whether the first stage's output starts at the labels' log-odds; the warm-up's always does. */
  initializeBias: boolean;
}

/** Parts of a recipe, in place of the default's; of a stage, only the settings that differ. */
export type RecipeOptions = Partial<Recipe>;

/**
 * Named recipes: `default` is what `trainRecipe` does; `poster` is the published one, literally: two stages, 0.5 as threshold.
 *
 * The default's warm-up is what a few hundred training steps need: the published fine-tuning alone, at 1e-5 from a cold head, takes
 * thousands.
 *
 * @example
 * ```ts
 * await trainRecipe(model, { ...RECIPES.poster, run, train, validation, seed: 1, description });
 * ```
 */
export const RECIPES: Readonly<Record<'default' | 'poster', Readonly<Recipe>>> = {
  default: {
    // where a rate falls to 0, only the last epochs are what the stage is for: few validation patients cannot tell an early one from those
    pretrain: {
      ...{ epochs: 6, startFromEpoch: 4, learningRate: 2e-4, warmupEpochs: 0.25, decay: 'cosine' },
      batchSize: 16,
    },
    warmUp: {
      ...{ epochs: 30, startFromEpoch: 25, learningRate: 1e-3, warmupEpochs: 1.5, decay: 'cosine' },
      ...{ averageEpochs: 5, versions: 3, singles: 32 },
    },
    patients: { epochs: 3, learningRate: 1e-5, singles: 16 },
    patience: 5,
    augment: { rotation: 15, verticalFlip: 0, scale: [0.9, 1.1], brightness: 0.1, contrast: 0.1 },
    threshold: 'fit',
    initializeBias: true,
  },
  poster: {
    // whole, since what a stage does not name is the default's
    pretrain: {
      epochs: 50,
      startFromEpoch: 0,
      learningRate: 1e-4,
      warmupEpochs: 0,
      decay: 'none',
      batchSize: 16,
    },
    warmUp: false,
    patients: { epochs: 50, learningRate: 1e-5, singles: 1 },
    patience: 5,
    augment: {},
    threshold: 0.5,
    initializeBias: false,
  },
};

const { batchSize, slicesPerEpoch } = PRETRAIN_RULES;
const { versions, averageEpochs } = WARM_UP_RULES;
type Schedule<Stage extends 'pretrain' | 'warmUp' | 'patients'> = Exclude<Recipe[Stage], false>;

export const RECIPE_RULES = {
  pretrain: optional(
    or(false, nested<Schedule<'pretrain'>>({ ...SCHEDULE, batchSize, slicesPerEpoch })),
    RECIPES.default.pretrain,
  ),
  warmUp: optional(
    or(false, nested<Schedule<'warmUp'>>({ ...SCHEDULE, ...SEQUENCE, versions, averageEpochs })),
    RECIPES.default.warmUp,
  ),
  patients: optional(
    or(false, nested<Schedule<'patients'>>({ ...SCHEDULE, ...SEQUENCE })),
    RECIPES.default.patients,
  ),
  patience: optional(TRAINING_RULES.patience, RECIPES.default.patience),
  augment: optional(TRAINING_RULES.augment, RECIPES.default.augment),
  threshold: optional<Recipe['threshold']>(anything, RECIPES.default.threshold),
  initializeBias: optional(flag, RECIPES.default.initializeBias),
} satisfies Rules<RecipeOptions>;

/**
 * The default recipe with these parts in place of its own: plain data, for a run's configuration.
 *
 * @throws ArgumentError for a name that no part, or no setting of a stage, has.
 * @example
 * ```ts
 * resolveRecipe({ patients: { epochs: 10 } }).patients; // { epochs: 10, learningRate: 1e-5, singles: 16 }
 * ```
 */
export function resolveRecipe(options: RecipeOptions): Recipe {
  const recipe: Recipe = resolveOptions('resolveRecipe', options, RECIPE_RULES);
  for (const stage of ['pretrain', 'warmUp', 'patients'] as const) {
    const given = recipe[stage];
    if (given === false) continue;
    const merged = { ...RECIPES.default[stage], ...withoutUndefined(given) };
    Object.assign(recipe, { [stage]: merged.epochs === 0 ? false : merged });
  }
  return recipe;
}
