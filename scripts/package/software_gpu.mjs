// WebGPU in Node on the CPU: Dawn from npm, with the software Vulkan driver in Chromium's package.
import { existsSync, mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { unpackChromium } from './chromium.mjs';
import { INSTALL, repository, run } from './project.mjs';

/** Dawn for Node; this version runs on Node 20. */
const [PACKAGE, VERSION] = ['webgpu', '0.6.2'];

const folder = path.join(repository, 'node_modules', '.cache', `${PACKAGE}-${VERSION}`);

/** `RTLD_NODELETE`, for which Node has no name: the library stays loaded, although it is not a Node module. */
const STAY = 0x1000;

/**
 * @param install Whether what is missing is brought from npm, some 60 MB each.
 * @returns `{ gpu, globals }`, the second being the interfaces that a browser has, or `{ why }` where there is none.
 */
export async function openSoftwareGpu({ install }) {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return { why: 'it is there for Linux on x64 only' };
  const file = path.join(folder, 'node_modules', PACKAGE, 'index.js');
  if (!existsSync(file)) {
    if (!install) return { why: `npm's ${PACKAGE} has not been brought; npm run check:full brings it` };
    mkdirSync(folder, { recursive: true });
    await run('npm', [...INSTALL, '--ignore-scripts', '--prefix', folder, `${PACKAGE}@${VERSION}`], folder);
  }
  const [driver, loader] = ['vk_swiftshader_icd.json', 'libvulkan.so.1'].map((name) =>
    path.join(os.tmpdir(), name),
  );
  if (![driver, loader].every(existsSync)) {
    if (!install) return { why: 'no Vulkan driver in software is there; npm run package:check brings one' };
    await unpackChromium();
  }
  process.env.VK_ICD_FILENAMES = driver;
  try {
    process.dlopen({ exports: {} }, loader, os.constants.dlopen.RTLD_NOW | STAY);
  } catch {
    // not a Node module, but now found by this name
  }
  const { create, globals } = await import(pathToFileURL(file).href);
  const gpu = create([]);
  return (await gpu.requestAdapter()) === null ? { why: 'Dawn finds no adapter' } : { gpu, globals };
}
