// An empty project with the packed library in its node_modules, in a folder of its own.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** Milliseconds after which a program is taken to hang. */
const LIMIT = 180_000;

/**
 * Runs a program to its end.
 *
 * @returns What it wrote; rejected with that when it fails.
 */
export function run(command, args, cwd) {
  return new Promise((resolve, reject) => {
    execFile(command, args, { cwd, maxBuffer: 2 ** 26, timeout: LIMIT }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`));
      else resolve({ stdout, stderr });
    });
  });
}

/**
 * Packs the library and unpacks it as npm would install it, into a project that has, beside it, the dependencies and peers that
 * its package.json names and nothing else: an import that package.json does not name fails there.
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
    const library = path.join(folder, 'node_modules', 'ct-multilabel');
    mkdirSync(library, { recursive: true });
    await run('tar', ['-xzf', path.join(work, filename), '-C', library, '--strip-components=1'], work);

    const manifest = JSON.parse(readFileSync(path.join(library, 'package.json'), 'utf8'));
    for (const name of Object.keys({ ...manifest.dependencies, '@tensorflow/tfjs': '' })) {
      const link = path.join(folder, 'node_modules', name);
      mkdirSync(path.dirname(link), { recursive: true });
      symlinkSync(path.join(repository, 'node_modules', name), link);
    }
    return {
      work,
      folder,
      library,
      filename,
      files: files.map(({ path: file }) => file),
      manifest,
      remove,
      write: (name, text) => {
        const file = path.join(folder, name);
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, text);
        return file;
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}
