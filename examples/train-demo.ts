/**
 * The whole recipe in minutes, on a synthetic study and with nothing but npm:
 *
 *   npm run train:demo
 *
 * Makes head phantoms, trains the poster's best arrangement on them, and scores it on patients it never trained on.
 */
import { rm } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import {
  buildCtBrainModel,
  cachedSource,
  createPreprocessing,
  deriveSeed,
  evaluatePatients,
  patientLabels,
  predictPatients,
  splitByPatient,
  subset,
  trivialPredictors,
  type SlicePrediction,
} from 'ct-multilabel';
import {
  openKaggleFolder,
  openTrainingRun,
  trainingProgressBar,
  trainRecipe,
  useBackend,
  writePhantomStudy,
  writeProbabilities,
} from 'ct-multilabel/node';
import { main, readCommandLine, textTable } from './cli';

const args = readCommandLine('npm run train:demo -- [options]', {
  out: { value: 'DIR', default: 'runs/demo', help: 'where study/ and run/ go, made anew each time' },
  seed: { value: 'N', default: '1', help: 'seed of study, split, weights, order and augmentation' },
  patients: { value: 'N', default: '72', help: 'synthetic patients' },
  slices: { value: 'N', default: '12', help: 'slices a patient' },
  size: { value: 'N', default: '128', help: 'height and width of a slice' },
  'image-size': { value: 'N', default: '64', help: 'height and width the model sees' },
  clahe: { default: 'on', help: 'equalise contrast' },
  normalize: { default: 'on', help: '' },
  backbone: { value: 'X', default: 'squeezenet1_1', help: '' },
  difficulty: { value: 'X', default: '0.3', help: '0: large bright hemorrhages, 1: small and faint ones' },
  'pretrain-epochs': { value: 'N', default: '12', help: 'most epochs on single slices' },
  'pretrain-lr': { value: 'X', default: '1e-3', help: '' },
  'batch-size': { value: 'N', default: '16', help: '' },
  epochs: { value: 'N', default: '10', help: 'most epochs on whole patients' },
  lr: { value: 'X', default: '3e-4', help: '' },
  backend: { value: 'NAME', default: 'wasm', help: 'auto, tensorflow, webgpu, wasm or cpu' },
});

/** A backbone that learns from scratch within minutes: four strided convolutions with batch normalisation. */
function smallBackbone(size: number, seed: number): tf.LayersModel {
  const input = tf.input({ shape: [size, size, 1] });
  let x = input;
  for (const [i, filters] of [16, 32, 64, 128].entries()) {
    const kernelInitializer = tf.initializers.heNormal({ seed: deriveSeed(seed, 'conv', i) });
    const conv = tf.layers.conv2d({
      name: `conv${i}`,
      filters,
      kernelSize: 3,
      strides: 2,
      padding: 'same',
      useBias: false,
      kernelInitializer,
    });
    x = conv.apply(x) as tf.SymbolicTensor;
    x = tf.layers.batchNormalization({ name: `norm${i}`, momentum: 0.9 }).apply(x) as tf.SymbolicTensor;
    x = tf.layers.reLU({ name: `relu${i}` }).apply(x) as tf.SymbolicTensor;
  }
  const kernelInitializer = tf.initializers.heNormal({ seed: deriveSeed(seed, 'features') });
  x = tf.layers
    .conv2d({ name: 'features', filters: 512, kernelSize: 1, activation: 'relu', kernelInitializer })
    .apply(x) as tf.SymbolicTensor;
  x = tf.layers.globalMaxPooling2d({ name: 'pool' }).apply(x) as tf.SymbolicTensor;
  return tf.model({ inputs: input, outputs: x, name: 'small_backbone' });
}

await main(async () => {
  const [out, seed, size] = [args.text('out'), args.integer('seed'), args.integer('image-size')];
  await useBackend(args.text('backend') as 'auto', { log: console.log });

  // a study in the challenge's layout
  await Promise.all(['study', 'run'].map((part) => rm(`${out}/${part}`, { recursive: true, force: true })));
  const folder = `${out}/study`;
  const { patients, slices, positives } = await writePhantomStudy(folder, {
    patients: args.integer('patients'),
    slices: args.integer('slices'),
    size: args.integer('size'),
    difficulty: args.number('difficulty'),
    seed,
  });
  const found = Object.entries(positives).map(([label, count]) => `${label} ${count}`);
  console.log(`${folder}: ${patients} synthetic patients, ${slices} slices (${found.join(', ')})`);

  // patients to learn from, to choose the best epoch by, and to be scored on
  const preprocessing = createPreprocessing({
    imageSize: [size, size],
    ...(args.on('clahe') ? {} : { clahe: false as const }),
  });
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

  const options = {
    variant: 'VGG16 + LRNN + SDL(GRU)',
    backbone:
      args.text('backbone') === 'small' ? smallBackbone(size, seed) : (args.text('backbone') as 'resnet18'),
    inputShape: [size, size, 1] as [number, number, number],
    normalize: args.on('normalize'),
    seed,
  } as const;
  const model = buildCtBrainModel(options);
  // from scratch and in minutes: larger steps and milder augmentation than the poster's
  const pretrain = {
    epochs: args.integer('pretrain-epochs'),
    learningRate: args.number('pretrain-lr'),
    batchSize: args.integer('batch-size'),
  };
  const schedule = { epochs: args.integer('epochs'), learningRate: args.number('lr') };
  const augment = {
    rotation: 10,
    verticalFlip: 0,
    scale: [0.9, 1.1],
    brightness: 0.1,
    contrast: 0.1,
  } as const;
  const config = {
    model: { ...options, backbone: args.text('backbone') },
    preprocessing,
    pretrain,
    patients: schedule,
    augment,
    seed,
  };
  const run = await openTrainingRun(`${out}/run`, { config });
  const bar = trainingProgressBar();
  try {
    await trainRecipe(model, {
      ...{ run, train, validation, seed, pretrain, patients: schedule, augment, patience: 6, ...bar },
      description: {
        labels: [...study.labels],
        preprocessing,
        model: { ...options, backbone: args.text('backbone') },
      },
    });
  } finally {
    bar.stop();
  }

  const { f2, f2PerLabel } = await evaluatePatients(model, test);
  const scores = [{ name: 'this model', f2, f2PerLabel }, ...trivialPredictors(train, test, seed)];
  console.log(`\nF2 on ${test.patients.length} patients it never trained on`);
  console.log(
    textTable(
      ['', 'micro', ...study.labels],
      scores.map((s) => [s.name, s.f2, ...s.f2PerLabel]),
    ),
  );

  const predictions: SlicePrediction[] = [];
  for await (const rows of predictPatients(model, test)) predictions.push(...rows);
  await writeProbabilities(`${run.folder}/predictions.csv`, predictions, study.labels);
  console.log(`\n${run.folder}: best/ (checkpoint), predictions.csv, history.csv, config.json`);
});
