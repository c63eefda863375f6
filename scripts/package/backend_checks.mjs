// Checks of backends that need a browser: the host's threaded build, and the limits of a GPU.
import { ready, visit } from './visit.mjs';

const PREPARED = { compiledKernels: true, memoryGuard: true };

/** In a cross-origin isolated page kernels and guard are in place, with the same numbers; if they cannot be, the page gets a warning. */
export async function checkIsolated(browser, isolated, plain) {
  const results = [];
  for (const url of [plain, isolated]) {
    await visit('wasm', browser, url, async (page) => {
      await ready(page);
      const where = await page.evaluate(() => window.crossOriginIsolated);
      if (where !== (url === isolated)) throw new Error(`${url} is ${where ? '' : 'not '}isolated`);
      const { reason: _, ...started } = await page.evaluate(() => window.trial.use('wasm'));
      expectEqual('wasm, started by the library', started, { ...PREPARED, threads: 1 });
      results.push(await page.evaluate(() => window.trial.fresh()));
    });
  }
  expectEqual('the numbers in an isolated page', results[1], results[0]);

  await inIsolated(async (page) => {
    await page.evaluate(() => window.trial.host.start());
    const threaded = await page.evaluate(() => window.trial.host.isThreaded());
    if (!threaded)
      throw new Error('TensorFlow.js no longer takes its threaded build: this check sees nothing');
    const prepared = await page.evaluate(() => window.trial.host.prepare());
    expectEqual('wasm, prepared after its start', prepared, { trainingKernels: true, ...PREPARED });
    expectEqual('its numbers', await page.evaluate(() => window.trial.fresh()), results[0]);
  });
  await inIsolated(async (page) => {
    await page.evaluate(() => window.trial.host.start());
    await page.evaluate(() => window.trial.host.makeTensor());
    const message = await page.evaluate(() => window.trial.host.prepare());
    if (!/^prepareWasmBackend: .*threaded build.*holds 1 tensors already/.test(message)) {
      throw new Error(`wasm, prepared when it holds a tensor: ${JSON.stringify(message)}`);
    }
  });
  await inIsolated(async (page, warnings) => {
    await page.evaluate(() => window.trial.host.start());
    for (let i = 0; i < 2; i++) await page.evaluate(() => window.trial.predict());
    const expected = /wasm backend runs without .*compiled kernels and memory guard: .*threaded build/;
    if (warnings.length !== 1 || !expected.test(warnings[0])) {
      throw new Error(`wasm, never prepared, warned ${warnings.length} times: ${warnings}`);
    }
  });
  return 'trial page, cross-origin isolated: kernels and guard are there, the numbers are the same to the bit';

  function inIsolated(use) {
    return visit('the isolated page', browser, isolated, async (page) => {
      const warnings = [];
      page.on('console', (message) => {
        if (message.text().startsWith('ct-multilabel:')) warnings.push(message.text());
      });
      await ready(page);
      return use(page, warnings);
    });
  }
}

/** Exceeding WebGPU's memory is an error, and results computed from it are never returned as numbers. */
export async function checkLimit(browser, url) {
  return visit('the limit', browser, url, async (page) => {
    await ready(page);
    const started = await page.evaluate(() => window.trial.use('webgpu').catch((e) => e.message));
    if (typeof started === 'string') return `trial page: no webgpu here (${started})`;
    const reason = 'GPU through WebGPU';
    expectEqual('webgpu', started, { compiledKernels: true, memoryGuard: true, threads: 1, reason });
    const { tooLarge, kept, uncaught, used, after } = await page.evaluate(() =>
      window.trial.beyondTheLimit(),
    );
    const messages = [tooLarge, uncaught, used];
    const expected = [/no room for \d+ bytes .*at most \d+ MiB/, /ran out of memory/, /ran out of memory/];
    messages.forEach((message, i) => {
      if (message.startsWith('OutOfMemoryError:') && expected[i].test(message)) return;
      throw new Error(`webgpu beyond its limit: ${message}`);
    });
    expectEqual('buffers kept by what failed', kept, 0);
    expectEqual('what is computed afterwards', after, [6]);
    return `trial page: webgpu beyond its limit is an error (${tooLarge.split(': ')[2]})`;
  });
}

function expectEqual(what, received, expected) {
  const [a, b] = [received, expected].map((value) => JSON.stringify(value));
  if (a !== b) throw new Error(`${what}: ${a}, expected ${b}`);
}
