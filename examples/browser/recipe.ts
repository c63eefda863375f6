import {
  buildCtBrainModel,
  cachedSource,
  createPreprocessing,
  patientLabels,
  pretrainBackbone,
  splitByPatient,
  subset,
  trainPatients,
  type CtBrainModel,
  type CtLabels,
  type CtPreprocessing,
  type EpochLog,
  type PatientSource,
  type TrainingProgress,
} from 'ct-multilabel';
import { smallBackbone } from '../small_backbone';
import { phantomSource } from './phantom_source';

const SIZE = 64;
const SEED = 1;

/** How slices are prepared: saved with the model, since it must never meet slices prepared in another way. */
export const PREPROCESSING = createPreprocessing({ windows: ['brain'], imageSize: [SIZE, SIZE] });

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

export interface Watch {
  onProgress: (progress: TrainingProgress) => void;
  onEpochEnd: (log: EpochLog) => void;
}

/** The recipe: the backbone under a linear head on single slices, then the whole model on whole patients. */
export async function train(patients: Source, epochs: number, watch: Watch): Promise<CtBrainModel<CtLabels>> {
  const split = splitByPatient(patients.patients, {
    validationFraction: 0.2,
    seed: SEED,
    stratifyBy: (patient) => patientLabels(patients, patient),
  });
  const [train, validation] = [subset(patients, split.train), subset(patients, split.validation)];
  const backbone = smallBackbone(SIZE, SEED);
  const augment = {
    rotation: 10,
    verticalFlip: 0,
    scale: [0.9, 1.1],
    brightness: 0.1,
    contrast: 0.1,
  } as const;
  const options = { train, validation, epochs, patience: epochs, seed: SEED, augment, ...watch };
  const linear = buildCtBrainModel({ variant: 'VGG16', backbone, seed: SEED });
  await pretrainBackbone(linear, { ...options, learningRate: 1e-3 });
  const whole = buildCtBrainModel({ variant: 'VGG16 + LRNN + SDL(GRU)', backbone, seed: SEED });
  await trainPatients(whole, { ...options, learningRate: 5e-4 });
  return whole;
}
