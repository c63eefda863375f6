/**
 * Trains the poster's model: the backbone with a linear head on single slices, the head on its features, the whole
 * model.
 */
import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {
  ArgumentError,
  backboneOf,
  BACKBONES,
  buildCtBrainModel,
  cachedSource,
  CheckpointError,
  evaluatePatients,
  loadTorchWeights,
  POSTER_VARIANTS,
  preprocessedChannels,
  readSafetensors,
  resolveRecipe,
  subset,
  trainRecipe,
  trivialPredictors,
  type Evaluation,
  type PosterVariant,
} from '../../index';
import { STUDY_FILE } from '../../node/runs/study_record';
import { openTrainingRun, trainingProgressBar, useBackend } from '../../node';
import { check } from '../../base/checks';
import { positiveInteger } from '../../base/options';
import { command, options, type Args } from '../command_line';
import { printEstimate } from '../estimate';
import { BACKEND, LABELS, PREPROCESSING, STUDY, studyOptions, TABLE } from '../options';
import { checkOutputs } from '../outputs';
import { RECIPE, recipeOptions } from '../recipe_options';
import { printF2, predictToFile } from '../scores';
import { readRecord } from '../studies/seen_patients';
import { openStudies, preprocessingFor } from '../studies/open_studies';
import { checkShares, checkStudies, SPLIT, splitStudies } from '../studies/split_studies';
import { progressLine } from '../terminal';
import { PRECISIONS, STORED_ARRAYS } from '../../base/stored_values';
import { studySha256, trainingOrigin } from '../training_origin';

const OPTIONS = options({
  data: {
    value: 'DIR',
    help: 'folder with train.csv and train/ID_x/x_N.jpg or .png, or with DICOM and a table of labels; may be given more than once',
    required: true,
    multiple: true,
  },
  ...TABLE,
  ...LABELS,
  out: { value: 'DIR', default: 'runs/kaggle', help: 'folder for checkpoints, history and predictions' },
  variant: {
    value: 'NAME',
    choices: [...(Object.keys(POSTER_VARIANTS) as PosterVariant[]), 'recommended'],
    default: 'VGG16 + LRNN + SDL(GRU)',
    help: 'arrangement',
  },
  backbone: { value: 'NAME', choices: BACKBONES, default: 'vgg16', help: 'backbone' },
  'backbone-weights': {
    value: 'FILE',
    help: 'torchvision weights pretrained on ImageNet, as .safetensors (default: train from scratch)',
  },
  ...PREPROCESSING,
  output: { value: 'LEVEL', choices: ['slices', 'patient'], default: 'slices', help: 'predict per slice or per patient' },
  pooling: { value: 'NAME', choices: ['max', 'attention'], default: 'max', help: 'how slices are pooled, with --output patient' },
  ...RECIPE,
  ...SPLIT,
  seed: { value: 'N', default: 1, help: 'seed of split, weights, order and augmentation' },
  'memory-budget': { value: 'MiB', rule: positiveInteger, default: 768, help: 'activations kept at once; reduce it if memory is short' },
  cache: { value: 'MiB', default: 1024, help: 'memory for prepared slices; slices that do not fit are read again' },
  'cache-precision': { value: 'NAME', choices: PRECISIONS, default: 'float32', help: 'precision of prepared slices, in memory and in --cache-dir; uint8 takes a quarter' },
  'dry-run': { help: 'print the split and the time and memory that training would take, without training' },
  resume: { help: 'continue the run in --out' },
  ...STUDY,
  ...BACKEND,
}); // prettier-ignore

export default command({
  examples: [
    '--data DIR --backbone-weights vgg16.safetensors',
    '--data RSNA --windows brain,subdural,bone --labels rsna --workers 4',
    '--data CLINIC --data RSNA --test-fraction 0.2',
  ],
  options: OPTIONS,
  json: 'the scores, those of trivial predictors, and the thresholds',
  run: train,
  interrupted: ({ out }) => `${out} keeps what was saved; continue with the same command and --resume`,
});

