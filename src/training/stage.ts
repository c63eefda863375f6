import type * as tf from '@tensorflow/tfjs';
import { check } from '../base/errors';
import { withoutUndefined } from '../base/without_undefined';
import type { LossFn } from '../base/types';
import type { PatientSource } from '../data/sources/patient_source';
import { asymmetricLoss } from '../losses/asymmetric_loss';
import { checkThreshold } from '../metrics/decide';
import { outputLevel } from '../models/model_parts';
import { checkSourceFits } from '../models/model_record';
import { adam } from '../optimizers/adam';
import { evaluatePatients } from '../prediction/evaluate';
import { trivialPredictors } from '../prediction/trivial_predictors';
import type { AugmentationRanges } from '../transforms/random_augment';
import type { BatchOptions } from './batches';
import { fitStage, type EpochLog, type FitStageOptions } from './fit_stage';

/** Learning rates of the two parts of a model. */
export interface PartRates {
  backbone: number;
  /** Of everything above the backbone. */
  head: number;
}

/** What every stage of the recipe takes. */
export interface TrainingOptions extends Pick<
  FitStageOptions,
  | 'memoryBudget'
  | 'onProgress'
  | 'onEpochEnd'
  | 'resume'
  | 'bestWeights'
  | 'initial'
  | 'startFromEpoch'
  | 'clipNorm'
  | 'weightDecay'
  | 'warmupEpochs'
  | 'decay'
  | 'accumulate'
  | 'averageEpochs'
  | 'checkpointSteps'
  | 'onCheckpoint'
> {
  /** Labelled patients to learn from. */
  train: PatientSource;
  /** Labelled patients to choose the best epoch by. */
  validation: PatientSource;
  /** Seed of the order of patients and of the augmentation. */
  seed: number;
  /**
   * Most epochs to train.
   * @defaultValue `50`
   */
  epochs?: number;
  /**
   * Epochs without a better validation F2 before stopping. Epochs count from the first one on that exceeds the better of the two
   * {@link trivialPredictors}.
   * @defaultValue `5`
   */
  patience?: number;
  /**
   * Learning rate of Adam, one for the whole model or one for each part. Where `optimizer` is given, only the ratio of the two counts.
   * @defaultValue `1e-4` for {@link pretrainBackbone}, `5e-4` for {@link warmUpHead}, `1e-5` for {@link trainPatients}
   */
  learningRate?: number | PartRates;
  /** In place of Adam. The caller disposes of it. */
  optimizer?: tf.Optimizer;
  /**
   * Loss from labels and logits.
   * @defaultValue `asymmetricLoss()`
   */
  loss?: LossFn;
  /**
   * Ranges of the augmentation, one draw per stack, or `false` for none.
   * @defaultValue the published recipe's, see {@link AugmentationRanges}
   */
  augment?: AugmentationRanges | false;
  /**
   * Draws as often as without it, but half of what is drawn has a label, the other half none.
   * @defaultValue `false`
   */
  balance?: boolean;
  /**
   * Probability from which on a label counts as present in the validation F2; `'best'`: for each epoch the one with which its F2 is
   * largest. Under the asymmetric loss an F2 at 0.5 says little.
   * @defaultValue `'best'`
   */
  threshold?: number | readonly number[] | 'best';
}

/** Keys of {@link TrainingOptions}. */
export const TRAINING_OPTIONS = [
  ...['train', 'validation', 'seed', 'epochs', 'patience', 'learningRate', 'optimizer', 'loss', 'augment'],
  ...['balance', 'threshold', 'memoryBudget', 'onProgress', 'onEpochEnd', 'resume', 'bestWeights'],
  ...['initial', 'startFromEpoch', 'clipNorm', 'weightDecay', 'warmupEpochs', 'decay', 'accumulate'],
  ...['averageEpochs', 'checkpointSteps', 'onCheckpoint'],
];

/** What a stage does in its own way. */
export interface Stage extends Pick<
  FitStageOptions,
  'updateBatchNorm' | 'sliceClassifierWeight' | 'fromFeatures'
