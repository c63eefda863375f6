// Packs the library, installs the tarball into empty ESM and CommonJS projects, and uses it there.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const work = mkdtempSync(path.join(tmpdir(), 'smoke-'));
const run = (command, args, cwd) => {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}:\n${stdout}${stderr}`);
  return stdout;
};

const use = `
  const model = buildCtBrainModel({ inputShape: [32, 32, 1], backbone: 'squeezenet1_1' });
  const y = model.predict(tf.zeros([1, 2, 32, 32, 1]));
  if (y.shape.join() !== '1,2,5') throw new Error('shape ' + y.shape);
  const name = await useBackend('wasm');
  if (name !== 'wasm' || tf.getBackend() !== 'wasm') throw new Error('backend ' + name);
  const loss = asymmetricLoss()(tf.ones([1, 5]), tf.zeros([1, 5]));
  if (!(loss.dataSync()[0] > 0)) throw new Error('loss');
  for (const kernel of ['CtAsymmetricLoss', 'CtConfusionCounts', 'CtAdam', 'CtClahe', 'CtWarp']) {
    for (const backend of ['cpu', 'wasm']) {
      if (!tf.getKernel(kernel, backend)) throw new Error('no kernel ' + kernel + ' on ' + backend);
    }
  }
  const preprocessing = createPreprocessing({ imageSize: [16, 16] });
  const patient = await openPatientFolder('patient', { preprocessing, workers: 1 });
  const stack = await patient.load('patient');
  if (stack.images.shape.join() !== '1,16,16,1') throw new Error('shape ' + stack.images.shape);
`;
const names = '{ buildCtBrainModel, asymmetricLoss, createPreprocessing }';
const nodeNames = '{ openPatientFolder, useBackend }';
const programs = {
  'use.mjs': `import * as tf from '@tensorflow/tfjs';
import ${names} from 'ct-multilabel';
import ${nodeNames} from 'ct-multilabel/node';
${use}`,
  'use.cjs': `const tf = require('@tensorflow/tfjs');
const ${names} = require('ct-multilabel');
const ${nodeNames} = require('ct-multilabel/node');
(async () => {${use}})().catch((error) => { console.error(error); process.exit(1); });`,
  'use.mts': `import * as tf from '@tensorflow/tfjs';
import { buildCtBrainModel, type CtBrainModelOptions } from 'ct-multilabel';
import { loadCheckpoint } from 'ct-multilabel/node';
const options: CtBrainModelOptions = { variant: 'VGG16 + LRNN + SDL(GRU)' };
export const model: tf.LayersModel = buildCtBrainModel(options);
export const load: (folder: string) => Promise<{ model: tf.LayersModel }> = loadCheckpoint;
// @ts-expect-error a variant that does not exist
buildCtBrainModel({ variant: 'VGG19' });
`,
};

try {
  const [{ filename, files }] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', work], root),
  );
  const wrong = files
    .map(({ path: file }) => file)
    .filter((file) => !/^(dist\/|package\.json|README\.md|LICENSE|CHANGELOG\.md)/.test(file));
  if (wrong.length > 0) throw new Error(`files that should not be packed: ${wrong.join(', ')}`);

  const app = path.join(work, 'app');
  const library = path.join(app, 'node_modules', 'ct-multilabel');
  mkdirSync(library, { recursive: true });
  run('tar', ['-xzf', path.join(work, filename), '-C', library, '--strip-components=1'], work);
  // its dependencies and peers, as they are installed here
  symlinkSync(path.join(root, 'node_modules'), path.join(work, 'node_modules'));
  for (const [name, text] of Object.entries(programs)) writeFileSync(path.join(app, name), text);

  mkdirSync(path.join(app, 'patient'));
  const image = { width: 32, height: 32, channels: 3, background: 'gray' };
  await sharp({ create: image })
    .png()
    .toFile(path.join(app, 'patient', '1_0.png'));
  run('node', ['use.mjs'], app);
  run('node', ['use.cjs'], app);
  for (const [module, moduleResolution] of [
    ['NodeNext', 'NodeNext'],
    ['ESNext', 'Bundler'],
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
    writeFileSync(path.join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['use.mts'] }));
    run('node', [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', '.'], app);
  }
  console.log(`${filename}: works as ESM, CommonJS and TypeScript (NodeNext, Bundler)`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
