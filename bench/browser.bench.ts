/**
 * The library in Chromium, in a Web Worker: training steps in a cross-origin isolated page on several threads, compared with one thread
 * in a plain page and in Node, and forward passes compared with onnxruntime-web on as many threads.
 *
 *   npx tsx bench/browser.bench.ts [threads] [backbone]
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { useBackend } from 'ct-multilabel/node';
import { SLICES, trainer, type Backbone, type Timed } from './browser_page/work';
import { compare, relativeDifference, report, skip } from './compare';

/** The parts of the package check's tools that are used here. */
interface Page {
  goto(url: string): Promise<unknown>;
  evaluate<T, A>(work: (argument: A) => T | Promise<T>, argument: A): Promise<T>;
  close(): Promise<void>;
}
interface Chromium {
  openChromium(): Promise<{
    why?: string;
    browser?: { newPage(): Promise<Page>; version(): string; close(): Promise<void> };
  }>;
}
interface Visit {
  ISOLATED: Record<string, string>;
  serve(root: string, use: (url: string) => Promise<void>, headers?: Record<string, string>): Promise<void>;
}

const threads = Number(process.argv[2] ?? 2);
const onThreads = threads === 1 ? '1 thread' : `${threads} threads`;
const only = process.argv[3];
/** Backbones to measure, and the targeted ratio of onnxruntime-web's time to ours. */
const BARS = Object.entries({ vgg16: 4, squeezenet1_1: 2.5 } satisfies Record<Backbone, number>).filter(
  ([name]) => only === undefined || name === only,
) as [Backbone, number][];
const PER = { per: { count: SLICES, unit: 'slice' }, rounds: 5 };
/** Names of the candidates. */
const [ISOLATED_PAGE, PLAIN_PAGE, NODE] = [`isolated page, ${onThreads}`, 'plain page', 'Node, 1 thread'];

const [chromiumTools, visitTools] = ['../scripts/package/chromium.mjs', '../scripts/package/visit.mjs'];
const { openChromium } = (await import(chromiumTools)) as Chromium;
const { serve, ISOLATED } = (await import(visitTools)) as Visit;

const { browser, why } = await openChromium();
if (browser === undefined) {
  skip('the library in Chromium', why!);
  process.exit(0);
}
const work = mkdtempSync(path.join(tmpdir(), 'browser-bench-'));
try {
  await buildPage(path.join(work, 'dist'));
  await useBackend('wasm', { threads: 1 });
  report({ what: 'browser', value: `Chromium ${browser.version()}` });
  await serve(work, (plain) => serve(work, (isolated) => measure(plain, isolated), ISOLATED));
} finally {
  await browser.close();
  rmSync(work, { recursive: true });
}
process.exit(0);

async function measure(plainUrl: string, isolatedUrl: string): Promise<void> {
  for (const [name, bar] of BARS) {
    // fresh pages, whose heaps no other backbone has used
    const [plain, isolated] = [await open(plainUrl, 1), await open(isolatedUrl, threads)];
    await steps(name, plain, isolated);
    // a separate page: after onnxruntime-web, everything in the same page takes several times as long
    const peer = await open(isolatedUrl, threads);
    await forward(name, bar, isolated, peer);
    for (const page of [plain, isolated, peer]) await page.close();
  }
}

/** Asks the worker of a page. */
interface Ask {
  (...order: unknown[]): Promise<Timed>;
  close(): Promise<void>;
}

/** A page whose worker has started the backend with this number of threads. */
async function open(url: string, wanted: number): Promise<Ask> {
  const page = await browser!.newPage();
  await page.goto(url);
  const ask = (...order: unknown[]) =>
    page.evaluate(
      (all) => (globalThis as unknown as { ask(...all: unknown[]): Promise<unknown> }).ask(...all),
      order,
    );
  const started = (await ask('start', wanted)) as {
    threads: number;
    compiledKernels: boolean;
    reason: string;
  };
  if (started.threads !== wanted || !started.compiledKernels) throw new Error(`${url}: ${started.reason}`);
  return Object.assign(ask, { close: () => page.close() }) as Ask;
}

async function steps(name: Backbone, plain: Ask, isolated: Ask): Promise<void> {
  const train = trainer(name);
  const candidates = {
    [ISOLATED_PAGE]: () => isolated('step', name),
    [PLAIN_PAGE]: () => plain('step', name),
    [NODE]: async () => train(),
  };
  const losses = [];
  for (const step of Object.values(candidates)) losses.push((await step()).values);
  expectSame(`${name}: first losses`, losses);
  const timed = (label: string) => async () => (await candidates[label]!()).ms;
  await compare(
    `${name} training step`,
    { [ISOLATED_PAGE]: timed(ISOLATED_PAGE), [PLAIN_PAGE]: timed(PLAIN_PAGE) },
    { ...PER, bars: { [PLAIN_PAGE]: 1 / 0.65 } },
  );
  await compare(
    `${name} training step, one thread`,
    { [PLAIN_PAGE]: timed(PLAIN_PAGE), [NODE]: timed(NODE) },
    { ...PER, bars: { [NODE]: 1 / 1.15 } },
  );
}

async function forward(name: Backbone, bar: number, isolated: Ask, peer: Ask): Promise<void> {
  const [ours, onnx] = [() => isolated('ours', name), () => peer('onnx', name, threads)];
  expectSame(`${name}: outputs`, [(await ours()).values, (await onnx()).values]);
  await compare(
    `${name} forward, ${onThreads}`,
    { [ISOLATED_PAGE]: async () => (await ours()).ms, 'onnxruntime-web': async () => (await onnx()).ms },
    { ...PER, bars: { 'onnxruntime-web': bar } },
  );
}

function expectSame(what: string, [first, ...others]: number[][]): void {
  for (const other of others) {
    if (other.length === first!.length && relativeDifference(other, first!) < 1e-4) continue;
    throw new Error(`${what}: ${other}, expected ${first}`);
  }
}

/** Builds the page from the sources with Vite, with the files of TensorFlow.js and onnxruntime-web. */
async function buildPage(outDir: string): Promise<void> {
  const source = (file: string) => fileURLToPath(new URL(file, import.meta.url));
  await build({
    root: source('browser_page'),
    configFile: false,
    logLevel: 'error',
    resolve: { alias: [{ find: /^ct-multilabel$/, replacement: source('../src/index.ts') }] },
    build: { outDir, target: 'es2022', chunkSizeWarningLimit: 10_000 },
  });
  const { resolve } = createRequire(import.meta.url);
  const tfjs = path.dirname(resolve('@tensorflow/tfjs-backend-wasm/package.json'));
  cpSync(path.join(tfjs, 'dist'), path.join(outDir, 'tfjs'), {
    recursive: true,
    filter: isFolderOr(/\.wasm$/),
  });
  const onnx = path.dirname(resolve('onnxruntime-web'));
  cpSync(onnx, path.join(outDir, 'onnx'), {
    recursive: true,
    filter: isFolderOr(/(ort\.wasm\.min|ort-wasm-simd-threaded)\.(mjs|wasm)$/),
  });
}

function isFolderOr(pattern: RegExp): (file: string) => boolean {
  return (file) => pattern.test(file) || path.extname(file) === '';
}
