/** Trains the poster's model: the backbone with a linear head on single slices, the head on its features, the whole model. */
import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {
  ArgumentError,
  backboneOf,
  BACKBONES,
  buildCtBrainModel,
  cachedSource,
  CT_LABELS,
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
import { openTrainingRun, trainingProgressBar, useBackend } from '../../node';
import { command, options, type Args } from '../command_line';
import { printEstimate } from '../estimate';
import { BACKEND, labelNames, PREPROCESSING, SPLIT, STUDY, studyOptions, TABLE } from '../options';
import { RECIPE, recipeOptions } from '../recipe_options';
import { printF2, predictToFile } from '../scores';
import { readRecord } from '../studies/seen_patients';
import { openStudies, preprocessingFor } from '../studies/open_studies';
import { checkStudies, splitStudies } from '../studies/split_studies';
import { progressLine } from '../terminal';
import { PRECISIONS, STORED_ARRAYS } from '../../base/stored_values';
import { trainingOrigin } from '../training_origin';

const OPTIONS = options({
  data: {
    value: 'DIR',
    help: 'folder with train.csv and train/ID_x/x_N.jpg or .png; or DICOM with a table of labels; may be given more than once',
    required: true,
    multiple: true,
  },
  ...TABLE,
  labels: { value: 'NAMES', default: CT_LABELS.join(), help: "labels, separated by commas; 'rsna' for RSNA's six" },
  out: { value: 'DIR', default: 'runs/kaggle', help: 'where checkpoints, history and predictions go' },
  variant: {
    value: 'NAME',
    choices: [...(Object.keys(POSTER_VARIANTS) as PosterVariant[]), 'recommended'],
    default: 'VGG16 + LRNN + SDL(GRU)',
    help: 'arrangement',
  },
  backbone: { value: 'NAME', choices: BACKBONES, default: 'vgg16', help: 'backbone' },
  'backbone-weights': {
    value: 'FILE',
    help: 'torchvision weights as .safetensors, trained on ImageNet; without them training starts from scratch',
  },
  ...PREPROCESSING,
  output: { value: 'LEVEL', choices: ['slices', 'patient'], default: 'slices', help: 'a prediction per slice, or per patient' },
  pooling: { value: 'NAME', choices: ['max', 'attention'], default: 'max', help: 'with --output patient, over the slices' },
  ...RECIPE,
  ...SPLIT,
  seed: { value: 'N', default: 1, help: 'seed of split, weights, order and augmentation' },
  'memory-budget': { value: 'MiB', default: 768, help: 'activations kept at once; lower it where memory is short' },
  cache: { value: 'MiB', default: 1024, help: 'prepared slices kept in memory; what does not fit is read again' },
  'cache-precision': { value: 'NAME', choices: PRECISIONS, default: 'float32', help: 'what prepared slices are kept as, in memory and in --cache-dir; uint8 takes a quarter' },
  'dry-run': { help: 'say what would be trained on, how long, and in how much memory' },
  resume: { help: 'go on with the run in --out' },
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
  json: 'the scores, beside those of trivial predictors, and the thresholds',
  run: train,
  interrupted: ({ out }) => `${out} keeps what was saved; the same command with --resume goes on`,
});

async function train(args: Args<typeof OPTIONS>): Promise<unknown> {
  const recipe = resolveRecipe(recipeOptions(args));
  if (args.resume && (await readdir(args.out).catch(() => [])).length === 0) {
    throw new ArgumentError(`--resume: there is no run in '${args.out}'; without it, one begins there`);
  }
  await useBackend(args.backend, { log: console.log });
  const { imageSize: size, seed, data: folders } = args;
  const preprocessing = await preprocessingFor(folders, args);

  // patients, divided
  const opened = await openStudies(folders, {
    preprocessing,
    labels: labelNames(args.labels),
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
      `${opened.trainOnly.length} single slices of unknown patients: the backbone learns from them; they choose no epoch and no threshold`,
    );
  }

  // the model
  const weights = args.backboneWeights;
  const built = {
    variant: args.variant,
    backbone: args.backbone,
    inputShape: [size, size, preprocessedChannels(preprocessing)] as [number, number, number],
    normalize: weights !== undefined,
    labels: study.labels,
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
    if (fresh.length > 0) console.log(`not in ${weights}, so they start fresh: ${fresh.join(', ')}`);
    tf.dispose(state);
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

  // its training
  const { threshold: thresholds, ...stages } = recipe;
  const config = {
    ...{ data: folders.length === 1 ? folders[0] : folders, model: built, weights: weights ?? null },
    // `thresholds` is what the runs of earlier versions call it, which go on with this one
    ...{ preprocessing, ...stages, thresholds, seed, split },
    // a run that goes on comes from where it began
    origin: args.resume
      ? (await readRecord(path.join(args.out, 'config.json')))?.origin
      : await trainingOrigin(weights),
  };
  const run = await openTrainingRun(args.out, { config, resume: args.resume });
  const epochs = run.history.length;
  const { stop, ...bar } = trainingProgressBar();
  const extracting = progressLine('extracting features of patients');
  const result = await trainRecipe(model, {
    ...{
      run,
      pretrainOn: pretrainOn!,
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
      `${args.out} had ended: nothing was left to train; more epochs go on with it, another --out begins anew`,
    );
  }

  // how well it does
  const { description, decisions, beatsTrivial } = result;
  // where the first stage's model is kept, with its linear head, figures are of that
  const trained = description.training?.stage === 'pretrain' ? 'first stage, linear head' : built.variant;
  const by = decisions ? 'epochs and thresholds' : 'epochs';
  const chose = `${validation!.patients.length} patients that it was not trained on, but which chose its ${by}`;
  const optimistic = opened.optimistic ? '; a patient may be on both sides, so the figures are too good' : '';
  printF2(`${chose}${optimistic}`, trained, result.validation, result.trivial, study.labels);
  console.log(
    `thresholds: ${study.labels.map((label, l) => `${label} ${description.thresholds[l]!.toFixed(3)}`).join(', ')}`,
  );
  if (decisions?.implied !== undefined) {
    console.log(`(drawn towards what the loss implies, ${decisions.implied.toFixed(3)} before calibration)`);
  }
  if (decisions && decisions.chosen.guarded.length > 0) {
    console.log(
      `(too few validation patients have ${decisions.chosen.guarded.join(', ')}: the threshold of all labels together)`,
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
    const title = `${test.patients.length} test patients, which neither trained nor chose anything${optimistic}`;
    printF2(title, trained, score, trivialPredictors(train!, test, seed, score.level), study.labels);
    await predictToFile(`${args.out}/test-predictions.csv`, result.model, test, description);
  }
  await predictToFile(`${args.out}/predictions.csv`, result.model, validation!, description);
  await opened.close();
  console.log(`\n${args.out}: best/ (checkpoint), predictions.csv, history.csv, config.json`);
  if (!beatsTrivial) {
    console.error(
      '\nWarning: on the validation patients this model is no better than a predictor that never looks at an image.\n' +
        'Do not use it. What may help: pretrained weights (--backbone-weights), more patients (--data may be given\n' +
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

/** After a start that failed: a folder with nothing but its settings would only stand in the way of the next. */
async function removeUnused(out: string): Promise<void> {
  const names = await readdir(out).catch(() => []);
  if (names.join() !== 'config.json') return;
  await rm(path.join(out, 'config.json'));
  await rmdir(out);
}
