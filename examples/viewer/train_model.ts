/**
 * Trains the viewer's small bundled model on synthetic heads, in about two minutes:
 *
 *   npm run example:viewer:model [-- FOLDER]
 */
import {
  buildCtBrainModel,
  cachedSource,
  createPreprocessing,
  evaluatePatients,
  memoryRun,
  patientLabels,
  saveCtBrainModel,
  splitByPatient,
  subset,
  trainRecipe,
} from 'ct-multilabel';
import { fileSystem, trainingProgressBar, useBackend } from 'ct-multilabel/node';
import { phantomSource } from '../browser/phantom_source';

const [folder = 'examples/viewer/public/model'] = process.argv.slice(2);
const [SIZE, SEED] = [64, 1];

await useBackend('wasm', { log: console.log });

// HU through a window, since the viewer reads DICOM
const preprocessing = createPreprocessing({
  windows: ['brainWide'],
  clahe: false,
  imageSize: [SIZE, SIZE],
});
const phantoms = {
  ...{ patients: 50, slices: 20, size: 2 * SIZE, difficulty: 0.2, seed: SEED },
  // as at a trauma centre: most patients have a hemorrhage
  prevalence: { ich: 0.6, ivh: 0.4, sah: 0.4, sdh: 0.4, edh: 0.35 },
};
const study = cachedSource(
  await phantomSource(phantoms, preprocessing, (made) => {
    if (made % 25 === 0) console.log(`${made} of ${phantoms.patients} synthetic patients`);
  }),
);
const stratifyBy = (patient: string) => patientLabels(study, patient);
const split = { validationFraction: 0.2, seed: SEED, stratifyBy };
const first = splitByPatient(study.patients, split);
const second = splitByPatient(first.train, split);
const [train, validation, test] = [second.train, second.validation, first.validation].map((patients) =>
  subset(study, patients),
) as [typeof study, typeof study, typeof study];

const built = { variant: 'VGG16 + LRNN + SDL(GRU)', backbone: 'smallCnn', inputShape: [SIZE, SIZE, 1], seed: SEED } as const; // prettier-ignore
const model = buildCtBrainModel({ ...built, inputShape: [...built.inputShape] });
const data = `${phantoms.patients} synthetic heads (makePhantomStudy, seed ${SEED}); it has never seen a patient`;
const run = memoryRun();
const { stop, ...bar } = trainingProgressBar();
try {
  const result = await trainRecipe(model, {
    ...{ run, train, validation, seed: SEED, patience: 8, ...bar },
    description: { labels: study.labels, preprocessing, model: { ...built, trainedOn: data } },
    // from scratch in minutes, as in the demo, so learning rates are higher than the recipe's
    pretrain: { epochs: 11, learningRate: 3e-3, warmupEpochs: 0.5, decay: 'cosine', batchSize: 16 },
    warmUp: { learningRate: 2e-3 },
    patients: false,
    augment: { rotation: 10, verticalFlip: 0, scale: [0.9, 1.1], brightness: 0.1, contrast: 0.1 },
  });
  const { thresholds: threshold, calibration } = result.description;
  const { f2, f2PerLabel } = await evaluatePatients(result.model, test, { threshold, calibration });
  console.log(
    `\nF2 ${f2.toFixed(3)} on ${test.patients.length} synthetic patients that it was not trained on`,
  );
  console.log(study.labels.map((label, k) => `${label} ${f2PerLabel[k]?.toFixed(3)}`).join('  '));
  const tested = `F2 ${f2.toFixed(3)} on ${test.patients.length} other synthetic heads`;
  const description = {
    ...result.description,
    model: { ...built, trainedOn: data, tested },
  };
  await saveCtBrainModel(result.model, fileSystem(folder), { ...description, includeOptimizer: false });
  console.log(folder);
} finally {
  stop();
  run.dispose();
}
