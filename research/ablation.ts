/**
 * Compares the poster's seven arrangements (or, with --set beyond, possible improvements) on the same folds of a study:
 *
 *   npx tsx research/ablation.ts --data DIR --backbone-weights squeezenet1_1.safetensors --out runs/ablation
 *   npx tsx research/ablation.ts --phantom 120 --backbone-weights squeezenet1_1.safetensors --out runs/phantom
 *
 * Features of the backbone are extracted once (with --fine-tune: once per fold, after training it on that fold's
 * patients) and stored in --out; every arrangement then trains its head with the same folds, seeds and budget. The
 * patients of a fold are scored by models that were not trained on them. Continues an interrupted comparison.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {
  BACKBONES,
  buildCtBrainModel,
  deriveSeed,
  featureBackbone,
  kFoldByPatient,
  patientLabels,
  predictPatients,
  splitByPatient,
  subset,
  trainPatients,
  WeightAverage,
  type PatientSource,
} from 'ct-multilabel';
import { useBackend } from 'ct-multilabel/node';
import { ARRANGEMENT_SETS, inOrder, type Arrangement, type ArrangementSet } from './ablation_arrangements';
import { AblationFeatures, type FoldPatients } from './ablation_features';
import { report, type PatientScores, type Run } from './ablation_report';
import { readArgs } from './read_args';
import { options } from '../src/cli/command_line';
import { LABELS, STUDY } from '../src/cli/options';
import { runToEnd } from '../src/cli/terminal';
import { writeFileAtomic } from '../src/node/files/atomic_write';

export const OPTIONS = options({
  data: { value: 'DIR', help: 'a study with labels, of any layout' },
  phantom: {
    value: 'N',
    default: 0,
    help: 'instead of --data: number of synthetic patients, generated in --out',
  },
  difficulty: {
    value: 'X',
    default: 0.6,
    help: 'difficulty of the phantom, from 0 (large, bright hemorrhages) to 1 (small, faint ones)',
  },
  set: {
    value: 'NAME',
    choices: ['poster', 'beyond'],
    default: 'poster',
    help: "what to compare: 'poster', its arrangements; 'beyond', possible improvements on them",
  },
  out: { value: 'DIR', default: 'runs/ablation', help: 'folder of the features, runs and report' },
  ...LABELS,
  backbone: { value: 'NAME', choices: BACKBONES, default: 'squeezenet1_1', help: 'backbone' },
  'backbone-weights': { value: 'FILE', help: 'torchvision weights as .safetensors, trained on ImageNet' },
  'image-size': { value: 'N', default: 224, help: 'height and width the slices are resized to' },
  windows: {
    value: 'NAMES',
    help: 'windows of HU as channels (default brainWide for DICOM, none for images)',
  },
  'image-window': {
    value: 'NAME',
    help: 'the window that images were exported with, to convert them to HU (set beyond then tries windows)',
  },
  versions: {
    value: 'N',
    default: 4,
    help: 'augmented versions of each patient, besides the original images',
  },
  'fine-tune': {
    value: 'N',
    default: 0,
    help: 'epochs for which the backbone is first trained on single slices of each fold',
  },
  'phantom-epochs': {
    value: 'N',
    default: 6,
    help: 'epochs for which a backbone is trained on phantoms, for arrangements that need it',
  },
  folds: { value: 'N', default: 5, help: 'folds of patients' },
  repeats: { value: 'N', default: 1, help: 'number of random assignments of the patients to folds' },
  epochs: { value: 'N', default: 40, help: 'maximum number of epochs of a head' },
  patience: {
    value: 'N',
    default: 40,
    help: 'epochs without a better F2 in the inner validation before the training stops',
  },
  lr: { value: 'X', default: 3e-4, help: 'learning rate of the heads' },
  only: { value: 'TEXT', help: 'only arrangements whose names contain this text' },
  seed: { value: 'N', default: 1, help: 'seed of folds, weights, order and augmentation' },
  share: {
    value: 'I/N',
    default: '1/1',
    help: 'the I-th of N shares of the runs, to divide them among several processes',
  },
  allow: STUDY.allow,
});

const args = readArgs('npx tsx research/ablation.ts', OPTIONS);

/** Fraction of a fold's training patients on which the best epoch is chosen. */
const VALIDATION = 0.2;

