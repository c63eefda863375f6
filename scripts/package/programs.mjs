// Programs that use the packed library in the usual ways: ES modules, CommonJS, TypeScript.
import sharp from 'sharp';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { repository, run } from './project.mjs';

const ENTRIES = ['', '/layers', '/losses', '/metrics', '/transforms', '/data', '/dicom', '/node', '/cli'];

/** Trains nothing, but touches every part that packing could break: layers, kernels, backends, threads, files. */
const USE = `
  const model = buildCtBrainModel({ inputShape: [32, 32, 1], backbone: 'squeezenet1_1' });
  const y = model.predict(tf.zeros([1, 2, 32, 32, 1]));
  if (y.shape.join() !== '1,2,5') throw new Error('shape ' + y.shape);
  if (layers.SliceConv1D !== main.SliceConv1D) throw new Error('two copies of a layer');
  if (!model.layers.some((layer) => layer instanceof layers.ResidualNeck)) throw new Error('no neck');

  const name = await useBackend('wasm', { threads: 2 });
  if (name !== 'wasm' || tf.getBackend() !== 'wasm') throw new Error('backend ' + name);
  if (!/^WebAssembly on 2 threads/.test(backendReport().reason)) throw new Error(backendReport().reason);
  const loss = losses.asymmetricLoss()(tf.ones([1, 5]), tf.zeros([1, 5]));
  if (!(loss.dataSync()[0] > 0)) throw new Error('loss');
  for (const kernel of ['CtAsymmetricLoss', 'CtConfusionCounts', 'CtAdam', 'CtClahe', 'CtWarp']) {
    for (const backend of ['cpu', 'wasm']) {
      if (!tf.getKernel(kernel, backend)) throw new Error('no kernel ' + kernel + ' on ' + backend);
    }
  }

  // one image, prepared on one worker thread
  const preprocessing = createPreprocessing({ imageSize: [16, 16] });
  const patient = await openPatientFolder('patient', { preprocessing, workers: 1 });
  const stack = await patient.load('patient');
  if (stack.images.shape.join() !== '1,16,16,1') throw new Error('shape ' + stack.images.shape);
`;
const NAMES = '{ buildCtBrainModel, createPreprocessing }';
const NODE_NAMES = '{ backendReport, openPatientFolder, useBackend }';

const PROGRAMS = {
  'use.mjs': `import * as tf from '@tensorflow/tfjs';
import * as main from 'ct-multilabel';
import * as layers from 'ct-multilabel/layers';
import * as losses from 'ct-multilabel/losses';
import ${NODE_NAMES} from 'ct-multilabel/node';
const ${NAMES} = main;
${USE}`,
  'use.cjs': `const tf = require('@tensorflow/tfjs');
const main = require('ct-multilabel');
const layers = require('ct-multilabel/layers');
const losses = require('ct-multilabel/losses');
const ${NODE_NAMES} = require('ct-multilabel/node');
const ${NAMES} = main;
(async () => {${USE}})().catch((error) => { console.error(error); process.exit(1); });`,
};

/** Writes the programs and the image they read. */
export async function writePrograms(project) {
  for (const [name, text] of Object.entries(PROGRAMS)) project.write(name, text);
  mkdirSync(path.join(project.folder, 'patient'));
  const image = { width: 32, height: 32, channels: 3, background: 'gray' };
  await sharp({ create: image })
    .png()
    .toFile(path.join(project.folder, 'patient', '1_0.png'));
}

/** Runs both programs on this Node; their output must not mention a second copy of tfjs. */
export async function runPrograms(project, node) {
  for (const name of Object.keys(PROGRAMS)) {
    const { stdout, stderr } = await run(node, [name], project.folder);
    const said = `${stdout}${stderr}`;
    if (said.includes('ct-multilabel:')) throw new Error(`${name} on ${node} warned without cause:\n${said}`);
  }
}

const command = path.join('node_modules', 'ct-multilabel', 'dist', 'cli', 'main.js');

