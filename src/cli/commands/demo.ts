/** Makes head phantoms, trains the poster's best arrangement on them, and evaluates it on held-out patients. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import {
  ArgumentError,
  buildCtBrainModel,
  cachedSource,
  createPreprocessing,
  evaluatePatients,
  patientLabels,
  resolveRecipe,
  splitByPatient,
  subset,
  trainRecipe,
  trivialPredictors,
  type TrainedRecipe,
} from '../../index';
import {
  openKaggleFolder,
  openTrainingRun,
  trainingProgressBar,
  useBackend,
  writePhantomStudy,
} from '../../node';
import { integerIn, positiveInteger } from '../../base/options';
import { PHANTOM_STUDY_RULES } from '../../data/phantom/options';
import { command, options, type Args } from '../command_line';
import { BACKEND } from '../options';
import { printF2, predictToFile } from '../scores';
import { readRecord } from '../studies/seen_patients';
import { slicePosition } from '../slice_position';
import { trainingOrigin } from '../training_origin';
import { drawWhereItLooked } from '../where_it_looked';

const OPTIONS = options({
  out: { value: 'DIR', default: 'runs/demo', help: 'folder for study/ and run/, which are replaced each time' },
  seed: { value: 'N', default: 1, help: 'seed of study, split, weights, order and augmentation' },
  patients: { value: 'N', rule: integerIn(3, 99_999), default: 96, help: 'synthetic patients' },
  slices: { value: 'N', rule: PHANTOM_STUDY_RULES.slices, default: 12, help: 'slices per patient' },
  difficulty: { value: 'X', rule: PHANTOM_STUDY_RULES.difficulty, default: 0.2, help: '0: large bright hemorrhages, 1: small and faint ones' },
  'image-size': { value: 'N', default: 64, help: "height and width of the model's input" },
  'pretrain-epochs': { value: 'N', default: 16, help: 'maximum epochs on single slices' },
  epochs: { value: 'N', default: 4, help: 'maximum epochs on whole patients' },
  patience: { value: 'N', rule: positiveInteger, default: 8, help: 'epochs without a better validation F2 before a stage stops' },
  backend: { ...BACKEND.backend, default: 'wasm' },
}); // prettier-ignore

export default command({
  examples: ['', '--seed 2 --out runs/second'],
  options: OPTIONS,
  json: 'the scores and the paths of the results',
  run: demo,
  interrupted: () => 'the same command starts from the beginning',
});

async function demo(args: Args<typeof OPTIONS>): Promise<unknown> {
  const { out, seed, imageSize: size } = args;
  await useBackend(args.backend, { log: console.log });

  // a study in the challenge's layout
  await checkRun(`${out}/run`);
  for (const made of ['study/phantom.json', 'run/config.json']) {
    if (existsSync(`${out}/${made}`)) await rm(`${out}/${dirname(made)}`, { recursive: true });
  }
  const folder = `${out}/study`;
  const { patients, slices, positives } = await writePhantomStudy(folder, {
    patients: args.patients,
    slices: args.slices,
    size: 2 * size,
    difficulty: args.difficulty,
    // as at a trauma centre: most patients have a hemorrhage
    prevalence: { ich: 0.6, ivh: 0.4, sah: 0.4, sdh: 0.4, edh: 0.35 },
    seed,
  });
  const found = Object.entries(positives).map(([label, count]) => `${label} ${count}`);
  console.log(`${folder}: ${patients} synthetic patients, ${slices} slices (${found.join(', ')})`);

  // patients to train on, to choose the best epoch by, and to test on
  const preprocessing = createPreprocessing({ imageSize: [size, size], clahe: false }); // CLAHE hides small lesions in noise
  const study = cachedSource(await openKaggleFolder(folder, { preprocessing }));
  const stratifyBy = (patient: string) => patientLabels(study, patient);
  const first = splitByPatient(study.patients, { validationFraction: 0.2, seed, stratifyBy });
  const second = splitByPatient(first.train, { validationFraction: 0.2, seed, stratifyBy });
  const test = subset(study, first.validation);
  const train = subset(study, second.train);
  const validation = subset(study, second.validation);
  console.log(
    `${train.patients.length} to train on, ${validation.patients.length} to validate, ${test.patients.length} to test`,
  );

  // trained from scratch in minutes, so learning rates are higher and augmentation is milder than the poster's
  const variant = 'VGG16 + LRNN + SDL(GRU)';
  const model = buildCtBrainModel({
    variant,
    backbone: 'smallCnn',
    inputShape: [size, size, 1],
    labels: study.labels,
    seed,
  });
  const recipe = resolveRecipe({
    pretrain: {
      ...{ epochs: args.pretrainEpochs, learningRate: 3e-3, warmupEpochs: 0.5 },
      ...{ decay: 'cosine' as const, batchSize: 16 },
    },
    warmUp: { learningRate: 2e-3 },
    // a change of the backbone changes all features that the head has learned to use
    patients: {
      ...{ epochs: args.epochs, learningRate: { backbone: 2e-5, head: 2e-4 } },
      decay: 'cosine' as const,
    },
    patience: args.patience,
    augment: { rotation: 10, verticalFlip: 0, scale: [0.9, 1.1], brightness: 0.1, contrast: 0.1 },
  });
  const built = { variant, backbone: 'smallCnn', inputShape: [size, size, 1], seed };
  const split = { train: second.train, validation: second.validation, test: first.validation };
  const config = {
    ...{ data: folder, model: built, weights: null, preprocessing, ...recipe, seed, split },
    origin: await trainingOrigin(),
  };
  const run = await openTrainingRun(`${out}/run`, { config });
  const { stop, ...bar } = trainingProgressBar();
  let result: TrainedRecipe;
  try {
    const description = { labels: study.labels, preprocessing, model: built };
    result = await trainRecipe(model, {
      ...{ run, train, validation, ...recipe, seed, ...bar, description },
      onNote: (note) => console.log(`Note: ${note}`),
    });
  } finally {
    stop();
  }

  const { thresholds, calibration } = result.description;
  const score = await evaluatePatients(result.model, test, { threshold: thresholds, calibration });
  const trivial = [slicePosition(train, test), ...trivialPredictors(train, test, seed)];
  const title = `${test.patients.length} test patients, used for neither training nor any choice`;
  printF2(title, 'this model', score, trivial, study.labels);
  await predictToFile(`${run.folder}/predictions.csv`, result.model, test, result.description);
  const shown = await drawWhereItLooked(`${run.folder}/where-it-looked.png`, result.model, test);
  console.log(
    `\n${run.folder}: best/ (checkpoint), predictions.csv, history.csv, config.json, where-it-looked.png`,
  );
  // in a clone the command is not installed
  const inClone =
    process.env['npm_package_name'] === 'ct-multilabel' && process.env['npm_lifecycle_event'] !== 'npx';
  const program = inClone ? 'npm run ct-multilabel --' : 'npx ct-multilabel';
  console.log(`next: ${program} predict --checkpoint ${run.folder} --patient ${folder}/train/${shown}`);
  return { study: folder, checkpoint: run.folder, labels: study.labels, thresholds, test: score, trivial };
}

/** Refuses to replace a run that is not a demo's. */
async function checkRun(folder: string): Promise<void> {
  const config = await readRecord(`${folder}/config.json`);
  const data = config?.data;
  if (config === undefined || (typeof data === 'string' && basename(data) === 'study')) return;
  throw new ArgumentError(
    `--out: expected a folder without a run of other data, received one in which ${folder} was trained on ${String(data)}`,
  );
}