const features = new AblationFeatures(args);
let study: PatientSource;

/** Epochs are compared at 0.5, as in the poster. */
const AT_HALF = { threshold: 0.5 } as const;

await runToEnd(run, { debug: true });

async function run(): Promise<void> {
  await useBackend('wasm', { threads: 1 });
  const out = args.out;
  const seed = args.seed;
  study = await features.study();
  const stratifyBy = (patient: string) => patientLabels(study, patient);
  const groupBy = (patient: string) => study.groupOf?.(patient) ?? patient;
  const folds = kFoldByPatient(study.patients, {
    folds: args.folds,
    repeats: args.repeats,
    ...{ seed, stratifyBy, groupBy },
  });
  const { plain, arrangements } = await selectedArrangements();
  const [share, shares] = args.share.split('/').map(Number) as [number, number];
  const start = Date.now();

  for (const [index, { repeat, fold, train: outside, validation: test }] of folds.entries()) {
    const inner = splitByPatient(outside, {
      validationFraction: VALIDATION,
      ...{ seed: deriveSeed(seed, 'inner', repeat, fold), stratifyBy, groupBy },
    });
    const mine = arrangements.filter((_, i) => (index * arrangements.length + i) % shares === share - 1);
    for (const arrangement of mine) {
      const file = fileOf(out, arrangement, repeat, fold);
      if (existsSync(file)) continue;
      const began = Date.now();
      const scores = await trainAndScore(arrangement, {
        ...{ repeat, fold, ...inner, test },
        seed: deriveSeed(seed, repeat, fold),
      });
      const seconds = (Date.now() - began) / 1000;
      await writeFileAtomic(file, JSON.stringify({ ...scores, seconds }));
      const minutes = ((Date.now() - start) / 60_000).toFixed(1);
      console.log(
        `repeat ${repeat + 1} fold ${fold + 1}: ${arrangement.name}, best epoch ${scores.bestEpoch}, ` +
          `inner validation F2 ${scores.validationF2.toFixed(3)} (${minutes} min in total)`,
      );
    }
  }
  // read after all runs, since other shares are written at the same time
  const runs: Run[] = [];
  for (const { repeat, fold } of folds) {
    for (const arrangement of arrangements) {
      const file = fileOf(out, arrangement, repeat, fold);
      if (!existsSync(file)) continue;
      const { test, validation, parameters } = JSON.parse(await readFile(file, 'utf8')) as Scores;
      runs.push({ arrangement, repeat, fold, test, validation, parameters });
    }
  }
  const complete = arrangements.length * folds.length;
  if (runs.length < complete) {
    console.log(`${runs.length} of ${complete} runs are done; the report is written by the last share.`);
    return;
  }
  const command = `npx tsx research/ablation.ts ${process.argv.slice(2).join(' ')}`;
  await report(out, runs, study.labels, { command, seed, patients: study.patients.length, plain });
}

/** The set's arrangements that the command line selects and that the study's images allow. */
async function selectedArrangements(): Promise<ArrangementSet> {
  const set = ARRANGEMENT_SETS[args.set]!;
  const { only } = args;
  const inHu = await features.hasHounsfield();
  return {
    plain: set.plain,
    arrangements: set.arrangements.filter(
      (arrangement) =>
        (only === undefined || arrangement.name.includes(only)) &&
        (inHu || arrangement.features !== 'windows'),
    ),
  };
}

/** The stored results of one run. */
interface Scores {
  bestEpoch: number;
  validationF2: number;
  parameters: number;
  validation: PatientScores[];
  test: PatientScores[];
}

