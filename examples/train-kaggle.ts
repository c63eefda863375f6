/**
 * Trains the poster's model on folders of images in the challenge's layout, or of DICOM:
 *
 *   npx tsx examples/train-kaggle.ts --data DIR --backbone-weights vgg16.safetensors
 *   npx tsx examples/train-kaggle.ts --data RSNA --windows brain,subdural,bone --labels rsna --workers 4
 *   npx tsx examples/train-kaggle.ts --data CLINIC --data RSNA --test-fraction 0.2
 *
 * Three stages: the backbone with a linear head on single slices, the head on the backbone's features, the whole model. Exits with 3
 * where the model does not beat predictors that never look at an image.
 */
import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import {
  ArgumentError,
  backboneOf,
  BACKBONES,
  buildCtBrainModel,
  cachedSource,
  createPreprocessing,
  CT_LABELS,
  evaluatePatients,
  loadTorchWeights,
  POSTER_VARIANTS,
  preprocessedChannels,
  readSafetensors,
  RECIPES,
  RECOMMENDED_TRAINING,
  resolveRecipe,
  subset,
  trainRecipe,
  trivialPredictors,
  type BackboneName,
  type CtBrainVariant,
  type CtWindowName,
  type RecipeOptions,
} from 'ct-multilabel';
import { detectStudy, openTrainingRun, trainingProgressBar, useBackend } from 'ct-multilabel/node';
import { ALLOW, allowed, labelNames, main, progressLine, readCommandLine } from './cli';
import { printEstimate } from './estimate';
import { printF2, writePredictions } from './report';
import { checkStudies, openStudies, splitStudies } from './training_data';

/** A setting of the default recipe, for the help. */
const of = (stage: 'pretrain' | 'warmUp' | 'patients', setting: string) =>
  String((RECIPES.default[stage] as unknown as Record<string, unknown>)[setting]);

const args = readCommandLine('npx tsx examples/train-kaggle.ts --data DIR [options]', {
  data: {
    value: 'DIR',
    help: 'folder with train.csv and train/ID_x/x_N.jpg or .png; or DICOM with a table of labels; may be given more than once',
    required: true,
    multiple: true,
  },
  labels: {
    value: 'NAMES',
    default: CT_LABELS.join(),
    help: "labels, separated by commas; 'rsna' for RSNA's six",
  },
  out: { value: 'DIR', default: 'runs/kaggle', help: 'where checkpoints, history and predictions go' },
  recipe: {
    value: 'NAME',
    default: 'default',
    help: `${Object.keys(RECIPES).join(' or ')} (as published: no warm-up, threshold 0.5); the settings below change it`,
  },
  variant: {
    value: 'NAME',
    default: 'VGG16 + LRNN + SDL(GRU)',
    help: `arrangement: ${Object.keys(POSTER_VARIANTS).join(', ')}, recommended`,
  },
  backbone: { value: 'NAME', default: 'vgg16', help: `backbone: ${BACKBONES.join(', ')}` },
  'backbone-weights': {
    value: 'FILE',
    help: 'torchvision weights as .safetensors, trained on ImageNet; without them training starts from scratch',
  },
  'image-size': { value: 'N', default: '224', help: 'height and width the slices are resized to' },
  windows: {
    value: 'NAMES',
    help: 'windows of HU as channels, e.g. brain,subdural,bone (default brainWide for DICOM, none for images)',
  },
  'image-window': {
    value: 'NAME',
    help: 'the window that JPEG or PNG images show, where --windows are asked for',
  },
  neighbors: { value: 'N', default: '0', help: 'slices on each side as further channels' },
  output: { value: 'LEVEL', default: 'slices', help: 'slices, or patient: one prediction a patient' },
  pooling: { value: 'NAME', default: 'max', help: 'with --output patient: max or attention over the slices' },
  clahe: { default: 'on', help: 'equalise contrast (clip limit 2, grid 8x8)' },
  augment: { default: 'on', help: 'flip, rotate, scale and light each stack at random' },
  'pretrain-epochs': { value: 'N', help: `most epochs on single slices; 0 leaves the stage out (${of('pretrain', 'epochs')})` },
  'pretrain-lr': { value: 'X', help: `learning rate on single slices (${of('pretrain', 'learningRate')})` },
  'batch-size': { value: 'N', help: `slices per batch there (${of('pretrain', 'batchSize')})` },
  'warm-up-epochs': { value: 'N', help: `most epochs of the head on the backbone's features; 0 leaves the stage out (${of('warmUp', 'epochs')})` },
  'warm-up-lr': { value: 'X', help: `learning rate there (${of('warmUp', 'learningRate')})` },
  versions: { value: 'N', help: `augmented versions that features are extracted of (${of('warmUp', 'versions')})` },
  epochs: { value: 'N', help: `most epochs of the whole model on whole patients; 0 leaves the stage out (${of('patients', 'epochs')})` },
  lr: { value: 'X', help: `learning rate there, or two, backbone,head (${of('patients', 'learningRate')})` },
  patience: { value: 'N', help: `epochs without a better validation F2 before a stage stops (${RECIPES.default.patience})` },
  thresholds: { value: 'X', help: "'fit': chosen on the validation patients; or a number, 0.5 being the poster's (fit)" },
  decay: { value: 'NAME', help: 'how the learning rate falls in every stage: none or cosine' },
  'rate-warm-up': { value: 'X', help: 'epochs over which the learning rate rises in every stage' },
  'weight-decay': { value: 'X', help: 'decoupled weight decay in every stage (0)' },
  'clip-norm': { value: 'X', help: 'largest norm of the gradients in every stage (none)' },
  accumulate: { value: 'N', help: 'batches whose gradients make one step in every stage (1)' },
  balance: { default: 'off', help: 'draw slices and patients with and without a label equally often' },
  'checkpoint-steps': { value: 'N', help: 'batches after which a run that is killed can go on within an epoch' },
  'validation-fraction': {
    value: 'X',
    default: '0.2',
    help: 'share of patients held out to choose epochs and thresholds by',
  },
  'test-fraction': { value: 'X', default: '0', help: 'share of patients kept aside for a report at the end' },
  stratify: { default: 'on', help: 'divide the patients of each label in that proportion too' },
  seed: { value: 'N', default: '1', help: 'seed of split, weights, order and augmentation' },
  backend: { value: 'NAME', default: 'auto', help: 'auto, tensorflow, webgpu, wasm or cpu' },
  'memory-budget': {
    value: 'MiB',
    default: '768',
    help: 'activations kept at once; lower it where memory is short',
  },
  cache: {
    value: 'MiB',
    default: '1024',
    help: 'prepared slices kept in memory; what does not fit is read again',
  },
  'cache-dir': {
    value: 'DIR',
    help: 'folder that prepared slices are kept in, for the next epoch and the next run',
  },
  workers: { value: 'N', default: '1', help: 'threads that read and prepare slices ahead of the training' },
  'skip-bad': { default: 'off', help: 'read every file first, and leave out those that cannot be read' },
  'dry-run': { default: 'off', help: 'say what would be trained on, how long, and in how much memory' },
  allow: ALLOW,
  resume: { default: 'off', help: 'go on with the run in --out' },
}); // prettier-ignore