> {
  learningRate: number;
  steps: (epoch: number, options: BatchOptions) => number;
  batches: (epoch: number, options: BatchOptions) => ReturnType<FitStageOptions['batches']>;
}

/** Runs a stage of the recipe: checks that the options belong together, and hands over to {@link fitStage}. */
export async function runStage(
  stage: string,
  model: tf.LayersModel,
  options: TrainingOptions,
  { learningRate: defaultRate, steps, batches, ...own }: Stage,
): Promise<EpochLog[]> {
  const { train, validation, seed, threshold = 'best', balance = false, augment = {} } = options;
  checkSides(stage, options);
  checkStudiesFit(stage, model, options);
  checkThreshold(`${stage}: threshold`, threshold === 'best' ? 0.5 : threshold, train.labels.length);
  const { learningRate = defaultRate, loss = asymmetricLoss(), epochs = 50, patience = 5 } = options;
  const rates =
    typeof learningRate === 'number' ? { backbone: learningRate, head: learningRate } : learningRate;
  for (const [part, rate] of Object.entries(rates)) {
    const rule = part === 'backbone' ? 'a number in [0, 1)' : 'a number in (0, 1)';
    check(rate >= 0 && rate < 1 && (rate > 0 || part === 'backbone'), `${stage}: learningRate`, rule, rate);
  }
  const scores = trivialPredictors(train, validation, seed, outputLevel(model));
  const optimizer = options.optimizer ?? adam(rates.head);
  try {
    return await fitStage({
      ...{ stage, model, optimizer, loss, epochs, patience, ...own },
      ...picked(options),
      baseline: Math.max(...scores.map(({ f2 }) => f2)),
      backboneRate: rates.backbone / rates.head,
      steps: (epoch) => steps(epoch, { seed, augment, balance }),
      batches: (epoch, skip) => batches(epoch, { seed, augment, balance, skip }),
      validate: () =>
        evaluatePatients(model, validation, {
          ...{ threshold, loss },
          ...(own.fromFeatures && { fromFeatures: true }),
        }),
    });
  } finally {
    if (!options.optimizer) optimizer.dispose();
  }
}

/** The options that are handed on as they are. */
function picked(options: TrainingOptions): Partial<FitStageOptions> {
  const { memoryBudget, onProgress, onEpochEnd, resume, bestWeights, initial, clipNorm } = options;
  const { weightDecay, warmupEpochs, decay, accumulate, averageEpochs, checkpointSteps } = options;
  const { onCheckpoint, startFromEpoch } = options;
  const all = {
    ...{ memoryBudget, onProgress, onEpochEnd, resume, bestWeights, initial, clipNorm },
    ...{ weightDecay, warmupEpochs, decay, accumulate, averageEpochs, checkpointSteps, onCheckpoint },
    startFromEpoch,
  };
  return withoutUndefined(all) as Partial<FitStageOptions>;
}

/** Refuses studies that a loaded model was not trained for, before anything is computed. */
export function checkStudiesFit(
  fn: string,
  model: tf.LayersModel,
  { train, validation }: Pick<TrainingOptions, 'train' | 'validation'>,
): void {
  checkSourceFits(`${fn}: train`, model, train);
  checkSourceFits(`${fn}: validation`, model, validation);
}

function checkSides(stage: string, { train, validation, seed }: TrainingOptions): void {
  const personOf = (source: PatientSource) => (patient: string) => source.groupOf?.(patient) ?? patient;
  const persons = new Set(train.patients.map(personOf(train)));
  const shared = validation.patients.filter((patient) => persons.has(personOf(validation)(patient)));
  check(Number.isInteger(seed), `${stage}: seed`, 'an integer', seed);
  check(train.patients.length > 0, `${stage}: train`, 'at least one patient', train.patients);
  check(validation.patients.length > 0, `${stage}: validation`, 'at least one patient', validation.patients);
  check(shared.length === 0, `${stage}: validation`, 'patients that are not in train', shared);
  check(
    train.labels.join() === validation.labels.join(),
    `${stage}: validation`,
    `the labels ${train.labels.join(', ')}`,
    validation.labels,
  );
}
