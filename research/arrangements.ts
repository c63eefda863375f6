/**
 * Compares arrangements on the backbones and splits of finished trainings (`train-kaggle --test-fraction …`):
 *
 *   npx tsx research/arrangements.ts --run runs/seed-1 --run runs/seed-2 --out runs/arrangements
 *
 *   npx tsx research/arrangements.ts --run runs/rsna --test ct-ich --out runs/rsna-to-ct-ich
 *
 * For each run the features of its first stage's backbone are extracted once; the head of every arrangement is then
 * trained like in the default recipe's warm-up (from biases of 0), its thresholds are fitted on the run's validation
 * patients, and it is scored on the run's test patients, or on all patients of another hospital. Continues an
 * interrupted comparison.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import {
  asymmetricLoss,
  backboneOf,
  bootstrapInterval,
  buildCtBrainModel,
  collectPredictions,
  countDecisionsByPatient,
  decisionRates,
  deriveSeed,
  evaluateProbabilities,
  extractFeatures,
  featureBackbone,
  featureSource,
  fitDecisions,
  poolCounts,
  POSTER_VARIANTS,
  RECIPES,
  RECOMMENDED_TRAINING,
  RECOMMENDED_VARIANT,
  subset,
  trainPatients,
  type CtBrainModelOptions,
  type CtPreprocessing,
  type PatientSource,
  type TrainPatientsOptions,
} from 'ct-multilabel';
import { loadCheckpoint, useBackend } from 'ct-multilabel/node';
import { readArgs } from './read_args';
import { options } from '../src/cli/command_line';
import { openStudies } from '../src/cli/studies/open_studies';
import type { StudySplit } from '../src/cli/studies/split_studies';
import { progressLine, runToEnd } from '../src/cli/terminal';
import { writeFileAtomic } from '../src/node/files/atomic_write';

export const OPTIONS = options({
  run: { value: 'DIR', help: 'the --out of a training with test patients; may be repeated', required: true, multiple: true },
  test: { value: 'DIR', help: "another study, all of whose patients are scored instead of the run's test patients" },
  out: { value: 'DIR', default: 'runs/arrangements', help: 'folder of the scores and the table' },
  'cache-dir': { value: 'DIR', help: 'folder of the cache of prepared slices' },
}); // prettier-ignore

const args = readArgs('npx tsx research/arrangements.ts', OPTIONS);

/** A head, and options of its training besides those of all arrangements. */
interface Arrangement {
  options: CtBrainModelOptions;
  training?: Pick<TrainPatientsOptions, 'augmentSequence'>;
}

const ARRANGEMENTS: Record<string, Arrangement> = {
  ...POSTER_VARIANTS,
  'VGG16 + LRNN + SDL(GRU), joint': {
    options: { ...POSTER_VARIANTS['VGG16 + LRNN + SDL(GRU)'].options, labelFeatures: 'joint' },
  },
  'VGG16 + LRNN + SDL(GRU), stacks reversed and subsampled': {
    ...POSTER_VARIANTS['VGG16 + LRNN + SDL(GRU)'],
    training: RECOMMENDED_TRAINING,
  },
  recommended: { options: RECOMMENDED_VARIANT, training: RECOMMENDED_TRAINING },
};

/** The first stage's model, whose linear head was trained together with the backbone. */
const FIRST_STAGE = 'first stage';

/** The part of a run's configuration that is needed here. */
interface RunConfig {
  data: string | string[];
  preprocessing: CtPreprocessing;
  seed: number;
  split: StudySplit;
}

/** Predictions for test patients, with the decision thresholds. */
interface Scores {
  labels: readonly string[];
  patients: string[];
  yTrue: number[][];
  probabilities: number[][];
  thresholds: number[];
}

await runToEnd(run, { debug: true });

async function run(): Promise<void> {
  await useBackend('wasm');
  const scores: Record<string, Scores[]> = {};
  for (const run of args.run) {
    for (const [name, result] of Object.entries(await scoresOf(run))) (scores[name] ??= []).push(result);
  }
  const table = tableOf(scores);
  await writeFileAtomic(path.join(args.out, 'table.md'), table);
  console.log(`\n${table}`);
}

/** Each arrangement's predictions for a run's test patients. */
async function scoresOf(run: string): Promise<Record<string, Scores>> {
  const names = [FIRST_STAGE, ...Object.keys(ARRANGEMENTS)];
  const fileOf = (name: string) =>
    path.join(args.out, path.basename(run), `${name.replace(/[^\w]+/g, '_')}.json`);
  const missing = names.filter((name) => !existsSync(fileOf(name)));
  if (missing.length > 0) {
    const sides = await featuresOf(run);
    for (const name of missing) {
      const start = Date.now();
      const model = name === FIRST_STAGE ? sides.pretrained : await trainHead(ARRANGEMENTS[name]!, sides);
      const result = await scored(model, sides);
      if (model !== sides.pretrained) model.dispose();
      await writeFileAtomic(fileOf(name), JSON.stringify(result));
      console.log(`${run}: ${name}, ${Math.round((Date.now() - start) / 1000)} s`);
    }
    sides.pretrained.dispose();
  }
  const read = async (name: string) => [name, JSON.parse(await readFile(fileOf(name), 'utf8'))] as const;
  return Object.fromEntries(await Promise.all(names.map(read))) as Record<string, Scores>;
}

