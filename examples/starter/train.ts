/**
 * Trains a multi-label classifier on synthetic head CT, and predicts the patients that it was not trained on:
 *
 *   npm start              on a synthetic study in data/, which is generated first
 *   npm start -- STUDY     on your own folder: images with train.csv, or DICOM with a label table
 */
import {
  buildCtBrainModel,
  createPreprocessing,
  evaluatePatients,
  patientLabels,
  predictPatients,
  splitByPatient,
  subset,
  trainRecipe,
} from 'ct-multilabel';
import {
  openStudy,
  openTrainingRun,
  trainingProgressBar,
  useBackend,
  writePhantomStudy,
} from 'ct-multilabel/node';

const folder = process.argv[2] ?? 'data';
const seed = 1;

await useBackend('auto', { log: console.log });
if (folder === 'data') {
  const prevalence = { ich: 0.6, ivh: 0.4, sah: 0.4, sdh: 0.4, edh: 0.35 };
  await writePhantomStudy(folder, { patients: 60, slices: 12, size: 128, difficulty: 0.2, prevalence, seed });
}

// patients to train on, and patients by which the best epoch and the thresholds are chosen
const preprocessing = createPreprocessing({ imageSize: [64, 64], clahe: false });
const study = await openStudy(folder, { preprocessing });
const split = splitByPatient(study.patients, {
  validationFraction: 0.25,
  seed,
  stratifyBy: (patient) => patientLabels(study, patient),
});
const [train, validation] = [subset(study, split.train), subset(study, split.validation)];

// smallCnn learns within minutes; for real CT take 'squeezenet1_1', 'resnet18' or 'vgg16' with ImageNet weights
const model = buildCtBrainModel({
  backbone: 'smallCnn',
  inputShape: [64, 64, 1],
  labels: study.labels,
  seed,
});

const bar = trainingProgressBar();
const { model: trained, description } = await trainRecipe(model, {
  // checkpoints, history and settings; with resume: true, an interrupted run continues
  run: await openTrainingRun('runs/first', { config: { data: folder, split } }),
  ...{ train, validation, seed, onProgress: bar.onProgress, onEpochEnd: bar.onEpochEnd },
  description: { labels: study.labels, preprocessing },
  augment: { rotation: 10, verticalFlip: 0, scale: [0.9, 1.1], brightness: 0.1, contrast: 0.1 },
  pretrain: { epochs: 12, learningRate: 3e-3 },
  patients: { epochs: 4, learningRate: { backbone: 2e-5, head: 2e-4 } },
});

const { thresholds: threshold, calibration } = description;
const { f2 } = await evaluatePatients(trained, validation, { threshold, calibration });
console.log(`F2 on ${validation.patients.length} patients that it was not trained on: ${f2.toFixed(3)}`);

for await (const slices of predictPatients(trained, validation, { threshold, calibration })) {
  const found = study.labels.flatMap((label) => {
    const present = slices.filter(({ labels }) => labels[label].present);
    const most = Math.max(...present.map(({ labels }) => labels[label].probability));
    return present.length > 0 ? [`${label} on ${present.length} slices, up to ${most.toFixed(2)}`] : [];
  });
  console.log(`${slices[0]?.patient}: ${found.join(', ') || '-'}`);
}
await study.close();
