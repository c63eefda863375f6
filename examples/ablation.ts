/**
 * Compares the poster's seven arrangements, and a few beyond, on the same folds of a study:
 *
 *   npx tsx examples/ablation.ts --data DIR --backbone-weights squeezenet1_1.safetensors --out runs/ablation
 *   npx tsx examples/ablation.ts --phantom 120 --backbone-weights squeezenet1_1.safetensors --out runs/phantom
 *
 * Features of the backbone are extracted once (with --fine-tune: once a fold, after training it on that fold's patients) and
 * kept in --out; every arrangement then trains its head on the same folds, seeds and budget. Patients of a fold are scored by
 * models that never saw them. Goes on where it was interrupted.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {
  BACKBONES,
  backboneOf,
  buildCtBrainModel,
  createPreprocessing,
  deriveSeed,
  extractFeatures,
  featureBackbone,
  featureSource,
  kFoldByPatient,
  loadTorchWeights,
  patientLabels,
  predictPatients,
  pretrainBackbone,
  readSafetensors,
  splitByPatient,
  subset,
  trainPatients,
  writeSafetensors,
  type BackboneName,
  type CtWindowName,
  type PatientSource,
} from 'ct-multilabel';
import { detectStudy, openStudy, useBackend, writeFileAtomic, writePhantomStudy } from 'ct-multilabel/node';
import { ARRANGEMENTS, inOrder, type Arrangement } from './ablation_arrangements';
import { report, type PatientScores, type Run } from './ablation_report';
import { labelNames, main, progressLine, readCommandLine } from './cli';

const args = readCommandLine('npx tsx examples/ablation.ts --data DIR [options]', {
  data: { value: 'DIR', help: 'a study with labels, of any layout' },
  phantom: { value: 'N', help: 'instead of --data: so many synthetic patients, made in --out' },
  difficulty: {
    value: 'X',
    default: '0.6',
    help: 'of the phantom: 0 large and bright hemorrhages, 1 small and faint ones',
  },
  out: { value: 'DIR', default: 'runs/ablation', help: 'where features, runs and the report go' },
  labels: { value: 'NAMES', default: 'ich,ivh,sah,sdh,edh', help: 'labels, separated by commas' },
  backbone: { value: 'NAME', default: 'squeezenet1_1', help: `backbone: ${BACKBONES.join(', ')}` },
  'backbone-weights': { value: 'FILE', help: 'torchvision weights as .safetensors, trained on ImageNet' },
  'image-size': { value: 'N', default: '224', help: 'height and width the slices are resized to' },
  windows: {
    value: 'NAMES',
    help: 'windows of HU as channels (default brainWide for DICOM, none for images)',
  },
  versions: {
    value: 'N',
    default: '4',
    help: 'augmented versions of each patient beside the images as they are',
  },
  'fine-tune': {
    value: 'N',
    default: '0',
    help: 'epochs the backbone trains on single slices of each fold first',
  },
  folds: { value: 'N', default: '5', help: 'folds of patients' },
  repeats: { value: 'N', default: '1', help: 'how often the patients are drawn into folds anew' },
  epochs: { value: 'N', default: '40', help: 'most epochs of a head' },
  patience: {
    value: 'N',
    default: '40',
    help: 'epochs without a better F2 of the inner validation before it stops',
  },
  lr: { value: 'X', default: '1e-3', help: "step size of the heads' Adam" },
  only: { value: 'TEXT', help: 'arrangements whose names hold this text' },
  seed: { value: 'N', default: '1', help: 'seed of folds, weights, order and augmentation' },
  share: {
    value: 'I/N',
    default: '1/1',
    help: 'do the I-th of N shares of the runs, for several processes side by side',
  },
});

/** Part of the patients of a fold's training side that the best epoch is chosen by. */
const VALIDATION = 0.2;

