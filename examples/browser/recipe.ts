import type * as tf from '@tensorflow/tfjs';
import {
  buildCtBrainModel,
  cachedSource,
  createPreprocessing,
  patientLabels,
  pretrainBackbone,
  splitByPatient,
  subset,
  trainPatients,
  type CT_LABELS,
  type CtBrainModel,
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

type Source = PatientSource<typeof CT_LABELS>;

/** Patients to learn from, to choose the best epoch by, and to be scored on. */
export interface Study {
  train: Source;
  validation: Source;
  test: Source;
}

export async function makeStudy(
  patients: number,
  preprocessing: CtPreprocessing,
  onProgress: (made: number) => void,
): Promise<Study> {
  // a trauma centre's patients: most have something
  const prevalence = { ich: 0.6, ivh: 0.4, sah: 0.4, sdh: 0.4, edh: 0.35 };
  const phantoms = { patients, slices: 12, size: 2 * SIZE, difficulty: 0.2, prevalence, seed: SEED };
  const source = cachedSource(await phantomSource(phantoms, preprocessing, onProgress));
  const stratifyBy = (patient: string) => patientLabels(source, patient);
  const split = (of: readonly string[]) =>
    splitByPatient(of, { validationFraction: 0.2, seed: SEED, stratifyBy });
  const outer = split(source.patients);
  const inner = split(outer.train);
  return {
    train: subset(source, inner.train),
    validation: subset(source, inner.validation),
    test: subset(source, outer.validation),
  };
}

export interface Watch {
  onProgress: (progress: TrainingProgress) => void;
  onEpochEnd: (log: EpochLog) => void;
}

/** The recipe: the backbone under a linear head on single slices, then the whole model on whole patients. */
export async function train(
  { train, validation }: Study,
  epochs: number,
  watch: Watch,
): Promise<CtBrainModel<typeof CT_LABELS>> {
  const backbone = smallBackbone(SIZE, SEED);
  const augment = {
    rotation: 10,
    verticalFlip: 0,
    scale: [0.9, 1.1],
    brightness: 0.1,
    contrast: 0.1,
  } as const;
  const options = { train, validation, epochs, patience: epochs, seed: SEED, augment, ...watch };
  const linear: tf.LayersModel = buildCtBrainModel({ variant: 'VGG16', backbone, seed: SEED });
  await pretrainBackbone(linear, { ...options, learningRate: 1e-3 });
  const whole = buildCtBrainModel({ variant: 'VGG16 + LRNN + SDL(GRU)', backbone, seed: SEED });
  await trainPatients(whole, { ...options, learningRate: 5e-4 });
  return whole;
}
