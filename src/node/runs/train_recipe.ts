import type * as tf from '@tensorflow/tfjs';
import type { PatientSource } from '../../data/sources/patient_source';
import { checkKnownKeys } from '../../base/errors';
import { buildCtBrainModel } from '../../models/ct_brain_model';
import type { CheckpointDescription } from '../../saving/checkpoint_format';
import type { EpochLog } from '../../training/fit_stage';
import { backboneOf, outputLevel } from '../../models/model_parts';
import {
  pretrainBackbone,
  trainPatients,
  type TrainingOptions,
  type TrainPatientsOptions,
} from '../../training/train_patients';
import type { TrainingRun } from './training_run';

/** How long and how fast a stage trains. */
export interface StageSchedule {
  /** Most epochs; 0 leaves the first stage out. */
  epochs: number;
  /** Step size of Adam. */
  learningRate: number;
}

/** Options of {@link trainRecipe}. */
export interface TrainRecipeOptions extends Pick<
  TrainingOptions,
  | 'train'
  | 'validation'
  | 'seed'
  | 'patience'
  | 'augment'
  | 'memoryBudget'
  | 'loss'
  | 'thresholds'
  | 'onProgress'
> {
  /** Folder the training writes to, see {@link openTrainingRun}. */
  run: TrainingRun;
  /** What its checkpoints say of the model. */
  description: CheckpointDescription;
  /**
   * First stage, on single slices.
   * @defaultValue `{ epochs: 50, learningRate: 1e-4, batchSize: 16 }`
   */
  pretrain?: Partial<StageSchedule> & { batchSize?: number };
  /**
   * Second stage, one patient a batch; how it varies the sequence of slices, and what else it supervises, see
   * {@link TrainPatientsOptions}.
   * @defaultValue `{ epochs: 50, learningRate: 1e-5 }`
   */
  patients?: Partial<StageSchedule> & Pick<TrainPatientsOptions, 'augmentSequence' | 'sliceClassifierWeight'>;
  /** Called after each epoch's files are written. */
  onEpochEnd?: (log: EpochLog) => void;
}

/**
 * Trains a model by the recipe's two stages, each ended by early stopping on the validation F2: the backbone with a linear
 * head on single slices (`pretrainBackbone`), then the whole model (`trainPatients`).
 *
 * After every epoch the run's folder holds the best checkpoint of each stage (`pretrained/`, `best/`) and what resuming
 * needs (`last/`).
 *
 * The first stage needs labels of slices. For a model with `output: 'patient'`, and patients of whom some have only labels of
 * the patient as a whole, it is left out: the second stage then trains the backbone from where it stands.
 *
 * @param model - As `buildCtBrainModel` makes it; it ends with the best epoch's weights.
 * @returns Every epoch's log, both stages.
 * @throws `NonFiniteError` when a loss is not finite; the files of the last good epoch stay.
 * @example
 * ```ts
 * const run = await openTrainingRun('runs/first', { config: { seed: 1 } });
 * await trainRecipe(model, { run, train, validation, seed: 1, description: { labels: CT_LABELS, preprocessing } });
 * const { model: best } = await loadCheckpoint('runs/first');
 * ```
 */
export async function trainRecipe(model: tf.LayersModel, options: TrainRecipeOptions): Promise<EpochLog[]> {
  checkKnownKeys(options, OPTIONS, 'trainRecipe');
  const { run, description, pretrain = {}, patients = {}, onEpochEnd, ...training } = options;
  checkKnownKeys(pretrain, ['epochs', 'learningRate', 'batchSize'], 'trainRecipe: pretrain');
  checkKnownKeys(
    patients,
    ['epochs', 'learningRate', 'augmentSequence', 'sliceClassifierWeight'],
    'trainRecipe: patients',
  );
  const hook = onEpochEnd ? { onEpochEnd } : {};
  const { epochs: pretrainEpochs = 50, learningRate: pretrainRate = 1e-4, batchSize = 16 } = pretrain;
  const { epochs = 50, learningRate = 1e-5, ...sequence } = patients;

  const { train, validation } = training;
  const possible = outputLevel(model) === 'slices' || (hasSliceLabels(train) && hasSliceLabels(validation));
  if (possible && pretrainEpochs > 0 && run.interruptedStage !== 'patients') {
    // the same backbone under a linear head: what it learns stays in the model
    const { labels } = description;
    const plain = buildCtBrainModel({
      variant: 'VGG16',
      backbone: backboneOf(model),
      labels,
      seed: training.seed,
    });
    const stage = await run.stage('pretrain', {
      model: plain,
      learningRate: pretrainRate,
      description: { ...description, model: { ...description.model, variant: 'VGG16' } },
      best: 'pretrained',
      ...hook,
    });
    try {
      await pretrainBackbone(plain, { ...training, ...stage, epochs: pretrainEpochs, batchSize });
    } finally {
      stage.dispose();
      plain.getLayer('classifier').dispose();
    }
  }
  const stage = await run.stage('patients', { model, learningRate, description, best: 'best', ...hook });
  try {
    await trainPatients(model, { ...training, ...stage, ...sequence, epochs });
  } finally {
    stage.dispose();
  }
  return run.history;
}

/** Keys of {@link TrainRecipeOptions}. */
const OPTIONS = [
  ...['run', 'description', 'pretrain', 'patients', 'onEpochEnd', 'train', 'validation', 'seed', 'patience'],
  ...['augment', 'memoryBudget', 'loss', 'thresholds', 'onProgress'],
];

const hasSliceLabels = (source: PatientSource): boolean =>
  source.patients.every((patient) => source.sliceLabels(patient) !== undefined);
