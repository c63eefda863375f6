// A page of Vite's in a browser: served, opened, and given up when it fails or comes to no end.
import { setTimeout as sleep } from 'node:timers/promises';
import { preview } from 'vite';

/** Milliseconds after which a page is taken to hang. */
const LIMIT = 180_000;

/** Makes a page cross-origin isolated, which threads in WebAssembly need. */
export const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** Serves what Vite built of a page, as long as it is used. */
export async function serve(root, use, headers = {}) {
  const server = await preview({
    root,
    configFile: false,
    logLevel: 'error',
    preview: { port: 0, headers },
  });
  try {
    await use(server.resolvedUrls.local[0]);
  } finally {
    await server.close();
  }
}

/** Opens a page in a profile of its own. Its errors end the check, as does one that comes to no end; `what` names it then. */
export async function visit(what, browser, url, use, { prepare = async () => {}, limit = LIMIT } = {}) {
  const context = await browser.newContext();
  let timer;
  try {
    const page = await context.newPage();
    const failed = new Promise((_, reject) => {
      page.on('pageerror', (cause) => reject(new Error(`${what}: the page failed`, { cause })));
      timer = setTimeout(() => reject(new Error(`${what}: not done after ${limit / 1000} s`)), limit);
    });
    const used = prepare(page)
      .then(() => page.goto(url))
      .then(() => use(page));
    return await Promise.race([used, failed]);
  } finally {
    clearTimeout(timer);
    await context.close();
  }
}

/** As playwright's own, which asks once a frame, but also where none is drawn. */
export async function waitUntil(condition) {
  while (!(await condition())) await sleep(100);
}

/** The trial page has its functions. */
export const ready = (page) => waitUntil(() => page.evaluate(() => window.trial !== undefined));
