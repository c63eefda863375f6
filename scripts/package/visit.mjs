// Serves and opens a page built by Vite in a browser; ends if it fails or hangs.
import { setTimeout as sleep } from 'node:timers/promises';
import { preview } from 'vite';

/** Milliseconds after which a page counts as hanging. */
const LIMIT = 180_000;

/** Headers that make a page cross-origin isolated, as WebAssembly threads require. */
export const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** Serves a page built by Vite while it is used. */
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

/** Opens a page in a separate profile. Errors of the page end the check, and so does a hanging page; `what` names it. */
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

/** Like playwright's own, which checks once per frame, but also without frames. */
export async function waitUntil(condition) {
  while (!(await condition())) await sleep(100);
}

/** Waits until the trial page has its functions. */
export const ready = (page) => waitUntil(() => page.evaluate(() => window.trial !== undefined));
