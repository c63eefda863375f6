// Threads of the wasm backend, which only a Web Worker of a cross-origin isolated page can have.
import { ready, visit, waitUntil } from './visit.mjs';

/** A strict policy: only the page's own files, and no code from text. */
export const STRICT = {
  'Content-Security-Policy': "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'",
};

/**
 * A training and its predictions in a Web Worker: by a team of threads in an isolated page, by one in a plain one, with the same
 * numbers; asked for where they cannot be they are refused with the reason; and who is ended leaves none behind.
 */
export async function checkThreads(browser, isolated, plain) {
  const alone = await visit('a worker of a plain page', browser, plain, async (page) => {
    await ready(page);
    const reply = await inWorker(page, { threads: 'auto' });
    expectStarted(reply, 1, /^WebAssembly on 1 thread, more did not start \(threads need a cross-origin/);
    await expectRefused(
      page,
      (order) => inWorker(page, order),
      /wasm cannot be used: .*cross-origin isolated/,
    );
    return reply;
  });
  await visit('a worker of an isolated page', browser, isolated, async (page) => {
    await ready(page);
    const reply = await inWorker(page, { threads: 3, idle: true });
    expectStarted(reply, 3, /^WebAssembly on 3 threads$/);
    expectSame('by three threads', reply, alone);
    // a thread that announced a job and found it done took a number twice
    if (!(reply.jobs > 20 && reply.draws < 3 * reply.jobs)) {
      throw new Error(`the other threads did little: ${reply.jobs} jobs, ${reply.draws} draws`);
    }
    await expectThreads(browser, 2);
    const again = await inWorker(page, { threads: 2 });
    expectSame('by two threads', again, alone);
    await expectThreads(browser, 1);
    await inWorker(page, 'end');
    await expectThreads(browser, 0);
    await expectRefused(
      page,
      (order) => page.evaluate((o) => window.trial.refused(o.threads), order),
      /Web Worker/,
    );
    const here = await page.evaluate(() => window.trial.use('wasm'));
    expectStarted(
      { started: here },
      1,
      /more did not start \(threads need a Web Worker .* main thread must not block/,
    );
  });
  await expectThreads(browser, 0);
  return 'trial page: a Web Worker trains and predicts, by three threads where the page is isolated, with the same numbers';
}

const inWorker = (page, order) => page.evaluate((wanted) => window.trial.inWorker(wanted), order);

function expectStarted({ started, error }, threads, reason) {
  const { compiledKernels, memoryGuard } = started ?? {};
  if (compiledKernels && memoryGuard && started.threads === threads && reason.test(started.reason)) return;
  throw new Error(`wasm on ${threads} threads: ${error ?? JSON.stringify(started)}`);
}

async function expectRefused(page, ask, expected) {
  const { error = 'no error' } = await ask({ threads: 2 });
  if (!expected.test(error)) throw new Error(`two threads where there can be none: ${error}`);
}

/** Threads share out whole outputs: the sums are the same ones, but for a gradient of taps, which is a sum over blocks. */
function expectSame(what, { fresh, recipe, convolved }, expected) {
  const [a, b] = [
    { fresh, recipe },
    { fresh: expected.fresh, recipe: expected.recipe },
  ].map((value) => JSON.stringify(value));
  if (a !== b) throw new Error(`${what}: ${a}, expected ${b}`);
  const most = Math.max(...expected.convolved.map(Math.abs));
  const apart = Math.max(...expected.convolved.map((value, i) => Math.abs(value - convolved[i]))) / most;
  if (!(apart < 1e-6 && convolved.length === expected.convolved.length)) {
    throw new Error(`${what}: convolved, ${apart} apart`);
  }
}

/** Our threads in the browser, apart from those that call them. */
async function expectThreads(browser, count) {
  const session = await browser.newBrowserCDPSession();
  let urls = [];
  const limit = Date.now() + 10_000;
  await waitUntil(async () => {
    const { targetInfos } = await session.send('Target.getTargets');
    urls = targetInfos.filter(({ type }) => type === 'worker').map(({ url }) => url);
    return threadsOf(urls) === count || Date.now() > limit;
  });
  await session.detach();
  if (threadsOf(urls) !== count) throw new Error(`${count} threads expected, there are: ${urls}`);
}

const threadsOf = (urls) => urls.filter((url) => url.includes('kernel_thread')).length;
