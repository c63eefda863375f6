// A page that Vite builds with the packed library, and Chromium opens.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { build, preview } from 'vite';
import { run } from './project.mjs';

const HTML = '<!doctype html><body>nothing yet<script type="module" src="./page.js"></script></body>';

const PAGE = `import * as tf from '@tensorflow/tfjs';
import { buildCtBrainModel } from 'ct-multilabel';
await tf.setBackend('cpu');
const model = buildCtBrainModel({ inputShape: [32, 32, 1], backbone: 'squeezenet1_1' });
const logits = model.predict(tf.ones([1, 2, 32, 32, 1]));
const finite = (await logits.data()).every(Number.isFinite);
document.body.textContent = 'logits ' + logits.shape.join('x') + (finite ? ' finite' : ' not finite');
`;

/** A module of Node, compiled kernels of ours, a backend that the page did not import. */
const UNWANTED = [/["'`]node:\w+/, /AGFzbQ/, /tfjs-backend-wasm/];

/**
 * Builds the page, sees that nothing of Node and no backend of ours is in it, and lets Chromium show what it computed.
 *
 * @returns A line that tells what was done.
 */
export async function checkPage(project) {
  const root = path.dirname(project.write('page/index.html', HTML));
  project.write('page/page.js', PAGE);
  await build({ root, configFile: false, logLevel: 'error', build: { chunkSizeWarningLimit: 10_000 } });
  const scripts = readdirSync(path.join(root, 'dist', 'assets')).filter((name) => name.endsWith('.js'));
  for (const name of scripts) {
    const text = readFileSync(path.join(root, 'dist', 'assets', name), 'utf8');
    for (const unwanted of UNWANTED) {
      const found = unwanted.exec(text);
      if (found) throw new Error(`the page's ${name} has ${found[0]} in it`);
    }
  }

  const chromium = findChromium();
  if (chromium === undefined) return 'page: built; skipped opening it: no Chromium (CHROMIUM names one)';
  const server = await preview({ root, configFile: false, logLevel: 'error', preview: { port: 0 } });
  try {
    const flags = [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--virtual-time-budget=60000',
    ];
    const profile = `--user-data-dir=${path.join(project.work, 'chromium')}`;
    const { stdout } = await run(
      chromium,
      [...flags, profile, '--dump-dom', server.resolvedUrls.local[0]],
      root,
    );
    if (!stdout.includes('logits 1x2x5 finite')) throw new Error(`the page shows:\n${stdout}`);
  } finally {
    await server.close();
  }
  return `page: built, and ${path.basename(chromium)} shows its prediction`;
}

function findChromium() {
  const { CHROMIUM, PATH = '' } = process.env;
  if (CHROMIUM) return CHROMIUM;
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'chrome'];
  const files = PATH.split(path.delimiter).flatMap((folder) => names.map((name) => path.join(folder, name)));
  return files.find((file) => existsSync(file));
}