async function train(args: Args<typeof OPTIONS>): Promise<unknown> {
  const recipe = resolveRecipe(recipeOptions(args));
  if (!recipe.pretrain && !recipe.warmUp && !recipe.patients) {
    throw new ArgumentError('--pretrain-epochs, --warm-up-epochs, --epochs: expected at least one above 0');
  }
  checkShares(args);
  const { accumulate = 1, checkpointSteps = 0 } = args;
  check(
    checkpointSteps % accumulate === 0,
    '--checkpoint-steps',
    `a multiple of --accumulate, which is ${accumulate}`,
    checkpointSteps,
  );
  await checkOutputs(
    { folders: { out: args.out } },
    { studies: { data: args.data }, files: { 'backbone-weights': args.backboneWeights } },
  );
  if (args.resume && (await readdir(args.out).catch(() => [])).length === 0) {
    throw new ArgumentError(`--resume: there is no run in '${args.out}'; omit --resume to start one`);
  }
  await useBackend(args.backend, { log: console.log });
  const { imageSize: size, seed, data: folders } = args;
  const preprocessing = await preprocessingFor(folders, args);

  // the model, before the studies are read: settings may not fit each other
  const weights = args.backboneWeights;
  const built = {
    variant: args.variant,
    backbone: args.backbone,
    inputShape: [size, size, preprocessedChannels(preprocessing)] as [number, number, number],
    normalize: weights !== undefined,
    labels: args.labels,
    ...(args.output === 'patient' && {
      output: 'patient' as const,
      pooling: args.pooling,
    }),
    seed,
  };
  const model = buildCtBrainModel(built);
  if (weights) {
    const state = readSafetensors(await readFile(weights));
    const { fresh } = loadTorchWeights(backboneOf(model), state, { partial: true });
    if (fresh.length > 0) console.log(`not in ${weights}, so initialised randomly: ${fresh.join(', ')}`);
    tf.dispose(state);
  }

  // split the patients
  const opened = await openStudies(folders, {
    preprocessing,
    labels: args.labels,
    table: args.table,
    cachePrecision: args.cachePrecision,
    ...studyOptions(args),
  });
  const maxBytes = args.cache * 2 ** 20;
  const study =
    maxBytes > 0 ? cachedSource(opened.study, { maxBytes, precision: args.cachePrecision }) : opened.study;
  const split = splitStudies(opened, args);
  const unknown = new Set(opened.trainOnly);
  const known = split.train.filter((patient) => !unknown.has(patient));
  const [pretrainOn, train, validation] = [split.train, known, split.validation].map((side) => subset(study, side)); // prettier-ignore
  const counts = Object.entries(split).map(([side, patients]) => `${patients.length} ${side}`);
  console.log(`patients: ${counts.join(', ')}`);
  if (opened.trainOnly.length > 0) {
    console.log(
      `${opened.trainOnly.length} single slices of unknown patients: used to train the backbone, not to choose epochs or thresholds`,
    );
  }

  const memoryBudget = args.memoryBudget * 2 ** 20;
  if (args.dryRun) {
    await printEstimate(model, study, split, recipe, {
      memoryBudget,
      cache: maxBytes,
      valueBytes: STORED_ARRAYS[args.cachePrecision].BYTES_PER_ELEMENT,
    });
    return opened.close();
  }
  if (folders.length > 1) await checkStudies(study, split);

  // train it
  const { threshold: thresholds, ...stages } = recipe;
  const trainedOn = studySha256(study, args.imageWindow);
  const config = {
    ...{ data: folders.length === 1 ? folders[0] : folders, model: built, weights: weights ?? null },
    // runs of earlier versions, which can be resumed, call it `thresholds`
    ...{ preprocessing, ...stages, thresholds, seed, split },
    // a resumed run keeps its origin
    origin: args.resume
      ? (await readRecord(path.join(args.out, 'config.json')))?.origin
      : { ...(await trainingOrigin(weights)), studySha256: trainedOn },
  };
  const run = await openTrainingRun(args.out, { config, resume: args.resume });
  const before = config.origin?.studySha256 ?? trainedOn;
  if (before !== trainedOn) {
    await run.close();
    throw new CheckpointError(
      `${args.out}: the run to resume was trained on other slices or labels of this study, or with another --image-window`,
    );
  }
  const epochs = run.history.length;
  const { stop, ...bar } = trainingProgressBar();
  const extracting = progressLine('extracting features of patients');
  const result = await trainRecipe(model, {
    ...{
      run,
      pretrainOn: unknown.size > 0 ? pretrainOn : train,
      train: train!,
      validation: validation!,
      seed,
      ...recipe,
      ...bar,
      memoryBudget,
    },
    checkpointSteps: args.checkpointSteps || undefined,
    description: { labels: study.labels, preprocessing, model: built },
    onExtract: ({ done, total }) => (done < total ? extracting.show(done, total) : extracting.end()),
    onNote: (note) => console.log(`Note: ${note}`),
  })
    .catch(async (error: unknown) => {
      if (!args.resume) await removeUnused(args.out);
      throw error;
    })
    .finally(stop);

  if (args.resume && result.history.length === epochs) {
    console.log(
      `${args.out} was already complete: nothing was trained; set more epochs to continue it, or another --out to start a new run`,
    );
  }

  // evaluate it
  const { description, decisions, beatsTrivial } = result;
  // the figures are those of the first stage's model, with its linear head, if that is the one kept
  const trained = description.training?.stage === 'pretrain' ? 'first stage, linear head' : built.variant;
  const by = decisions ? 'epochs and thresholds' : 'epochs';
  const chose = `${validation!.patients.length} validation patients, used to choose ${by}, not to train`;
  const optimistic = opened.optimistic
    ? '; a patient may be on both sides, so the figures are optimistic'
    : '';
  printF2(`${chose}${optimistic}`, trained, result.validation, result.trivial, study.labels);
  console.log(
    `thresholds: ${study.labels.map((label, l) => `${label} ${description.thresholds[l]!.toFixed(3)}`).join(', ')}`,
  );
  if (decisions?.implied !== undefined) {
    console.log(
      `(shrunk towards the threshold that the loss implies, ${decisions.implied.toFixed(3)} before calibration)`,
    );
  }
  if (decisions && decisions.chosen.guarded.length > 0) {
    console.log(
      `(too few validation patients have ${decisions.chosen.guarded.join(', ')}: threshold of all labels pooled)`,
    );
  }
  let testScore: Evaluation | undefined;
  if (split.test.length > 0) {
    const test = subset(study, split.test);
    const score = await evaluatePatients(result.model, test, {
      threshold: description.thresholds,
      calibration: description.calibration,
    });
    testScore = score;
    const title = `${test.patients.length} test patients, used for neither training nor any choice${optimistic}`;
    printF2(title, trained, score, trivialPredictors(train!, test, seed, score.level), study.labels);
    await predictToFile(`${args.out}/test-predictions.csv`, result.model, test, description);
  }
  await predictToFile(`${args.out}/predictions.csv`, result.model, validation!, description);
  await opened.close();
  console.log(`\n${args.out}: best/ (checkpoint), predictions.csv, history.csv, config.json`);
  if (!beatsTrivial) {
    console.error(
      '\nWarning: on the validation patients this model is no better than a predictor that never looks at an image.\n' +
        'Do not use it. These may help: pretrained weights (--backbone-weights), more patients (--data may be given\n' +
        'more than once), more epochs, a larger --validation-fraction if few patients have a label.',
    );
    process.exitCode = 3;
  }
  return {
    checkpoint: args.out,
    labels: study.labels,
    thresholds: description.thresholds,
    calibration: description.calibration,
    split,
    validation: result.validation,
    test: testScore,
    trivial: result.trivial,
    beatsTrivial,
  };
}

/** Files that a run has before its first epoch. */
const STARTED = ['config.json', STUDY_FILE];

/** After a failed start, removes a folder that contains only these, so that the next run can use it. */
async function removeUnused(out: string): Promise<void> {
  const names = await readdir(out).catch(() => []);
  if (names.length === 0 || !names.every((name) => STARTED.includes(name))) return;
  for (const name of names) await rm(path.join(out, name));
  await rmdir(out);
}