/** The command line on this Node, with the study and the checkpoint that {@link runCommands} made: help, and every command on them. */
export async function runCommandsOn(project, node, name) {
  const ct = (...args) => run(node, [command, ...args], project.folder);
  const [study, checkpoint] = [path.join('runs', 'demo', 'study'), path.join('runs', 'demo', 'run')];
  const of = ['--checkpoint', checkpoint, '--data', study];
  const { stdout: help } = await ct('--help');
  if (!help.includes('explain')) throw new Error(`--help on ${node} says ${help}`);
  const { stdout } = await ct('predict', ...of, '--json');
  const { predictions } = JSON.parse(stdout);
  if (predictions.length !== 12 * 8) throw new Error(`predict on ${node} gave ${predictions.length} slices`);
  const out = path.join('runs', name.replace(/\W+/g, '-'));
  const made = (file) => path.join(out, file);
  mkdirSync(path.join(project.folder, out), { recursive: true });
  await ct('inspect', '--data', study, '--sheet', made('sheet.png'));
  await ct('evaluate', ...of, '--worst', '1', '--out', made('report.html'));
  await ct('explain', ...of, '--out', made('maps.png'));
  await ct('calibrate', ...of, '--out', made('site'));
  await ct('export', '--checkpoint', checkpoint, '--out', made('brain.onnx'));
  for (const file of ['sheet.png', 'report.html', 'maps.png', 'site/model.json', 'brain.onnx']) {
    if (!existsSync(path.join(project.folder, made(file)))) throw new Error(`${node} made no ${file}`);
  }
}

/** The command line from the first study to a report, as an installed package has it. */
export async function runCommands(project) {
  const ct = (...args) => run(process.execPath, [command, ...args], project.folder);
  const [study, checkpoint] = [path.join('runs', 'demo', 'study'), path.join('runs', 'demo', 'run')];
  const of = ['--checkpoint', checkpoint, '--data', study];
  await ct(
    'demo',
    '--patients',
    '12',
    '--slices',
    '8',
    '--image-size',
    '32',
    '--pretrain-epochs',
    '1',
    '--epochs',
    '1',
  );
  await ct('inspect', '--data', study);
  await ct('evaluate', ...of, '--patients', 'unseen', '--worst', '1', '--out', 'report.html');
  await ct('predict', ...of, '--quiet', '--kaggle', 'kaggle.csv');
  await ct('explain', ...of, '--out', 'maps.png');
  await ct('calibrate', ...of, '--out', path.join('runs', 'site'));
  const small = [
    '--backbone',
    'smallCnn',
    '--image-size',
    '32',
    '--pretrain-epochs',
    '1',
    '--warm-up-epochs',
    '1',
    '--epochs',
    '0',
  ];
  await ct('train', '--data', study, '--out', path.join('runs', 'own'), ...small).catch((error) => {
    // so short a training beats no trivial predictor, reports it, and exits with 3
    if (!error.message.includes('no better than a predictor')) throw error;
  });
  await ct('init', 'my-study');
  const bin = await run('npx', ['--no-install', 'ct-multilabel', '--version'], project.folder);
  const { version } = JSON.parse(readFileSync(path.join(repository, 'package.json'), 'utf8'));
  if (bin.stdout.trim() !== version) throw new Error(`ct-multilabel --version says ${bin.stdout}`);
  for (const file of [
    'report.html',
    'kaggle.csv',
    'maps.png',
    'contact-sheet.png',
    'my-study/train.ts',
    'runs/own/best/model.json',
    'runs/site/model.json',
  ]) {
    if (!existsSync(path.join(project.folder, file))) throw new Error(`no ${file}`);
  }
}

/** Checks the types for ES modules and for CommonJS. */
export async function checkTypes(project) {
  const typed = `import * as tf from '@tensorflow/tfjs';
import { buildCtBrainModel, SliceConv1D, type CtBrainModelOptions } from 'ct-multilabel';
import { SliceConv1D as SameLayer } from 'ct-multilabel/layers';
import { loadCheckpoint } from 'ct-multilabel/node';
${ENTRIES.map((entry, i) => `import * as entry${i} from 'ct-multilabel${entry}';`).join('\n')}
export const entries = [${ENTRIES.map((_, i) => `entry${i}`).join(', ')}];
const options: CtBrainModelOptions = { variant: 'VGG16 + LRNN + SDL(GRU)' };
export const model: tf.LayersModel = buildCtBrainModel(options);
export const load: (folder: string) => Promise<{ model: tf.LayersModel }> = loadCheckpoint;
export const layer: SameLayer = new SliceConv1D({ filters: 2 });
// @ts-expect-error a variant that does not exist
buildCtBrainModel({ variant: 'VGG19' });
`;
  project.write('use.mts', typed);
  project.write('use.cts', typed);
  for (const [moduleResolution, module, files] of [
    ['NodeNext', 'NodeNext', ['use.mts', 'use.cts']],
    ['Bundler', 'ESNext', ['use.mts']],
  ]) {
    const compilerOptions = {
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      target: 'ES2022',
      types: [],
      module,
      moduleResolution,
    };
    project.write('tsconfig.json', JSON.stringify({ compilerOptions, files }));
    await run('node', [path.join(repository, 'node_modules/typescript/bin/tsc'), '-p', '.'], project.folder);
  }
}
