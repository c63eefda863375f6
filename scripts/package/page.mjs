// Pages that Vite builds with the packed library, opened in Chromium.
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'vite';
import { checkIsolated, checkLimit } from './backend_checks.mjs';
import { openChromium } from './chromium.mjs';
import { repository, run } from './project.mjs';
import { checkThreads, STRICT } from './thread_checks.mjs';
import { checkViewer } from './viewer.mjs';
import { ISOLATED, ready, serve, visit, waitUntil } from './visit.mjs';

/** Traces of a Node module, of our compiled kernels, of a backend that the page did not import. */
const UNWANTED = [/["'`]node:\w+/, /AGFzbQ/, /tfjs-backend-wasm/];

/** Tolerance between backends and between visits: losses are about 0.1, logits about 1. */
const TOLERANCE = 1e-4;

/** Labels and thresholds of the model that the trial page saves. */
const DECISIONS = '[["ich","sdh"],[0.4,0.6]]';

/** A program that reads the files that a page downloaded. */
const DOWNLOADED = `import { loadCtBrainModel } from 'ct-multilabel';
import { fileSystem } from 'ct-multilabel/node';
const { model, manifest } = await loadCtBrainModel(fileSystem(process.argv[2]));
if (!model.optimizer) throw new Error('no optimizer');
console.log(JSON.stringify([manifest.labels, manifest.thresholds]));
`;

/**
 * Builds the pages, checks that the bare one contains nothing of Node and no backend, and runs them in Chromium.
 *
 * @returns Lines describing what was done.
 */
export async function checkPages(project) {
  // at the same relative paths as in the repository
  for (const folder of ['scripts/package/bare_page', 'scripts/package/trial_page', 'examples']) {
    cpSync(path.join(repository, folder), path.join(project.folder, folder), { recursive: true });
  }
  const bare = await buildPage(project, 'scripts/package/bare_page');
  checkScripts(bare);
  // as it is written, since the host's threaded build, which the check starts, does not come up once Vite has minified it
  const trial = await buildPage(project, 'scripts/package/trial_page', { minify: false });
  const example = await buildPage(project, 'examples/browser');
  const viewer = path.join(project.folder, 'examples/viewer');
  await build({ root: viewer, configFile: path.join(viewer, 'vite.config.ts'), logLevel: 'error' });

  const { name, why, browser } = await openChromium();
  if (browser === undefined) return [`pages: built; skipped opening them: ${why}`];
  try {
    await serve(bare, (url) => checkPrediction(browser, url));
    const lines = [`bare page: built, and ${name} ${browser.version()} shows its prediction`];
    await serve(trial, async (url) => {
      lines.push(await checkBackends(browser, url));
      lines.push(await checkLimit(browser, url));
      lines.push(await checkStores(browser, url, project, trial));
      lines.push(await checkWithoutFrames(browser, url));
    });
    await serve(
      trial,
      async (isolated) => {
        await serve(trial, async (url) => lines.push(await checkIsolated(browser, isolated, url)));
      },
      ISOLATED,
    );
    await serve(
      trial,
      async (isolated) => {
        await serve(trial, async (url) => lines.push(await checkThreads(browser, isolated, url)), STRICT);
      },
      { ...ISOLATED, ...STRICT },
    );
    await serve(example, async (url) => lines.push(await checkExample(browser, url)));
    await serve(viewer, async (url) => lines.push(...(await checkViewer(browser, url, project))), ISOLATED);
    return lines;
  } finally {
    await browser.close();
  }
}

async function buildPage(project, folder, { minify = true } = {}) {
  const root = path.join(project.folder, folder);
  const options = { chunkSizeWarningLimit: 10_000, target: 'es2022', minify };
  await build({ root, configFile: false, logLevel: 'error', build: options });
  return root;
}

function checkScripts(root) {
  const assets = path.join(root, 'dist', 'assets');
  for (const name of readdirSync(assets).filter((file) => file.endsWith('.js'))) {
    const text = readFileSync(path.join(assets, name), 'utf8');
    for (const unwanted of UNWANTED) {
      const found = unwanted.exec(text);
      if (found) throw new Error(`the page's ${name} has ${found[0]} in it`);
    }
  }
}

async function checkPrediction(browser, url) {
  await visit('the bare page', browser, url, async (page) => {
    const text = () => page.evaluate(() => document.body.textContent.trim());
    await waitUntil(async () => (await text()) !== 'nothing yet');
    if ((await text()) !== 'logits 1x2x5 finite') throw new Error(`the bare page shows: ${await text()}`);
  });
}

/** Compares predictions, losses and predictions after training on every backend with plain JavaScript's. */
async function checkBackends(browser, url) {
  const done = [];
  await visit('the backends', browser, url, async (page) => {
    await ready(page);
    let expected;
    for (const backend of ['cpu', 'wasm', 'webgl', 'webgpu']) {
      const started = await page.evaluate((name) => window.trial.use(name).catch((e) => e.message), backend);
      if (typeof started === 'string') {
        // the first two are in every browser
        if (['cpu', 'wasm'].includes(backend)) throw new Error(`the backends: ${started}`);
        done.push(`no ${backend} here`);
        continue;
      }
      const result = await page.evaluate(() => window.trial.fresh());
      expected ??= result;
      done.push(`${backend} ${difference(`on ${backend}`, result, expected).toExponential(0)}`);
    }
  });
  return `trial page: predicts and trains alike on every backend (greatest difference: ${done.join(', ')})`;
}

/** Saves a trained model, and loads it after a reload in every way that a browser offers: it predicts and trains on as before. */
async function checkStores(browser, url, project, root) {
  const folder = path.join(root, 'dist', 'model');
  const stores = ['indexeddb://brain', 'localstorage://brain', 'downloads://brain'];
  await visit('the stores', browser, url, async (page) => {
    const downloads = [];
    page.on('download', (download) => downloads.push(download));
    await ready(page);
    await page.evaluate(() => window.trial.use('cpu'));
    for (const store of stores) await page.evaluate((name) => window.trial.save(name), store);
    const expected = await page.evaluate(() => window.trial.saved());

    await waitUntil(() => downloads.length === 2);
    mkdirSync(folder);
    const files = downloads.map((download) => path.join(folder, download.suggestedFilename()));
    await Promise.all(downloads.map((download, i) => download.saveAs(files[i])));

    for (const from of ['indexeddb://brain', 'localstorage://brain', '/model/brain.json', undefined]) {
      await page.reload();
      await ready(page);
      await page.evaluate(() => window.trial.use('cpu'));
      if (from === undefined) await page.setInputFiles('input', files.sort());
      const { labels, thresholds, ...result } = await page.evaluate(
        (name) => window.trial.loaded(name),
        from,
      );
      difference(`from ${from ?? 'the downloaded files'}`, result, expected);
      const decisions = JSON.stringify([labels, thresholds]);
      if (decisions !== DECISIONS) throw new Error(`from ${from}: ${decisions}`);
    }
    const inNode = project.write('downloaded.mjs', DOWNLOADED);
    const { stdout } = await run(process.execPath, [inNode, path.join(folder, 'brain.json')], project.folder);
    if (stdout.trim() !== DECISIONS) throw new Error(`the downloaded files, in Node: ${stdout}`);
  });
  return 'trial page: a trained model comes back from IndexedDB, localStorage, HTTP and files, and trains on';
}

/** A hidden page draws no frames; a training must not wait for one. */
async function checkWithoutFrames(browser, url) {
  const prepare = (page) => page.addInitScript(() => (window.requestAnimationFrame = () => 0));
  const losses = await visit(
    'without frames',
    browser,
    url,
    async (page) => {
      await ready(page);
      await page.evaluate(() => window.trial.use('wasm'));
      return page.evaluate(() => window.trial.trainPatients());
    },
    { prepare },
  );
  if (losses.length !== 2 || !losses.every(Number.isFinite)) throw new Error(`without frames: ${losses}`);
  return 'trial page: trains patients where no frame is drawn';
}

/** Clicks through the browser example: trains, saves, and opens again after a reload. */
async function checkExample(browser, url) {
  return visit('the example', browser, url, async (page) => {
    const status = () => page.textContent('#status');
    const click = (id) => page.evaluate((name) => document.getElementById(name).click(), id);
    // the last line on the page is the score, or the error
    const done = async (id) => {
      await click(id);
      await waitUntil(() => page.evaluate(() => !document.getElementById('controls').disabled));
      return status();
    };
    await waitUntil(async () => (await status()) === 'Ready.');
    await page.fill('#patients', '10');
    await page.fill('#epochs', '1');
    const score = await done('train');
    if (!/^F2 0\.\d{3} on 2 patients/.test(score)) throw new Error(`the example, trained, says: ${score}`);
    const saved = await done('save');
    if (!saved.startsWith('Saved')) throw new Error(`the example, saved, says: ${saved}`);

    await page.reload();
    await waitUntil(async () => (await status()) === 'Ready.');
    await page.fill('#patients', '10');
    const again = await done('open');
    if (again !== score) throw new Error(`the example, opened again, says: ${again}; before: ${score}`);
    const shown = await page.evaluate(() => document.querySelectorAll('#slices canvas').length);
    if (shown !== 12) throw new Error(`the example shows ${shown} slices of 12`);
    return `example page: trains, saves, and opens what it saved (${score})`;
  });
}

/** The largest difference between two results; throws if it is too large. */
function difference(where, result, expected) {
  let greatest = 0;
  for (const [name, values] of Object.entries(expected)) {
    const given = result[name];
    const apart = Math.max(...values.map((value, i) => Math.abs(value - given[i])));
    // also what is missing or not a number
    if (!(given.length === values.length && apart <= TOLERANCE)) {
      throw new Error(`${where}: ${name} are ${given}, expected ${values}`);
    }
    greatest = Math.max(greatest, apart);
  }
  return greatest;
}
