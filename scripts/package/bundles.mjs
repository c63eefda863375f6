// Bundles of the packed library: one function stays small, and layers stay registered.
import path from 'node:path';
import { BUNDLERS } from './bundlers.mjs';
import { run } from './project.mjs';

/** One line each: the maximum size of its bundle, minified and uncompressed, and exactly what it registers. */
const SIZES = [
  { code: `export { asymmetricLoss } from 'ct-multilabel/losses';`, most: 10_000, registers: ['Kernel'] },
  { code: `export { clahe } from 'ct-multilabel/transforms';`, most: 13_000, registers: ['Kernel'] },
  { code: `export { fBetaScore } from 'ct-multilabel/metrics';`, most: 10_000, registers: ['Kernel'] },
  { code: `export { splitByPatient } from 'ct-multilabel/data';`, most: 10_000, registers: [] },
  { code: `import 'ct-multilabel/layers';`, most: 40_000, registers: ['Class'] },
  // with all layers, since importing this entry makes them known to tf.loadLayersModel
  { code: `export { asymmetricLoss } from 'ct-multilabel';`, most: 40_000, registers: ['Class', 'Kernel'] },
  // its backbones register max pooling that keeps NaN
  {
    code: `export { buildCtBrainModel } from 'ct-multilabel';`,
    most: 45_000,
    registers: ['Class', 'Kernel'],
  },
];

/** Beginning of any WebAssembly binary in base64. */
const WASM = 'AGFzbQ';

/**
 * Bundles one function at a time and checks the contents.
 *
 * @returns Lines with the sizes.
 */
export async function checkSizes(project) {
  const lines = [];
  for (const [index, { code, most, registers }] of SIZES.entries()) {
    const entry = project.write(`size${index}.js`, code);
    const sizes = [];
    for (const [name, bundle] of Object.entries(BUNDLERS)) {
      const [{ code: text }] = await bundle(entry);
      const where = `${name}: ${code}`;
      if (text.length > most) throw new Error(`${where} has ${text.length} bytes, more than ${most}`);
      if (text.includes(WASM)) throw new Error(`${where} has compiled kernels in it`);
      if (text.includes('node:')) throw new Error(`${where} imports from node:`);
      for (const what of ['Class', 'Kernel']) {
        if (text.includes(`register${what}`) === registers.includes(what)) continue;
        throw new Error(`${where} ${registers.includes(what) ? 'lacks' : 'has'} a register${what}`);
      }
      const imports = [...text.matchAll(/(?:from|import)\s*\(?"([^"./][^"]*)"/g)].map((match) => match[1]);
      const others = imports.filter((specifier) => specifier !== '@tensorflow/tfjs');
      if (others.length > 0) throw new Error(`${where} imports ${others.join(', ')}`);
      sizes.push(`${name} ${(text.length / 1000).toFixed(1)} kB`);
    }
    lines.push(`${code}  ${sizes.join(', ')}`);
  }
  return lines;
}

/** Only programs that prepare or start the wasm backend get the compiled kernels, in separate files. */
export async function checkKernelsAreApart(project) {
  const names = 'prepareWasmBackend, useBrowserBackend';
  const entry = project.write('prepare.js', `export { ${names} } from 'ct-multilabel';`);
  for (const [name, bundle] of Object.entries(BUNDLERS)) {
    const files = await bundle(entry);
    const holders = files.filter(({ code }) => code.includes(WASM));
    if (holders.length === 0 || holders.includes(files[0])) {
      throw new Error(`${name}: the compiled kernels are in ${holders.map((file) => file.name).join(', ')}`);
    }
  }
}

/** The file of the wasm backend's threads in a page, for bundlers that need it as an entry. */
const THREAD = 'node_modules/ct-multilabel/dist/backends/wasm/threads/kernel_thread.js';

/** esbuild does not change the address of a worker's file: as an entry, the file is complete and found there. */
export async function checkThreadFile(project) {
  const [file, ...others] = await BUNDLERS.esbuild(path.join(project.folder, THREAD));
  if (path.basename(file.name) !== 'kernel_thread.js' || others.length > 0 || /\bimport\b/.test(file.code)) {
    throw new Error(`the threads' file is not whole: ${file.name} ${file.code}`);
  }
  const entry = project.write('threads.js', `export { useBrowserBackend } from 'ct-multilabel';`);
  const files = await BUNDLERS.esbuild(entry);
  const form = 'new Worker(new URL("./kernel_thread.js",import.meta.url),{type:"module"})';
  const holder = files.find(({ code }) => code.includes(form));
  if (holder === undefined || path.dirname(holder.name) !== path.dirname(file.name)) {
    throw new Error(`${form} is in ${holder?.name}, and the file in ${file.name}`);
  }
}

const SAVE = `import * as tf from '@tensorflow/tfjs';
import { writeFileSync } from 'node:fs';
import { buildCtBrainModel } from 'ct-multilabel';
import * as layers from 'ct-multilabel/layers';
const model = buildCtBrainModel({ inputShape: [32, 32, 1], backbone: 'squeezenet1_1', labelDecoder: 'lrnn' });
const { weightData, ...artifacts } = await new Promise((resolve) => {
  void model.save(tf.io.withSaveHandler(async (all) => (resolve(all), { modelArtifactsInfo: {} })));
});
const output = model.predict(tf.ones([1, 2, 32, 32, 1]));
writeFileSync('saved.json', JSON.stringify({
  names: Object.values(layers).map((layer) => layer.className),
  artifacts,
  weights: Buffer.from(weightData).toString('base64'),
  output: [...output.dataSync()],
}));
`;

const LOAD = `
  const { names, artifacts, weights, output } = JSON.parse(readFileSync('saved.json', 'utf8'));
  const known = tf.serialization.SerializationMap.getMap().classNameMap;
  const missing = names.filter((name) => !(name in known));
  if (missing.length > 0 || names.length < 12) throw new Error('layers not registered: ' + missing);
  const weightData = new Uint8Array(Buffer.from(weights, 'base64')).buffer;
  const model = await tf.loadLayersModel({ load: async () => ({ ...artifacts, weightData }) });
  const now = model.predict(tf.ones([1, 2, 32, 32, 1])).dataSync();
  if (now.length !== 10 || output.some((value, i) => Math.abs(value - now[i]) > 1e-5)) throw new Error('other output');
`;

/** A saved model loads in programs that only `import 'ct-multilabel'`, bundled or not. */
export async function checkRegistration(project, node) {
  const programs = {
    'load.mjs': `import * as tf from '@tensorflow/tfjs';
import { readFileSync } from 'node:fs';
import 'ct-multilabel';
${LOAD}`,
    'load.cjs': `const tf = require('@tensorflow/tfjs');
const { readFileSync } = require('node:fs');
require('ct-multilabel');
(async () => {${LOAD}})().catch((error) => { console.error(error); process.exit(1); });`,
  };
  for (const [name, bundle] of Object.entries(BUNDLERS)) {
    const files = await bundle(project.write('bare.js', `import 'ct-multilabel';`));
    for (const file of files) project.write(path.join(name, path.basename(file.name)), file.code);
    programs[`load_${name}.mjs`] = `import * as tf from '@tensorflow/tfjs';
import { readFileSync } from 'node:fs';
import './${name}/${path.basename(files[0].name)}';
${LOAD}`;
  }
  await run(node, [project.write('save.mjs', SAVE)], project.folder);
  for (const [name, text] of Object.entries(programs))
    await run(node, [project.write(name, text)], project.folder);
}