/** A run's first stage, and its backbone's features of the patients. */
interface Sides extends Record<keyof StudySplit, PatientSource> {
  pretrained: tf.LayersModel;
  seed: number;
}

async function featuresOf(run: string): Promise<Sides> {
  const config = JSON.parse(await readFile(path.join(run, 'config.json'), 'utf8')) as RunConfig;
  const { model: pretrained, manifest } = await loadCheckpoint(path.join(run, 'pretrained'));
  const cacheFolder = args.cacheDir;
  const options = {
    ...{ preprocessing: config.preprocessing, labels: [...manifest.labels] },
    ...(cacheFolder !== undefined && { cacheFolder }),
  };
  const { study, trainOnly, close } = await openStudies([config.data].flat(), options);
  const elsewhere = args.test;
  const other = elsewhere === undefined ? undefined : await openStudies([elsewhere], options);
  const unknown = new Set(trainOnly);
  const warmUp = RECIPES.default.warmUp;
  const augment = RECIPES.default.augment || undefined;
  const versions = (warmUp && warmUp.versions) || 0;
  const side = async (name: keyof StudySplit, count: number) => {
    const known = subset(
      study,
      config.split[name].filter((patient) => !unknown.has(patient)),
    );
    const source = name === 'test' && other ? other.study : known;
    const line = progressLine(`${run}: features of ${name} patients`);
    const features = await extractFeatures(backboneOf(pretrained), source, {
      ...{ versions: count, seed: config.seed, ...(augment && { augment }) },
      onProgress: ({ done, total }) => (done < total ? line.show(done, total) : line.end()),
    });
    return featureSource(source, features);
  };
  const sides = {
    train: await side('train', versions),
    validation: await side('validation', 0),
    test: await side('test', 0),
  };
  await close();
  await other?.close();
  return { ...sides, pretrained, seed: config.seed };
}

/** Trains a head like in the default recipe's warm-up. */
async function trainHead({ options, training }: Arrangement, sides: Sides): Promise<tf.LayersModel> {
  const { train, validation, seed } = sides;
  const [features] = backboneOf(sides.pretrained).outputs[0]!.shape.slice(-1) as [number];
  const model = buildCtBrainModel({
    ...options,
    ...{ backbone: featureBackbone(features), labels: train.labels, seed: deriveSeed(seed, 'head') },
  });
  const { versions: _, ...schedule } = RECIPES.default.warmUp || {};
  await trainPatients(model, { ...schedule, train, validation, seed, ...training });
  return model;
}

/** Predictions for the test patients, at thresholds fitted on the validation patients. */
async function scored(model: tf.LayersModel, { pretrained, validation, test }: Sides): Promise<Scores> {
  // heads are built on a backbone that passes features through; the first stage's model has its own
  const from = model === pretrained ? { fromFeatures: true } : {};
  const { thresholds, calibration } = await fitDecisions(model, validation, {
    loss: asymmetricLoss(),
    ...from,
  });
  const { labels, patients, yTrue, probabilities } = await collectPredictions(model, test, {
    calibration,
    ...from,
  });
  const rows = (values: ArrayLike<number>[]) => values.map((row) => Array.from(row));
  return { labels, patients, yTrue: rows(yTrue), probabilities: rows(probabilities), thresholds };
}

/**
 * A Markdown table at the fitted thresholds: F2 pooled over runs, per run and per label, and the mean AUC per label.
 */
function tableOf(scores: Record<string, Scores[]>): string {
  const { labels } = Object.values(scores)[0]![0]!;
  const lines = Object.entries(scores).map(([name, runs]) => {
    // a test patient of two runs counts twice, once per model
    const byPatient = runs.flatMap(({ thresholds: threshold, ...rows }) =>
      countDecisionsByPatient(rows, { threshold }),
    );
    const counts = byPatient.map(poolCounts);
    const interval = bootstrapInterval(counts, (sample) => decisionRates(poolCounts(sample)).fBeta);
    const each = runs.map(({ patients: _, thresholds: threshold, ...run }) =>
      evaluateProbabilities({ ...run, threshold }),
    );
    const auc = labels.map((_, label) => {
      const known = each.flatMap((report) => report.labels[label]!.rocAuc ?? []);
      return known.length === 0 ? '–' : (known.reduce((a, b) => a + b) / known.length).toFixed(2);
    });
    const perLabel = labels.map((_, label) => {
      const { fBeta } = decisionRates(poolCounts(byPatient.map((patient) => patient[label]!)));
      return fBeta?.toFixed(3) ?? '–';
    });
    const f2 = each.map(({ pooled }) => (pooled.fBeta ?? 0).toFixed(3)).join(', ');
    const [f2All, low, high] = [interval.estimate, interval.low, interval.high].map(
      (value) => value?.toFixed(3) ?? '–',
    );
    return `| ${[name, `${f2All} [${low}, ${high}]`, f2, ...perLabel, ...auc].join(' | ')} |`;
  });
  const head = [
    'arrangement',
    'F2 [95%]',
    'each run',
    ...labels.map((label) => `F2 ${label}`),
    ...labels.map((label) => `AUC ${label}`),
  ];
  return [`| ${head.join(' | ')} |`, `|${head.map(() => ' --- |').join('')}`, ...lines, ''].join('\n');
}