/** Trains a head on a fold's features, and scores the patients it was not trained on. */
async function trainAndScore(
  arrangement: Arrangement,
  fold: FoldPatients & { test: string[]; seed: number },
): Promise<Scores> {
  const { features: kind = 'plain', labelOrder, averageLast, mirror, phantomFirst } = arrangement;
  const inLabelOrder = (source: PatientSource) => (labelOrder ? inOrder(source, labelOrder) : source);
  const plain = inLabelOrder(await features.ofStudy(kind, fold));
  const views = mirror
    ? [plain, inLabelOrder(await features.ofStudy(kind, fold, { mirrored: true }))]
    : [plain];
  const model = buildCtBrainModel({
    ...arrangement.options,
    backbone: featureBackbone(await featuresPerSlice(plain)),
    labels: plain.labels,
    seed: fold.seed,
  });
  const budget = {
    seed: fold.seed,
    epochs: args.epochs,
    learningRate: args.lr,
    ...arrangement.training,
  };
  if (phantomFirst) {
    const phantoms = inLabelOrder(await features.ofPhantoms(kind, fold));
    const split = splitByPatient(phantoms.patients, { validationFraction: VALIDATION, seed: fold.seed });
    const [train, validation] = [subset(phantoms, split.train), subset(phantoms, split.validation)];
    await trainPatients(model, { ...budget, ...AT_HALF, train, validation, patience: budget.epochs });
  }

  const validation = subset(plain, fold.validation);
  const average = new WeightAverage(model);
  const history = await trainPatients(model, {
    ...budget,
    ...AT_HALF,
    train: subset(plain, fold.train),
    validation,
    patience: averageLast === undefined ? args.patience : budget.epochs,
    onEpochEnd: ({ epoch }) => {
      if (averageLast !== undefined && epoch > budget.epochs - averageLast) average.add();
    },
  });
  if (averageLast !== undefined) average.apply();
  average.dispose();
  const best = history.filter((epoch) => epoch.best).at(-1)!;
  const result = {
    bestEpoch: best.epoch,
    validationF2: best.validationF2,
    parameters: model.countParams(),
    validation: await scoresOf(model, views, fold.validation),
    test: await scoresOf(model, views, fold.test),
  };
  model.dispose();
  return result;
}

async function featuresPerSlice(source: PatientSource): Promise<number> {
  const stack = await source.load(source.patients[0]!);
  const size = stack.images.shape[3];
  tf.dispose([stack.images, stack.labels ?? []]);
  return size;
}

/**
 * Probabilities and truth with labels in the study's order; for several views of a slice, from the mean of their
 * logits.
 */
async function scoresOf(
  model: tf.LayersModel,
  views: readonly PatientSource[],
  patients: readonly string[],
): Promise<PatientScores[]> {
  const byView: PatientScores[][] = [];
  for (const view of views) byView.push(await scoresOfView(model, subset(view, patients)));
  if (byView.length === 1) return byView[0]!;
  return byView[0]!.map((own, p) => {
    const logits = byView.map((scores) => scores[p]!.probabilities.map((row) => row.map(logit)));
    const probabilities = own.probabilities.map((row, s) =>
      row.map((_, l) => sigmoid(mean(logits.map((rows) => rows[s]![l]!)))),
    );
    return { ...own, probabilities };
  });
}

async function scoresOfView(model: tf.LayersModel, source: PatientSource): Promise<PatientScores[]> {
  const places = study.labels.map((label) => source.labels.indexOf(label));
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

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The logit of `p`, clipped to a range that float32 can represent. */
function logit(p: number): number {
  const inside = Math.min(Math.max(p, 1e-7), 1 - 1e-7);
  return Math.log(inside / (1 - inside));
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function fileOf(out: string, { name }: Arrangement, repeat: number, fold: number): string {
  return path.join(out, 'folds', `${name.replace(/[^A-Za-z0-9]+/g, '-')}_${repeat}_${fold}.json`);
}
