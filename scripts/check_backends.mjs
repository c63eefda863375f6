// Runs every operation on each backend in Chromium, and compares the numbers with those of plain JavaScript (backend cpu).
//
//   npm run build && node scripts/check_backends.mjs [part of a case's name]
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { openChromium } from './package/chromium.mjs';
import { serve, visit, waitUntil } from './package/visit.mjs';

/** Milliseconds for all cases on one backend: a GPU in software takes minutes. */
const LIMIT = 20 * 60_000;

/** Tolerance between backends, relative to the largest number. */
const TOLERANCE = 1e-3;

const repository = fileURLToPath(new URL('..', import.meta.url));
const root = path.join(repository, 'scripts', 'backend_matrix');
const only = process.argv[2] ?? '';

const { name, why, browser } = await openChromium();
if (browser === undefined) {
  console.log(`skipped: ${why}\n0 passed, 0 failed`);
} else {
  try {
    const alias = [{ find: /^ct-multilabel$/, replacement: path.join(repository, 'dist', 'index.js') }];
    const options = { chunkSizeWarningLimit: 10_000, target: 'es2022', minify: false };
    await build({ root, configFile: false, logLevel: 'error', resolve: { alias }, build: options });
    console.log(`${name} ${browser.version()}`);
    const count = { passed: 0, failed: 0 };
    await serve(root, async (url) => {
      const expected = new Map();
      for (const backend of ['cpu', 'wasm', 'webgl', 'webgpu']) {
        await onBackend(url, backend, expected, count);
      }
    });
    console.log(`${count.passed} passed, ${count.failed} failed`);
    process.exitCode = count.failed > 0 ? 1 : 0;
  } finally {
    await browser.close();
  }
}

/** Runs one backend in a separate page; the numbers of the first one are the reference for the others. */
async function onBackend(url, backend, expected, count) {
  const runCases = async (page) => {
    await waitUntil(() => page.evaluate(() => window.matrix !== undefined));
    const started = await page.evaluate((b) => window.matrix.use(b).catch((e) => e.message), backend);
    if (typeof started === 'string') {
      console.log(`${backend}: skipped: ${started}`);
      return;
    }
    const names = await page.evaluate(() => window.matrix.names);
    let greatest = 0;
    for (const each of names.filter((candidate) => candidate.includes(only))) {
      const result = await page.evaluate((n) => window.matrix.run(n).catch((e) => `${e.message}`), each);
      if (backend === 'cpu' && typeof result !== 'string') expected.set(each, result);
      const apart = typeof result === 'string' ? result : difference(result, expected.get(each));
      const ok = typeof apart === 'number' && apart <= TOLERANCE;
      count[ok ? 'passed' : 'failed'] += 1;
      if (ok) greatest = Math.max(greatest, apart);
      else
        console.log(
          `${backend}: ${each}: ${typeof apart === 'number' ? `differs by ${apart.toExponential(1)}` : apart}`,
        );
    }
    console.log(
      `${backend}: ${names.length} cases, greatest difference of those that agree ${greatest.toExponential(0)}`,
    );
  };
  await visit(`on ${backend}`, browser, url, runCases, { limit: LIMIT });
}

/** Largest difference, relative to the largest number; infinite if a number is missing or NaN. */
function difference(result, expected) {
  if (expected === undefined || result.length !== expected.length) return Infinity;
  const scale = Math.max(1, ...expected.map(Math.abs));
  const apart = Math.max(0, ...expected.map((value, i) => Math.abs(value - result[i])));
  return Number.isNaN(apart) ? Infinity : apart / scale;
}