await main(async () => {
  await useBackend('wasm', { threads: 1 });
  const out = args.text('out');
  const seed = args.integer('seed');
  const study = await openAsAsked();
  const stratifyBy = (patient: string) => patientLabels(study, patient);
  const groupBy = (patient: string) => study.groupOf?.(patient) ?? patient;
  const folds = kFoldByPatient(study.patients, {
    folds: args.integer('folds'),
    repeats: args.integer('repeats'),
    ...{ seed, stratifyBy, groupBy },
  });
  const only = args.optional('only');
  const arrangements = ARRANGEMENTS.filter(({ name }) => only === undefined || name.includes(only));
  const [share, shares] = args.text('share').split('/').map(Number) as [number, number];
  const runs: Run[] = [];
  const start = Date.now();

  for (const [index, { repeat, fold, train: outside, validation: test }] of folds.entries()) {
    const inner = splitByPatient(outside, {
      validationFraction: VALIDATION,
      ...{ seed: deriveSeed(seed, 'inner', repeat, fold), stratifyBy, groupBy },
    });
    const todo = arrangements.filter((_, i) => (index * arrangements.length + i) % shares === share - 1);
    const missing = todo.filter((arrangement) => !existsSync(fileOf(out, arrangement, repeat, fold)));
    const features =
      missing.length > 0 ? await featuresOf(study, out, { repeat, fold, ...inner }) : undefined;
    for (const arrangement of todo) {
      const file = fileOf(out, arrangement, repeat, fold);
      if (features && !existsSync(file)) {
        const began = Date.now();
        const scores = await trainAndScore(features, arrangement, {
          ...inner,
          test,
          seed: deriveSeed(seed, repeat, fold),
        });
        await writeFileAtomic(file, JSON.stringify({ ...scores, seconds: (Date.now() - began) / 1000 }));
        const minutes = ((Date.now() - start) / 60_000).toFixed(1);
        console.log(
          `repeat ${repeat + 1} fold ${fold + 1}: ${arrangement.name}, best epoch ${scores.bestEpoch}, ` +
            `inner validation F2 ${scores.validationF2.toFixed(3)} (${minutes} min in all)`,
        );
      }
    }
  }
  // after all of them, since other shares write theirs meanwhile
  for (const { repeat, fold } of folds) {
    for (const arrangement of arrangements) {
      const file = fileOf(out, arrangement, repeat, fold);
      if (!existsSync(file)) continue;
      const { test, validation } = JSON.parse(await readFile(file, 'utf8')) as Scores;
      runs.push({ arrangement, repeat, fold, test, validation });
    }
  }
  const complete = arrangements.length * folds.length;
  if (runs.length < complete) {
    console.log(`${runs.length} of ${complete} runs are done; the report is written by the last share.`);
    return;
  }
  const command = `npx tsx examples/ablation.ts ${process.argv.slice(2).join(' ')}`;
  await report(out, runs, study.labels, { command, seed, patients: study.patients.length });
});

/** What one run leaves behind. */
interface Scores {
  bestEpoch: number;
  validationF2: number;
  validation: PatientScores[];
  test: PatientScores[];
}

async function openAsAsked(): Promise<PatientSource> {
  const data = args.optional('data') ?? (await phantomStudy());
  const { format } = await detectStudy(data);
  const windows = args.optional('windows') ?? (format === 'dicom' ? 'brainWide' : undefined);
  const size = args.integer('image-size');
  return openStudy(data, {
    preprocessing: createPreprocessing({
      imageSize: [size, size],
      ...(windows !== undefined && { windows: windows.split(',') as CtWindowName[] }),
    }),
    labels: labelNames(args.text('labels')),
  });
}

/** A synthetic study in --out, made where it is not there yet. */
async function phantomStudy(): Promise<string> {
  const folder = path.join(args.text('out'), 'study');
  if (!existsSync(path.join(folder, 'train.csv'))) {
    await writePhantomStudy(folder, {
      patients: args.integer('phantom'),
      slices: 16,
      size: 128,
      difficulty: args.number('difficulty'),
      // a trauma centre's patients: enough of each kind to learn from
      prevalence: { ich: 0.4, ivh: 0.25, sah: 0.25, sdh: 0.25, edh: 0.2 },
      seed: args.integer('seed'),
    });
  }
  return folder;
}

