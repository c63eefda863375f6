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

/** How slices are prepared: saved with the model, since it must never meet slices prepared in another way. */
export const PREPROCESSING = createPreprocessing({
  windows: ['brainWide'],
  clahe: false,
  imageSize: [SIZE, SIZE],
});

type Source = PatientSource<CtLabels>;

/** Synthetic patients to train on, or others to be scored on: another seed, other patients. */
export async function makePatients(
  patients: number,
  of: 'training' | 'test',
  preprocessing: CtPreprocessing,
  onProgress: (made: number) => void,
): Promise<Source> {
  // a trauma centre's patients: most have something
  const prevalence = { ich: 0.6, ivh: 0.4, sah: 0.4, sdh: 0.4, edh: 0.35 };
  const seed = of === 'training' ? 1 : 2;
  const options = { patients, slices: 12, size: 2 * SIZE, difficulty: 0.2, prevalence, seed };
  return cachedSource(await phantomSource(options, preprocessing, onProgress));
}

export type Watch = Required<Pick<TrainRecipeOptions, 'onProgress' | 'onExtract' | 'onEpochEnd'>>;

/** Trains in memory: the page saves what comes of it. */
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
      // from scratch and in minutes, so the backbone's steps are larger than the recipe's
      pretrain: { epochs, learningRate: 3e-3 },
      warmUp: { epochs: 2 * epochs },
      patients: { epochs, learningRate: { backbone: 2e-5, head: 2e-4 } },
      augment: { rotation: 10, verticalFlip: 0, scale: [0.9, 1.1], brightness: 0.1, contrast: 0.1 },
    });
  } finally {
    run.dispose();
  }
}
