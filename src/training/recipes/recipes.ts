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
  epochs: optional(integerFrom0), // 0 skips the stage
  ...{ patience, startFromEpoch, learningRate, warmupEpochs, decay },
  ...{ weightDecay, clipNorm, accumulate, balance },
};

const SEQUENCE = { augmentSequence, singles, sliceClassifierWeight };

/**
 * Settings of a recipe's stage; missing ones have the stage's defaults.
 *
 * @inline
 */
export type StageSchedule = Pick<TrainingOptions, keyof typeof SCHEDULE>;

/**
 * Settings of stages on whole patients, in addition to {@link StageSchedule}.
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
  /** First stage, on single slices; `false` or 0 epochs skips a stage. */
  pretrain: (StageSchedule & Pick<PretrainOptions, 'batchSize' | 'slicesPerEpoch'>) | false;
  /** Second stage, the head on features of the backbone; `false` skips it. */
  warmUp: (StageSchedule & SequenceSchedule & Pick<WarmUpOptions, 'versions' | 'averageEpochs'>) | false;
  /** Last stage, the whole model on whole patients; `false` skips it. */
  patients: (StageSchedule & SequenceSchedule) | false;
  /** Epochs without a better validation F2 before a stage stops, unless it has its own `patience`. */
  patience: number;
  /** Ranges of the augmentation, or `false` for none. */
  augment: NonNullable<TrainingOptions['augment']>;
  /**
   * `'fit'`: epochs are compared at their best threshold, and thresholds and calibration are fitted at the end; a
   * number, or one per label, is used as the threshold for both, and nothing is fitted.
   */
  threshold: number | readonly number[] | 'fit';
  /** Whether the output biases of the first stage start at the labels' log-odds; those of the warm-up always do. */
  initializeBias: boolean;
}

/** Parts of a recipe that replace the default's; for a stage, only the settings that differ. */
export type RecipeOptions = Partial<Recipe>;

/**
 * Named recipes: `default` is the default of `trainRecipe`; `poster` is exactly the published one: two stages, a
 * threshold of 0.5.
 *
 * With the default's warm-up a few hundred training steps are enough; the published fine-tuning alone, at 1e-5 from a
 * randomly initialised head, takes thousands.
 *
 * @example
 * ```ts
 * await trainRecipe(model, { ...RECIPES.poster, run, train, validation, seed: 1, description });
 * ```
 */
export const RECIPES: Readonly<Record<'default' | 'poster', Readonly<Recipe>>> = {
  default: {
    // if the rate decays to 0, the last epochs are the intended result, and few validation patients cannot distinguish
    // an early epoch from them
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
    // merged per stage, since unnamed settings of a stage are the default's
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
 * The default recipe with these parts replaced: plain data, for a run's configuration.
 *
 * @throws ArgumentError for an unknown part, or an unknown setting of a stage.
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
