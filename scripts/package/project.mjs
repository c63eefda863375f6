// An empty project in a separate folder, into which the packed library is installed.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** Milliseconds after which a program counts as hanging. */
const LIMIT = 180_000;

/**
 * Runs a program to its end.
 *
 * @returns Its output; rejected with that if it fails.
 */
export function run(command, args, cwd) {
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd, maxBuffer: 2 ** 26, timeout: LIMIT }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`));
      else resolve({ stdout, stderr });
    });
  });
}

/** Options of an install that avoid unnecessary network requests. */
export const INSTALL = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--fetch-retries=1'];

/** Packages that users install with the library: its peer, and a backend. */
const BESIDE = ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-webgpu'];

/**
 * Packs the library and installs the tarball with npm, beside its peer and as a user would: an import that package.json does
 * not name fails there.
 */
export async function packedProject() {
  const work = mkdtempSync(path.join(tmpdir(), 'package-'));
  const remove = () => rmSync(work, { recursive: true, force: true });
  try {
    const packed = await run(
      'npm',
      ['pack', '--json', '--ignore-scripts', '--pack-destination', work],
      repository,
    );
    const [{ filename, files }] = JSON.parse(packed.stdout);
    const folder = path.join(work, 'app');
    const write = (name, text) => {
      const file = path.join(folder, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, text);
      return file;
    };
    write('package.json', JSON.stringify({ name: 'app', private: true }));
    const { devDependencies } = JSON.parse(readFileSync(path.join(repository, 'package.json'), 'utf8'));
    const beside = BESIDE.map((name) => `${name}@${devDependencies[name]}`);
    await run('npm', [...INSTALL, path.join(work, filename), ...beside], folder);
    return { work, folder, filename, files: files.map(({ path: file }) => file), remove, write };
  } catch (error) {
    remove();
    throw error;
  }
}
