// Computations of the check, in the page and in its Web Worker.
import * as tf from '@tensorflow/tfjs';
import {
  adam,
  asymmetricLoss,
  buildCtBrainModel,
  createPreprocessing,
  evaluatePatients,
  f2Metric,
  FusedBatchNorm,
  FusedConv2D,
  loadCtBrainModel,
  memoryRun,
  saveCtBrainModel,
  seededRandom,
  trainPatients,
  trainRecipe,
  type PatientSource,
} from 'ct-multilabel';

export const LABELS = ['ich', 'sdh'] as const;
export const [SLICES, SIZE] = [4, 32];

/** Slices whose upper half is bright where they have the first label, the left where they have the second. */
function makePatient(seed: number): { pixels: Float32Array; labels: number[][] } {
  const random = seededRandom(seed);
  const labels = Array.from({ length: SLICES }, () => LABELS.map(() => (random() < 0.5 ? 1 : 0)));
  const pixels = new Float32Array(SLICES * SIZE * SIZE);
  for (let i = 0; i < pixels.length; i++) {
    const [slice, y, x] = [Math.floor(i / SIZE / SIZE), Math.floor(i / SIZE) % SIZE, i % SIZE];
    const [ich, sdh] = labels[slice]!;
    pixels[i] = 0.3 * random() + (ich && y < SIZE / 2 ? 0.3 : 0) + (sdh && x < SIZE / 2 ? 0.3 : 0);
  }
  return { pixels, labels };
}

const { pixels, labels } = makePatient(1);
const images = () => tf.tensor5d(pixels, [1, SLICES, SIZE, SIZE, 1]);

/** A backbone small enough for localStorage, whose shaders a CPU compiles in seconds. */
function smallBackbone(): tf.LayersModel {
  const kernelInitializer = tf.initializers.heNormal({ seed: 1 });
  const layers = [
    new FusedConv2D({
      filters: 8,
      kernelSize: 3,
      strides: 2,
      kernelInitializer,
      inputShape: [SIZE, SIZE, 1],
    }),
    new FusedBatchNorm({}),
    tf.layers.reLU(),
    tf.layers.maxPooling2d({ poolSize: 5 }),
    tf.layers.flatten(),
  ];
  return tf.sequential({ layers });
}

export function buildModel(): tf.LayersModel {
  const model = buildCtBrainModel({ backbone: smallBackbone(), labels: LABELS, seed: 1 });
  model.compile({ optimizer: adam(1e-3), loss: asymmetricLoss(), metrics: [f2Metric()] });
  return model;
}

export async function predict(model: tf.LayersModel): Promise<number[]> {
  const logits = tf.tidy(() => model.predict(images()) as tf.Tensor);
  const values = [...(await logits.data())];
  logits.dispose();
  return values;
}

export async function fit(model: tf.LayersModel, epochs: number): Promise<number[]> {
  const [x, y] = [images(), tf.tensor3d([labels])];
  const { history } = await model.fit(x, y, { epochs, verbose: 0 });
  tf.dispose([x, y]);
  return history['loss'] as number[];
}

/** Patients in memory, as a page would make them from opened files. */
function patientsInMemory(patients: readonly string[]): PatientSource<typeof LABELS> {
  const made = new Map(patients.map((patient, i) => [patient, makePatient(i)]));
  const slices = Array.from({ length: SLICES }, (_, i) => `slice ${i}`);
  return {
    labels: LABELS,
    patients,
    sliceNames: () => slices,
    sliceLabels: (patient) => made.get(patient)!.labels,
    load: async (patient) => ({
      patient,
      slices,
      images: tf.tensor4d(made.get(patient)!.pixels, [SLICES, SIZE, SIZE, 1]),
      labels: tf.tensor2d(made.get(patient)!.labels),
    }),
  };
}

/** Predictions of a model, and its continued training. */
export async function behaviour(of: tf.LayersModel) {
  return { predictions: await predict(of), losses: await fit(of, 2), trained: await predict(of) };
}

/** The same of a new model. */
export async function fresh() {
  const built = buildModel();
  const result = await behaviour(built);
  built.dispose();
  return result;
}

/** Losses of training whole patients. */
export async function trainOnPatients(): Promise<number[]> {
  const [train, validation] = [patientsInMemory(['a', 'b', 'c']), patientsInMemory(['d'])];
  const history = await trainPatients(buildModel(), { train, validation, seed: 1, epochs: 2 });
  return history.map(({ loss }) => loss);
}

/** A whole recipe: losses of its stages, and what the model that comes of it predicts once it was saved and read again. */
export async function recipe() {
  const [train, validation] = [patientsInMemory(['a', 'b', 'c']), patientsInMemory(['d'])];
  const run = memoryRun();
  const { model, history, description } = await trainRecipe(buildModel(), {
    ...{ run, train, validation, seed: 1 },
    description: {
      labels: [...LABELS],
      preprocessing: createPreprocessing({ imageSize: [SIZE, SIZE] }),
    },
    ...{ pretrain: { epochs: 1 }, warmUp: { epochs: 1 }, patients: { epochs: 1 } },
  });
  run.dispose();
  await saveCtBrainModel(model, 'indexeddb://recipe', description);
  const { model: saved } = await loadCtBrainModel('indexeddb://recipe', { includeOptimizer: false });
  const { f2 } = await evaluatePatients(saved, validation);
  return { losses: history.map(({ loss }) => loss), predictions: await predict(saved), f2 };
}

/** A convolution like most of VGG16's, with its gradients: by Winograd's algorithm, which the small model does not use. */
export async function convolve(): Promise<number[]> {
  const x = tf.randomNormal([2, 20, 20, 16], 0, 1, 'float32', 1);
  const filter = tf.randomNormal([3, 3, 16, 16], 0, 1, 'float32', 2);
  const work = (a: tf.Tensor, b: tf.Tensor) => tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 1, 'same');
  const results = tf.tidy(() => [work(x, filter), ...tf.grads(work)([x, filter])]);
  const values = await Promise.all(results.map((result) => result.data()));
  tf.dispose([x, filter, ...results]);
  return values.flatMap((each) => [...each]);
}
