/**
 * Trains the poster's recipe on a folder in the challenge's layout:
 *
 *   npx tsx examples/train-kaggle.ts --data DIR --backbone-weights vgg16.safetensors
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
  loadTorchWeights,
  patientLabels,
  POSTER_VARIANTS,
  readSafetensors,
  splitByPatient,
  subset,
  type BackboneName,
  type PosterVariant,
} from 'ct-multilabel';
import {
  openKaggleFolder,
  openTrainingRun,
  trainingProgressBar,
  trainRecipe,
  useBackend,
} from 'ct-multilabel/node';
import { main, readCommandLine } from './cli';
import { reportF2, writePredictions } from './report';

const args = readCommandLine('npx tsx examples/train-kaggle.ts --data DIR [options]', {
  data: { value: 'DIR', help: 'folder with train.csv and train/ID_x/x_N.jpg or .png', required: true },
  out: { value: 'DIR', default: 'runs/kaggle', help: 'where checkpoints, history and predictions go' },
  variant: {
    value: 'NAME',
    default: 'VGG16 + LRNN + SDL(GRU)',
    help: `arrangement: ${Object.keys(POSTER_VARIANTS).join(', ')}`,
  },
  backbone: { value: 'NAME', default: 'vgg16', help: `backbone: ${BACKBONES.join(', ')}` },
  'backbone-weights': {
    value: 'FILE',
    help: 'torchvision weights as .safetensors, trained on ImageNet; without them training starts from scratch',
  },
  'image-size': { value: 'N', default: '224', help: 'height and width the slices are resized to' },
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
  resume: { default: 'off', help: 'go on with the run in --out' },
});

await main(async () => {
  await useBackend(args.text('backend') as 'auto', { log: console.log });
  const size = args.integer('image-size');
  const seed = args.integer('seed');
  const preprocessing = createPreprocessing({
    imageSize: [size, size],
    ...(args.on('clahe') ? {} : { clahe: false }),
  });

  // patients, divided
  const folder = await openKaggleFolder(args.text('data'), { preprocessing });
  const study = cachedSource(folder, { maxBytes: args.integer('cache') * 2 ** 20 });
  const split = splitByPatient(study.patients, {
    validationFraction: args.number('validation-fraction'),
    seed,
    ...(args.on('stratify') && { stratifyBy: (patient: string) => patientLabels(study, patient) }),
  });
  const train = subset(study, split.train);
  const validation = subset(study, split.validation);
  console.log(`${train.patients.length} patients to train on, ${validation.patients.length} to validate`);

  // the model
  const weights = args.optional('backbone-weights');
  const options = {
    variant: args.text('variant') as PosterVariant,
    backbone: args.text('backbone') as BackboneName,
    inputShape: [size, size, 1] as [number, number, number],
    normalize: weights !== undefined,
    labels: study.labels,
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
  const patients = { epochs: args.integer('epochs'), learningRate: args.number('lr') };
  const patience = args.integer('patience');
  const augment = args.on('augment') ? {} : (false as const);
  const config = {
    ...{ data: args.text('data'), model: options, weights: weights ?? null, preprocessing },
    ...{ pretrain, patients, patience, augment, seed, split },
  };
  const run = await openTrainingRun(args.text('out'), { config, resume: args.on('resume') });
  const bar = trainingProgressBar();
  try {
    await trainRecipe(model, {
      ...{ run, train, validation, seed, pretrain, patients, patience, augment, ...bar },
      description: { labels: [...study.labels], preprocessing, model: options },
      memoryBudget: args.integer('memory-budget') * 2 ** 20,
    });
  } finally {
    bar.stop();
  }

  // how well it does on the patients it never trained on
  await reportF2({ name: options.variant, model, train, test: validation, seed });
  await writePredictions(`${args.text('out')}/predictions.csv`, model, validation);
  console.log(`\n${args.text('out')}: best/ (checkpoint), predictions.csv, history.csv, config.json`);
});
