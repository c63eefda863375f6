// A Chromium to open pages with: the one that is installed, else one that npm can bring.
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

/** Carries Chromium for Linux on x64. */
const PACKAGED = '@sparticuz/chromium';

/** Unpacks it; where it believes to be on Lambda also system libraries that it needs, which it names in its environment. */
const UNPACK = `process.env.AWS_EXECUTION_ENV = 'AWS_Lambda_nodejs22.x';
const { default: chromium } = await import('${PACKAGED}');
const executablePath = await chromium.executablePath();
console.log(JSON.stringify({ executablePath, env: process.env }));`;

/**
 * @returns `{ name, browser }`, or `{ why }` where there is none. Whoever asked for it closes the browser.
 */
export async function openChromium() {
  const { name, why, ...launch } = await findChromium();
  if (why) return { why };
  return { name, browser: await chromium.launch({ ...launch, args: FLAGS }) };
}

async function findChromium() {
  const { CHROMIUM, PATH = '' } = process.env;
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'chrome'];
  const files = PATH.split(path.delimiter).flatMap((folder) => names.map((name) => path.join(folder, name)));
  const installed = CHROMIUM || files.find((file) => existsSync(file));
  if (installed) return { name: path.basename(installed), executablePath: installed };
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { why: 'no Chromium is installed (CHROMIUM names one)' };
  }
  try {
    return { name: PACKAGED, ...(await packagedChromium()) };
  } catch (error) {
    return { why: `no Chromium is installed (CHROMIUM names one), nor could npm's be had: ${error.message}` };
  }
}

async function packagedChromium() {
  const folder = path.join(repository, 'node_modules', '.cache', 'chromium');
  if (!existsSync(path.join(folder, 'node_modules', PACKAGED))) {
    mkdirSync(folder, { recursive: true });
    await run('npm', [...INSTALL, '--ignore-scripts', '--prefix', folder, PACKAGED], folder);
  }
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', UNPACK], folder);
  return JSON.parse(stdout);
}