await main(async () => {
  const recipe = resolveRecipe(recipeOptions());
  await useBackend(args.text('backend') as 'auto', { log: console.log });
  const size = args.integer('image-size');
  const seed = args.integer('seed');
  const folders = args.all('data');
  const formats = await Promise.all(folders.map(async (folder) => (await detectStudy(folder)).format));
  const windows = args.optional('windows') ?? (formats.includes('dicom') ? 'brainWide' : undefined);
  const preprocessing = createPreprocessing({
    imageSize: [size, size],
    neighbors: args.integer('neighbors'),
    ...(windows !== undefined && { windows: windows.split(',') as CtWindowName[] }),
    ...(args.on('clahe') ? {} : { clahe: false }),
  });

  // patients, divided
  const [cacheFolder, imageWindow] = ['cache-dir', 'image-window'].map(args.optional);
  const opened = await openStudies(folders, {
    preprocessing,
    labels: labelNames(args.text('labels')),
    workers: args.integer('workers'),
    onBadFile: args.on('skip-bad') ? 'skip' : 'throw',
    ...(cacheFolder !== undefined && { cacheFolder }),
    ...(imageWindow !== undefined && { imageWindow: imageWindow as CtWindowName }),
    ...allowed(args.optional('allow')),
  });
  const maxBytes = args.integer('cache') * 2 ** 20;
  const study = maxBytes > 0 ? cachedSource(opened.study, { maxBytes }) : opened.study;
  const split = splitStudies(opened, {
    validation: args.number('validation-fraction'),
    test: args.number('test-fraction'),
    seed,
    stratify: args.on('stratify'),
  });
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
  const weights = args.optional('backbone-weights');
  const options = {
    variant: args.text('variant') as CtBrainVariant,
    backbone: args.text('backbone') as BackboneName,
    inputShape: [size, size, preprocessedChannels(preprocessing)] as [number, number, number],
    normalize: weights !== undefined,
    labels: study.labels,
    ...(args.text('output') === 'patient' && {
      output: 'patient' as const,
      pooling: args.text('pooling') as 'max',
    }),
    seed,
  };
  const model = buildCtBrainModel(options);
  if (weights) {
    const state = readSafetensors(await readFile(weights));
    const { fresh } = loadTorchWeights(backboneOf(model), state, { partial: true });
    if (fresh.length > 0) console.log(`not in ${weights}, so they start fresh: ${fresh.join(', ')}`);
    tf.dispose(state);
  }
  const memoryBudget = args.integer('memory-budget') * 2 ** 20;
  if (args.on('dry-run')) {
    await printEstimate(model, study, split, recipe, { memoryBudget, cache: maxBytes });
    return opened.close();
  }
  if (folders.length > 1) await checkStudies(study, split);

  // its training
  const config = {
    ...{ data: folders.length === 1 ? folders[0] : folders, model: options, weights: weights ?? null },
    ...{ preprocessing, ...recipe, seed, split },
  };
  const run = await openTrainingRun(args.text('out'), { config, resume: args.on('resume') });
  const { stop, ...bar } = trainingProgressBar();
  const extracting = progressLine('extracting features of patients');
  const checkpointSteps = args.optional('checkpoint-steps') && args.integer('checkpoint-steps');
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
    ...(checkpointSteps && { checkpointSteps }),
    description: { labels: study.labels, preprocessing, model: options },
    onExtract: ({ done, total }) => (done < total ? extracting.show(done, total) : extracting.end()),
    onNote: (note) => console.log(`Note: ${note}`),
  }).finally(stop);

  // how well it does
  const { description, decisions, beatsTrivial } = result;
  // where the first stage's model is kept, with its linear head, figures are of that
  const trained = description.training?.stage === 'pretrain' ? 'first stage, linear head' : options.variant;
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
  if (split.test.length > 0) {
    const test = subset(study, split.test);
    const score = await evaluatePatients(result.model, test, {
      thresholds: description.thresholds,
      calibration: description.calibration,
    });
    const title = `${test.patients.length} test patients, which neither trained nor chose anything${optimistic}`;
    printF2(title, trained, score, trivialPredictors(train!, test, seed, score.level), study.labels);
    await writePredictions(`${args.text('out')}/test-predictions.csv`, result.model, test, description);
  }
  await writePredictions(`${args.text('out')}/predictions.csv`, result.model, validation!, description);
  await opened.close();
  console.log(`\n${args.text('out')}: best/ (checkpoint), predictions.csv, history.csv, config.json`);
  if (!beatsTrivial) {
    console.error(
      '\nWarning: on the validation patients this model is no better than a predictor that never looks at an image.\n' +
        'Do not use it. What may help: pretrained weights (--backbone-weights), more patients (--data may be given\n' +
        'more than once), more epochs, a larger --validation-fraction if few patients have a label.',
    );
    process.exitCode = 3;
  }
});

