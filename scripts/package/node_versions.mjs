// Node in the versions the library supports, as npm packages that carry the binary.
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { INSTALL, repository, run } from './project.mjs';

const MAJORS = [20, 22, 24];
const running = Number.parseInt(process.versions.node, 10);

/**
 * The running Node, and the other versions if npm has them for this platform.
 *
 * @returns `{ name, node }` with the program's path, or `{ name, why }` if there is none.
 */
export async function nodeVersions() {
  const others = MAJORS.filter((major) => major !== running);
  return Promise.all([running, ...others].map(nodeVersion));
}

/** One version: the running Node if it matches, otherwise from npm. */
export async function nodeVersion(major) {
  return major === running
    ? { name: `Node ${process.versions.node}`, node: process.execPath }
    : install(major);
}

async function install(major) {
  const system = process.platform === 'win32' ? 'win' : process.platform;
  const name = `node-${system}-${process.arch}`;
  const folder = path.join(repository, 'node_modules', '.cache', `node-${major}`);
  const node = path.join(folder, 'node_modules', name, 'bin', system === 'win' ? 'node.exe' : 'node');
  try {
    if (!existsSync(node)) {
      mkdirSync(folder, { recursive: true });
      await run('npm', [...INSTALL, '--ignore-scripts', '--prefix', folder, `${name}@${major}`], folder);
    }
    const { stdout } = await run(node, ['--version'], folder);
    return { name: `Node ${stdout.trim().slice(1)}`, node };
  } catch (error) {
    const code = /npm error code (\S+)/.exec(error.message)?.[1] ?? error.message;
    return { name: `Node ${major}`, why: `npm did not bring ${name}@${major} (${code})` };
  }
}
