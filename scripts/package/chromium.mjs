// Chromium for the checks: an installed one, or one from npm.
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { INSTALL, repository, run } from './project.mjs';

/** WebGL and WebGPU by SwiftShader, on the CPU, so that a machine without a GPU has both. */
const FLAGS = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--enable-unsafe-webgpu',
  '--enable-features=Vulkan',
  '--use-webgpu-adapter=swiftshader',
];

/** Contains Chromium for Linux on x64; this version runs on Node 20. */
const [PACKAGED, VERSION] = ['@sparticuz/chromium', '147'];

/** Unpacks it; where it believes to be on Lambda also system libraries that it needs, which it names in its environment. */
const UNPACK = `process.env.AWS_EXECUTION_ENV = 'AWS_Lambda_nodejs22.x';
const { default: chromium } = await import('${PACKAGED}');
const executablePath = await chromium.executablePath();
console.log(JSON.stringify({ executablePath, env: process.env }));`;

/**
 * @returns `{ name, browser }`, or `{ why }` if there is none. The caller closes the browser.
 */
export async function openChromium() {
  const installed = findInstalled();
  if (installed) {
    const browser = await chromium.launch({ executablePath: installed, args: FLAGS });
    return { name: path.basename(installed), browser };
  }
  const none = 'no Chromium is installed (CHROMIUM names one)';
  if (process.platform !== 'linux' || process.arch !== 'x64') return { why: none };
  try {
    const browser = await chromium.launch({ ...(await unpackChromium()), args: FLAGS });
    return { name: PACKAGED, browser };
  } catch (error) {
    return { why: `${none}, nor does npm's ${PACKAGED} run: ${error.message}` };
  }
}

function findInstalled() {
  const { CHROMIUM, PATH = '' } = process.env;
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'chrome'];
  const files = PATH.split(path.delimiter).flatMap((folder) => names.map((name) => path.join(folder, name)));
  return CHROMIUM || files.find((file) => existsSync(file));
}

/** Unpacks it into the folder for temporary files, and returns how to start it. */
export async function unpackChromium() {
  const folder = path.join(repository, 'node_modules', '.cache', `chromium-${VERSION}`);
  if (!existsSync(path.join(folder, 'node_modules', PACKAGED))) {
    mkdirSync(folder, { recursive: true });
    await run('npm', [...INSTALL, '--ignore-scripts', '--prefix', folder, `${PACKAGED}@${VERSION}`], folder);
  }
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', UNPACK], folder);
  return JSON.parse(stdout);
}
