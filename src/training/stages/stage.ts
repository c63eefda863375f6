import type * as tf from '@tensorflow/tfjs';
import { check, isRecord } from '../../base/checks';
import {
  anything,
  callback,
  flag,
  integer,
  isNumberIn,
  nested,
  optional,
  or,
  positiveInteger,
  type Resolved,
  type Rule,
  type Rules,
} from '../../base/options';
import type { LossFn } from '../../base/types';
import { checkSomePatients, type PatientSource } from '../../data/sources/patient_source';
import { asymmetricLoss } from '../../losses/asymmetric_loss';
import { checkThreshold } from '../../metrics/decide';
import { outputLevel } from '../../models/output_level';
import { checkSourceFits } from '../../models/model_record';
import { adam } from '../../optimizers/adam';
import { evaluatePatients } from '../../prediction/evaluate';
import { trivialPredictors } from '../../prediction/trivial_predictors';
import { RANGES, type AugmentationRanges } from '../../transforms/random_augment';
import type { BatchOptions } from '../batches/batches';
import { FIT_RULES, type FitStageOptions } from './fit_options';
import { fitStage } from './fit_stage';
import type { EpochLog } from './stage_log';

/**
 * Learning rates of the two parts of a model.
 *
 * @inline
 */
export interface PartRates {
  backbone: number;
  /** Learning rate of everything above the backbone. */
  head: number;
}

const { memoryBudget, onProgress, onEpochEnd, resume, bestWeights, initial, startFromEpoch } = FIT_RULES;
const { clipNorm, weightDecay, warmupEpochs, decay, accumulate, averageEpochs } = FIT_RULES;
const { checkpointSteps, onCheckpoint } = FIT_RULES;

/** Options that a stage passes to {@link fitStage} unchanged. */
const HANDED_ON = {
  ...{ memoryBudget, onProgress, onEpochEnd, resume, bestWeights, initial, startFromEpoch },
  ...{ clipNorm, weightDecay, warmupEpochs, decay, accumulate, averageEpochs },
  ...{ checkpointSteps, onCheckpoint },
};

/**
 * Options of every stage of the recipe.
 *
 * @inline
 */
export interface TrainingOptions extends Pick<FitStageOptions, keyof typeof HANDED_ON> {
  /** Labelled patients to train on. */
  train: PatientSource;
  /** Labelled patients to choose the best epoch by. */
  validation: PatientSource;
  /** Seed of the order of patients and of the augmentation. */
  seed: number;
  /**
   * Maximum number of epochs.
   * @defaultValue 50
   */
  epochs?: number;
  /**
   * Epochs without a better validation F2 before stopping, counted from the first epoch that exceeds the better of the
   * two {@link trivialPredictors}.
   * @defaultValue 5
   */
  patience?: number;
  /**
   * Learning rate of Adam, one for the whole model or one per part. If `optimizer` is given, only the ratio of the two
   * matters.
   * @defaultValue `1e-4` for `pretrainBackbone`, `5e-4` for `warmUpHead`, `1e-5` for `trainPatients`
   */
  learningRate?: number | PartRates;
  /** Optimizer to use instead of Adam. The caller disposes it. */
  optimizer?: tf.Optimizer;
  /**
   * Loss from labels and logits.
   * @defaultValue asymmetricLoss()
   */
  loss?: LossFn;
  /**
   * Ranges of the augmentation, one draw per stack, or `false` for none.
   * @defaultValue the published recipe's, see `randomAugment`
   */
  augment?: AugmentationRanges | false;
  /**
   * Draws the same number of items, but half of them with a label and half without.
   * @defaultValue false
   */
  balance?: boolean;
  /**
   * Probability from which a label counts as present in the validation F2; `'best'`: for each epoch the one with the
   * largest F2. With the asymmetric loss an F2 at 0.5 means little.
   * @defaultValue 'best'
   */
  threshold?: number | readonly number[] | 'best';
}

