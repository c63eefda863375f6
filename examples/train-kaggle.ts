/**
 * Trains the poster's recipe on a folder of images in the challenge's layout, or of DICOM:
 *
 *   npx tsx examples/train-kaggle.ts --data DIR --backbone-weights vgg16.safetensors
 *   npx tsx examples/train-kaggle.ts --data RSNA --windows brain,subdural,bone --labels rsna --workers 4
 *
 * Two stages: the backbone with a linear head on single slices, then the whole model, one patient a batch.
 */
import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import {
  backboneOf,
  BACKBONES,
  buildCtBrainModel,
  cachedSource,
  createPreprocessing,
  CT_LABELS,
  loadTorchWeights,
  patientLabels,
  POSTER_VARIANTS,
  preprocessedChannels,
  readSafetensors,
  RECOMMENDED_TRAINING,
  splitByPatient,
  subset,
  trainRecipe,
  type BackboneName,
  type CtBrainVariant,
  type CtWindowName,
} from 'ct-multilabel';
import { detectStudy, openStudy, openTrainingRun, trainingProgressBar, useBackend } from 'ct-multilabel/node';
import { labelNames, main, readCommandLine } from './cli';
import { reportF2, writePredictions } from './report';

const args = readCommandLine('npx tsx examples/train-kaggle.ts --data DIR [options]', {
  data: {
    value: 'DIR',
    help: 'folder with train.csv and train/ID_x/x_N.jpg or .png; or DICOM with a table of labels',
    required: true,
  },
  labels: {
    value: 'NAMES',
    default: CT_LABELS.join(),
    help: "labels, separated by commas; 'rsna' for RSNA's six",
  },
  out: { value: 'DIR', default: 'runs/kaggle', help: 'where checkpoints, history and predictions go' },
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
  'pretrain-epochs': { value: 'N', default: '50', help: 'most epochs of the first stage; 0 leaves it out' },
  'pretrain-lr': { value: 'X', default: '1e-4', help: "step size of the first stage's Adam" },
  'batch-size': { value: 'N', default: '16', help: 'slices a batch in the first stage' },
  epochs: { value: 'N', default: '50', help: 'most epochs of the second stage' },
  lr: { value: 'X', default: '1e-5', help: "step size of the second stage's Adam" },
  patience: { value: 'N', default: '5', help: 'epochs without a better validation F2 before a stage stops' },
  'validation-fraction': {
    value: 'X',
    default: '0.1',
    help: 'share of patients held out to choose the best epoch',
  },
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
  resume: { default: 'off', help: 'go on with the run in --out' },
});

await main(async () => {
  await useBackend(args.text('backend') as 'auto', { log: console.log });
  const size = args.integer('image-size');
  const seed = args.integer('seed');
  const { format } = await detectStudy(args.text('data'));
  const windows = args.optional('windows') ?? (format === 'dicom' ? 'brainWide' : undefined);
  const preprocessing = createPreprocessing({
    imageSize: [size, size],
    neighbors: args.integer('neighbors'),
    ...(windows !== undefined && { windows: windows.split(',') as CtWindowName[] }),
    ...(args.on('clahe') ? {} : { clahe: false }),
  });

  // patients, divided
  const [cacheFolder, imageWindow] = ['cache-dir', 'image-window'].map(args.optional);
  const folder = await openStudy(args.text('data'), {
    preprocessing,
    labels: labelNames(args.text('labels')),
    workers: args.integer('workers'),
    onBadFile: args.on('skip-bad') ? 'skip' : 'throw',
    ...(cacheFolder !== undefined && { cacheFolder }),
    ...(imageWindow !== undefined && { imageWindow: imageWindow as CtWindowName }),
  });
  for (const { error } of folder.skipped) console.log(`left out: ${error.message}`);
  const maxBytes = args.integer('cache') * 2 ** 20;
  const study = maxBytes > 0 ? cachedSource(folder, { maxBytes }) : folder;
  const split = splitByPatient(study.patients, {
    validationFraction: args.number('validation-fraction'),
    seed,
    ...(study.groupOf && { groupBy: (patient: string) => study.groupOf!(patient) }),
    ...(args.on('stratify') && { stratifyBy: (patient: string) => patientLabels(study, patient) }),
  });
  const train = subset(study, split.train);
  const validation = subset(study, split.validation);
  console.log(`${train.patients.length} patients to train on, ${validation.patients.length} to validate`);

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
    loadTorchWeights(backboneOf(model), state);
    tf.dispose(state);
  }

  // its training
  const pretrain = {
    epochs: args.integer('pretrain-epochs'),
    learningRate: args.number('pretrain-lr'),
    batchSize: args.integer('batch-size'),
  };
  const patients = {
    epochs: args.integer('epochs'),
    learningRate: args.number('lr'),
    ...(options.variant === 'recommended' && RECOMMENDED_TRAINING),
  };
  const patience = args.integer('patience');
  const augment = args.on('augment') ? {} : (false as const);
  const config = {
    ...{ data: args.text('data'), model: options, weights: weights ?? null, preprocessing },
    ...{ pretrain, patients, patience, augment, seed, split },
  };
  const run = await openTrainingRun(args.text('out'), { config, resume: args.on('resume') });
  const { stop, ...bar } = trainingProgressBar();
  try {
    await trainRecipe(model, {
      ...{ run, train, validation, seed, pretrain, patients, patience, augment, ...bar },
      description: { labels: study.labels, preprocessing, model: options },
      memoryBudget: args.integer('memory-budget') * 2 ** 20,
    });
  } finally {
    stop();
  }

  // how well it does on the patients it never trained on
  await reportF2({ name: options.variant, model, train, test: validation, seed });
  await writePredictions(`${args.text('out')}/predictions.csv`, model, validation);
  await folder.close();
  console.log(`\n${args.text('out')}: best/ (checkpoint), predictions.csv, history.csv, config.json`);
});
