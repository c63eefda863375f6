import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { modulesStayFiles } from '../../scripts/modules_stay_files';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where the sources lie compiled, module by module. */
export const COMPILED = path.join(root, '.compiled');

/** Compiles the sources once before the tests, for those that run a command in a process of its own: it starts three times as fast. */
export default async function setup(): Promise<void> {
  const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .filter((file) => !file.startsWith(path.join('backends', 'wasm', 'assembly')));
  const { outputFiles } = await build({
    entryPoints: sources.map((file) => path.join(root, 'src', file)),
    outbase: path.join(root, 'src'),
    outdir: COMPILED,
    ...{ bundle: true, packages: 'external', plugins: [modulesStayFiles] },
    ...{ platform: 'node', format: 'esm', target: 'es2022', sourcemap: 'inline', write: false },
  });
  // what is unchanged is left alone: another run of the tests may be reading it
  const written = new Set(outputFiles.map(({ path: file }) => file));
  for (const { path: file, text } of outputFiles) {
    if (contentOf(file) === text) continue;
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  for (const name of readdirSync(COMPILED, { recursive: true, encoding: 'utf8' })) {
    const file = path.join(COMPILED, name);
    if (name.endsWith('.js') && !written.has(file)) rmSync(file);
  }
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
