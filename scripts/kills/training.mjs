// Starts or resumes a short training with every stage of the recipe, in the given folder.
import * as tf from '@tensorflow/tfjs';
import { buildCtBrainModel, createPreprocessing, seededRandom, trainRecipe } from 'ct-multilabel';
import { openTrainingRun, useBackend } from 'ct-multilabel/node';

const [folder] = process.argv.slice(2);
const SIZE = 16;
const SLICES = 2;
const labels = ['left', 'right'];

await useBackend('cpu');
const convolution = { filters: 4, kernelSize: 3, strides: 2, inputShape: [SIZE, SIZE, 1] };
const kernelInitializer = tf.initializers.heNormal({ seed: 1 });
const backbone = tf.sequential({
  layers: [
    tf.layers.conv2d({ ...convolution, kernelInitializer }),
    tf.layers.batchNormalization(),
    tf.layers.reLU(),
    tf.layers.maxPooling2d({ poolSize: 3, strides: 3 }),
    tf.layers.flatten(),
  ],
});
const model = buildCtBrainModel({ variant: 'VGG16 + LRNN', backbone, labels, labelDecoder: { units: 4 }, seed: 1 }); // prettier-ignore
await trainRecipe(model, {
  run: await openTrainingRun(folder, { config: { seed: 1 }, resume: true }),
  train: source(['p1', 'p2']),
  validation: source(['v1']),
  description: { labels, preprocessing: createPreprocessing({ imageSize: [SIZE, SIZE] }) },
  ...{ seed: 1, patience: 9, checkpointSteps: 1 },
  pretrain: { epochs: 2, learningRate: 1e-2, batchSize: 2 },
  warmUp: { epochs: 2, learningRate: 1e-2, versions: 1 },
  patients: { epochs: 3, learningRate: 3e-3 },
});

/** Patients whose labels are visible: one half of the image is brighter. */
function source(patients) {
  const sliceLabels = (patient) => {
    const random = seededRandom(patient.charCodeAt(0) + Number(patient[1]));
    return Array.from({ length: SLICES }, () => labels.map(() => (random() < 0.5 ? 1 : 0)));
  };
  const sliceNames = (patient) => Array.from({ length: SLICES }, (_, i) => `${patient}_${i}`);
  const loadSlices = async (patient, indices) => {
    const own = indices.map((i) => sliceLabels(patient)[i]);
    const images = tf.buffer([indices.length, SIZE, SIZE, 1]);
    for (let i = 0; i < images.size; i++) {
      const half = i % SIZE < SIZE / 2 ? 0 : 1;
      images.values[i] = 0.2 + 0.6 * own[Math.floor(i / SIZE ** 2)][half];
    }
    const slices = indices.map((i) => sliceNames(patient)[i]);
    return { patient, slices, images: images.toTensor(), labels: tf.tensor2d(own) };
  };
  const load = (patient) =>
    loadSlices(
      patient,
      Array.from({ length: SLICES }, (_, i) => i),
    );
  return { labels, patients, sliceNames, sliceLabels, load, loadSlices };
}
