import {
  buildCtBrainModel,
  cachedSource,
  createPreprocessing,
  memoryRun,
  patientLabels,
  splitByPatient,
  subset,
  trainRecipe,
  type CtLabels,
  type CtPreprocessing,
  type PatientSource,
  type TrainedRecipe,
  type TrainRecipeOptions,
} from 'ct-multilabel';
import { phantomSource } from './phantom_source';

const SIZE = 64;
const SEED = 1;

/** Preprocessing of the slices: saved with the model, which must never see slices prepared differently. */
export const PREPROCESSING = createPreprocessing({
  windows: ['brainWide'],
  clahe: false,
  imageSize: [SIZE, SIZE],
});

type Source = PatientSource<CtLabels>;

/** Synthetic patients to train on, or with another seed other ones to evaluate on. */
export async function makePatients(
  patients: number,
  of: 'training' | 'test',
  preprocessing: CtPreprocessing,
  onProgress: (made: number) => void,
): Promise<Source> {
  // as at a trauma centre: most patients have a hemorrhage
  const prevalence = { ich: 0.6, ivh: 0.4, sah: 0.4, sdh: 0.4, edh: 0.35 };
  const seed = of === 'training' ? 1 : 2;
  const options = { patients, slices: 12, size: 2 * SIZE, difficulty: 0.2, prevalence, seed };
  return cachedSource(await phantomSource(options, preprocessing, onProgress));
}

export type Watch = Required<Pick<TrainRecipeOptions, 'onProgress' | 'onExtract' | 'onEpochEnd'>>;

/** Trains in memory; the page saves the result. */
export async function train(patients: Source, epochs: number, watch: Watch): Promise<TrainedRecipe> {
  const split = splitByPatient(patients.patients, {
    validationFraction: 0.2,
    seed: SEED,
    stratifyBy: (patient) => patientLabels(patients, patient),
  });
  const model = buildCtBrainModel({
    variant: 'VGG16 + LRNN + SDL(GRU)',
    backbone: 'smallCnn',
    inputShape: [SIZE, SIZE, 1],
    seed: SEED,
  });
  const run = memoryRun();
  try {
    return await trainRecipe(model, {
      ...{ run, train: subset(patients, split.train), validation: subset(patients, split.validation) },
      ...{ seed: SEED, patience: epochs, ...watch },
      description: { labels: patients.labels, preprocessing: PREPROCESSING },
      // from scratch in minutes, so learning rates are higher than the recipe's
      pretrain: { epochs, learningRate: 3e-3 },
      warmUp: { epochs: 2 * epochs },
      patients: { epochs, learningRate: { backbone: 2e-5, head: 2e-4 } },
      augment: { rotation: 10, verticalFlip: 0, scale: [0.9, 1.1], brightness: 0.1, contrast: 0.1 },
    });
  } finally {
    run.dispose();
  }
}