/** The recipe that the command line asks for. */
function recipeOptions(): RecipeOptions {
  const name = args.text('recipe');
  if (!(name in RECIPES)) {
    throw new ArgumentError(`--recipe: expected ${Object.keys(RECIPES).join(' or ')}, received '${name}'`);
  }
  const recipe = RECIPES[name as keyof typeof RECIPES];
  const whole = (option: string) => (args.optional(option) === undefined ? undefined : args.integer(option));
  const number = (option: string) => (args.optional(option) === undefined ? undefined : args.number(option));
  const everywhere = {
    decay: args.optional('decay') as 'none' | undefined,
    warmupEpochs: number('rate-warm-up'),
    weightDecay: number('weight-decay'),
    clipNorm: number('clip-norm'),
    accumulate: whole('accumulate'),
    ...(args.on('balance') && { balance: true }),
  };
  const stage = <T extends object>(of: T | false, given: object): T | false => {
    const set = Object.fromEntries(Object.entries({ ...everywhere, ...given }).filter(([, value]) => value !== undefined));
    return of === false && !('epochs' in given && given.epochs) ? false : ({ ...of, ...set } as T);
  };
  const [backbone, head = backbone] = args.optional('lr')?.split(',').map(Number) ?? [];
  const learningRate = backbone === undefined ? undefined : { backbone, head: head! };
  const sequence = args.text('variant') === 'recommended' ? RECOMMENDED_TRAINING : {};
  const thresholds = args.optional('thresholds');
  const fixed = thresholds !== undefined && thresholds !== 'fit' ? args.number('thresholds') : undefined;
  return {
    ...recipe,
    pretrain: stage(recipe.pretrain, { epochs: whole('pretrain-epochs'), learningRate: number('pretrain-lr'), batchSize: whole('batch-size') }),
    warmUp: stage(recipe.warmUp, { epochs: whole('warm-up-epochs'), learningRate: number('warm-up-lr'), versions: whole('versions'), ...sequence }),
    patients: stage(recipe.patients, { epochs: whole('epochs'), learningRate, ...sequence }),
    patience: whole('patience') ?? recipe.patience,
    augment: args.on('augment') ? recipe.augment : false,
    thresholds: fixed ?? (thresholds === 'fit' ? 'fit' : recipe.thresholds),
  };
} // prettier-ignore
