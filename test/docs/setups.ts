import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {
  buildCtBrainModel,
  CT_LABELS,
  createPreprocessing,
  splitByPatient,
  squeezenet1_1,
  subset,
  torchStateDict,
  trainRecipe,
  writeSafetensors,
} from '../../src/index';
import {
  loadCheckpoint,
  openKaggleFolder,
  openTrainingRun,
  saveCheckpoint,
  writePhantomStudy,
} from '../../src/node';
import { sourceSlice } from '../dicom/reports/source';
import { dicomStudy } from '../node/study/dicom_study';
import { formulaWeight } from '../support/formula_weights';

const SIZE = 32;

/** What a snippet may find in its working folder, by the name that its note gives. */
export const SETUPS: Readonly<Record<string, () => Promise<void>>> = {
  study,
  run,
  dicom,
  site,
  weights,
  reported,
  trained,
};

/** A small study in `data`. */
async function study(): Promise<void> {
  await writePhantomStudy('data', { patients: 8, slices: 8, size: 40, seed: 3, difficulty: 0 });
}

/** A study in `data`, and a training on it in `runs/first`. */
async function run(): Promise<void> {
  await study();
  if (existsSync('runs/first')) return;
  const preprocessing = createPreprocessing({ imageSize: [SIZE, SIZE] });
  const all = await openKaggleFolder('data', { preprocessing });
  const split = splitByPatient(all.patients, { validationFraction: 0.2, seed: 1 });
  const model = buildCtBrainModel({
    backbone: 'smallCnn',
    inputShape: [SIZE, SIZE, 1],
    variant: 'VGG16 + LRNN + SDL(GRU)',
    seed: 1,
  });
  const training = await openTrainingRun('runs/first', { config: { split } });
  await trainRecipe(model, {
    ...{ run: training, train: subset(all, split.train), validation: subset(all, split.validation), seed: 1 },
    ...{ pretrain: { epochs: 1, learningRate: 1e-3 }, patients: { epochs: 1, learningRate: 1e-3 } },
    description: { labels: all.labels, preprocessing },
  });
  model.dispose();
}

/** As `run`, and weights as a training in PyTorch writes them in `runs/torch`. */
async function trained(): Promise<void> {
  await run();
  const { model } = await loadCheckpoint('runs/first');
  await mkdir('runs/torch', { recursive: true });
  await writeFile('runs/torch/best.safetensors', await writeSafetensors(torchStateDict(model)));
}

/** A study of DICOM files with RSNA's table in `rsna`. */
async function dicom(): Promise<void> {
  const { files } = dicomStudy({ patients: 6, slices: 8, size: 40, seed: 5 });
  for (const [name, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join('rsna', name)), { recursive: true });
    await writeFile(path.join('rsna', name), content);
  }
}

/** A stack of DICOM files with proper UIDs in `hospital`, and a checkpoint that reads such in `runs/dicom`. */
async function reported(): Promise<void> {
  await mkdir('hospital', { recursive: true });
  for (let i = 0; i < 3; i++) {
    const size = { rows: SIZE, columns: SIZE };
    await writeFile(`hospital/${i}.dcm`, sourceSlice(i, size));
  }
  if (existsSync('runs/dicom')) return;
  const model = buildCtBrainModel({ backbone: 'smallCnn', inputShape: [SIZE, SIZE, 1], seed: 1 });
  const preprocessing = createPreprocessing({ windows: ['brain'], imageSize: [SIZE, SIZE] });
  await saveCheckpoint('runs/dicom', model, { labels: CT_LABELS, preprocessing });
  model.dispose();
}

/** A web site whose pages' relative addresses are files in `site`, with a checkpoint under `/checkpoint`. */
async function site(): Promise<void> {
  await run();
  await cp('runs/first/best', 'site/checkpoint', { recursive: true });
  const { fetch } = globalThis;
  globalThis.fetch = async (address, init) =>
    typeof address === 'string' && address.startsWith('/')
      ? new Response(new Uint8Array(await readFile(`site${address}`)))
      : fetch(address, init);
}

/** A state dict under torchvision's names of SqueezeNet in `squeezenet1_1.safetensors`; the values are made up. */
async function weights(): Promise<void> {
  const model = squeezenet1_1({ inputShape: [SIZE, SIZE, 1] });
  const state: Record<string, tf.Tensor> = {};
  for (const layer of model.layers.filter(({ weights: own }) => own.length === 2)) {
    const [height, width, channels, filters] = layer.weights[0]!.shape as number[];
    const shapes = { weight: [filters!, channels!, height!, width!], bias: [filters!] };
    for (const [part, shape] of Object.entries(shapes)) {
      state[`${layer.name}.${part}`] = formulaWeight(`${layer.name}.${part}`, shape);
    }
  }
  await writeFile('squeezenet1_1.safetensors', await writeSafetensors(state));
  tf.dispose(state);
  model.dispose();
}