const LEARNING_RATE: Rule<number | PartRates> = {
  check: (value, what) => {
    const { backbone, head } = ratesOf(value as number | PartRates);
    const isRate = (rate: unknown, least: number) => isNumberIn(rate, least, 1) && rate !== 1;
    check(isRate(head, Number.MIN_VALUE), what, 'a number in (0, 1)', head);
    check(isRate(backbone, 0), what, 'a number in [0, 1)', backbone);
  },
};

const ratesOf = (rate: number | PartRates): PartRates =>
  isRecord(rate) ? (rate as unknown as PartRates) : { backbone: rate as number, head: rate as number };

/** Options that depend on the labels are checked against them. */
export const TRAINING_RULES = {
  ...{ train: anything, validation: anything, seed: integer },
  epochs: optional(positiveInteger, 50),
  patience: optional(positiveInteger, 5),
  learningRate: optional(LEARNING_RATE),
  optimizer: optional(anything),
  loss: optional(callback),
  augment: optional(or(false, nested<AugmentationRanges>(RANGES)), {}),
  balance: optional(flag, false),
  threshold: optional<number | readonly number[] | 'best'>(anything, 'best'),
  ...HANDED_ON,
} satisfies Rules<TrainingOptions>;

export type ResolvedTraining = Resolved<TrainingOptions, typeof TRAINING_RULES>;

/** The parts in which stages differ. */
export interface Stage extends Pick<
  FitStageOptions,
  'updateBatchNorm' | 'sliceClassifierWeight' | 'fromFeatures'
> {
  learningRate: number;
  steps: (epoch: number, options: BatchOptions) => number;
  batches: (epoch: number, options: BatchOptions) => ReturnType<FitStageOptions['batches']>;
}

/** Runs a stage of the recipe: checks that the options are consistent, and calls {@link fitStage}. */
export async function runStage(
  stage: string,
  model: tf.LayersModel,
  options: ResolvedTraining,
  { learningRate: defaultRate, steps, batches, ...own }: Stage,
): Promise<EpochLog[]> {
  const { train, validation, seed, threshold, balance, augment, ...rest } = options;
  const { learningRate = defaultRate, loss = asymmetricLoss(), optimizer: given, ...handedOn } = rest;
  checkSides(stage, options);
  checkStudiesFit(stage, model, options);
  checkThreshold(`${stage}: threshold`, threshold === 'best' ? 0.5 : threshold, train.labels.length);
  const rates = ratesOf(learningRate);
  const scores = trivialPredictors(train, validation, seed, outputLevel(model));
  const optimizer = given ?? adam(rates.head);
  try {
    return await fitStage({
      ...{ stage, model, optimizer, loss, ...own, ...handedOn },
      baseline: Math.max(...scores.map(({ f2 }) => f2)),
      backboneRate: rates.backbone / rates.head,
      steps: (epoch) => steps(epoch, { seed, augment, balance }),
      batches: (epoch, skip) => batches(epoch, { seed, augment, balance, skip }),
      validate: () =>
        evaluatePatients(model, validation, { threshold, loss, fromFeatures: own.fromFeatures }),
    });
  } finally {
    if (!given) optimizer.dispose();
  }
}

/** Refuses studies that do not match a loaded model, before anything is computed. */
export function checkStudiesFit(
  fn: string,
  model: tf.LayersModel,
  { train, validation }: Pick<TrainingOptions, 'train' | 'validation'>,
): void {
  checkSourceFits(`${fn}: train`, model, train);
  checkSourceFits(`${fn}: validation`, model, validation);
}

function checkSides(stage: string, { train, validation }: ResolvedTraining): void {
  const personOf = (source: PatientSource) => (patient: string) => source.groupOf?.(patient) ?? patient;
  const persons = new Set(train.patients.map(personOf(train)));
  const shared = validation.patients.filter((patient) => persons.has(personOf(validation)(patient)));
  checkSomePatients(`${stage}: train`, train);
  checkSomePatients(`${stage}: validation`, validation);
  check(shared.length === 0, `${stage}: validation`, 'patients that are not in train', shared);
  const expected = `the labels ${train.labels.join(', ')}`;
  check(
    train.labels.join() === validation.labels.join(),
    `${stage}: validation`,
    expected,
    validation.labels,
  );
}