/** Features for a fold: from disk, or extracted and kept there. Those of a frozen backbone serve all folds. */
async function featuresOf(
  study: PatientSource,
  out: string,
  fold: { repeat: number; fold: number; train: string[]; validation: string[] },
): Promise<PatientSource> {
  const tuned = args.integer('fine-tune') > 0;
  const file = path.join(
    out,
    'features',
    tuned ? `fold-${fold.repeat}-${fold.fold}.safetensors` : 'frozen.safetensors',
  );
  if (!existsSync(file)) {
    const backbone = await backboneFor(study, tuned ? fold : undefined);
    const bar = progressLine('extracting features of patients');
    const features = await extractFeatures(backbone, study, {
      versions: args.integer('versions'),
      seed: args.integer('seed'),
      onProgress: ({ done, total }) => bar.show(done, total),
    });
    bar.end();
    const tensors: Record<string, tf.Tensor> = {};
    for (const [patient, versions] of features) {
      versions.forEach(
        (values, version) => (tensors[JSON.stringify([patient, version])] = tf.tensor1d(values)),
      );
    }
    await mkdir(path.dirname(file), { recursive: true });
    await writeFileAtomic(file, await writeSafetensors(tensors));
    tf.dispose(tensors);
    backbone.dispose();
  }
  const tensors = readSafetensors(await readFile(file));
  const features = new Map(study.patients.map((patient) => [patient, [] as Float32Array[]]));
  for (const [name, tensor] of Object.entries(tensors)) {
    const [patient, version] = JSON.parse(name) as [string, number];
    features.get(patient)![version] = (await tensor.data()) as Float32Array;
  }
  tf.dispose(tensors);
  return featureSource(study, features);
}

/** The backbone with its ImageNet weights, trained on a fold's slices if one is given. */
async function backboneFor(
  study: PatientSource,
  fold?: { train: string[]; validation: string[] },
): Promise<tf.LayersModel> {
  const [size, weights] = [args.integer('image-size'), args.optional('backbone-weights')];
  const channels = (args.optional('windows')?.split(',').length ?? 1) as number;
  const plain = buildCtBrainModel({
    variant: 'VGG16',
    backbone: args.text('backbone') as BackboneName,
    inputShape: [size, size, channels],
    normalize: weights !== undefined,
    labels: study.labels,
    seed: args.integer('seed'),
  });
  const backbone = backboneOf(plain);
  if (weights) {
    const state = readSafetensors(await readFile(weights));
    loadTorchWeights(backbone, state);
    tf.dispose(state);
  }
  if (fold) {
    await pretrainBackbone(plain, {
      train: subset(study, fold.train),
      validation: subset(study, fold.validation),
      epochs: args.integer('fine-tune'),
      seed: args.integer('seed'),
      onEpochEnd: ({ epoch, loss, validationF2 }) =>
        console.log(
          `fine-tuning epoch ${epoch}: loss ${loss.toFixed(4)}, validation F2 ${validationF2.toFixed(3)}`,
        ),
    });
  }
  return backbone;
}

/** Trains a head on a fold's features, and scores the patients it never saw. */
async function trainAndScore(
  features: PatientSource,
  arrangement: Arrangement,
  fold: { train: string[]; validation: string[]; test: string[]; seed: number },
): Promise<Scores> {
  const source = arrangement.labelOrder ? inOrder(features, arrangement.labelOrder) : features;
  const [first] = source.patients;
  const stack = await source.load(first!);
  const size = stack.images.shape[3];
  tf.dispose([stack.images, stack.labels ?? []]);
  const model = buildCtBrainModel({
    ...arrangement.options,
    backbone: featureBackbone(size),
    labels: source.labels,
    seed: fold.seed,
  });
  const validation = subset(source, fold.validation);
  const history = await trainPatients(model, {
    train: subset(source, fold.train),
    validation,
    seed: fold.seed,
    epochs: args.integer('epochs'),
    patience: args.integer('patience'),
    learningRate: args.number('lr'),
  });
  const best = history.filter((epoch) => epoch.best).at(-1)!;
  const result = {
    bestEpoch: best.epoch,
    validationF2: best.validationF2,
    validation: await scoresOf(model, validation, features.labels),
    test: await scoresOf(model, subset(source, fold.test), features.labels),
  };
  model.dispose();
  return result;
}

/** Probabilities beside the truth, labels in the study's order. */
async function scoresOf(
  model: tf.LayersModel,
  source: PatientSource,
  labels: readonly string[],
): Promise<PatientScores[]> {
  const places = labels.map((label) => source.labels.indexOf(label));
  const inStudyOrder = (row: readonly number[]) => places.map((place) => row[place]!);
  const scores: PatientScores[] = [];
  for await (const slices of predictPatients(model, source)) {
    const { patient } = slices[0]!;
    scores.push({
      patient,
      probabilities: slices.map(({ probabilities }) => inStudyOrder(probabilities)),
      truth: source.sliceLabels(patient)!.map(inStudyOrder),
    });
  }
  return scores;
}

function fileOf(out: string, { name }: Arrangement, repeat: number, fold: number): string {
  return path.join(out, 'folds', `${name.replace(/[^A-Za-z0-9]+/g, '-')}_${repeat}_${fold}.json`);
}
