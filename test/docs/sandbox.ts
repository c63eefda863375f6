import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './markdown';
import type { SnippetModule } from './snippet_modules';

/** Modules written where they run as in a project of their own, which has installed the library. */
export interface Sandbox {
  folder: string;
  tsconfig: string;
  /** File of each module. */
  files: ReadonlyMap<SnippetModule, string>;
}

/** What the compiler says of a sandbox's types: nothing where they fit. */
export async function typeErrors({ tsconfig }: Sandbox): Promise<string> {
  const tsc = path.join(ROOT, 'node_modules/typescript/bin/tsc');
  const compile = promisify(execFile)(process.execPath, [tsc, '--noEmit', '-p', tsconfig]);
  const { stdout } = await compile.catch((error) => error as { stdout: string });
  return stdout;
}

/** Writes modules into a new temporary folder, in which `ct-multilabel` is the sources here; the caller removes it. */
export async function makeSandbox(modules: readonly SnippetModule[]): Promise<Sandbox> {
  const folder = await mkdtemp(path.join(tmpdir(), 'ct-multilabel-snippets-'));
  const short = path.join(ROOT, 'test/docs/short');
  const tsconfig = path.join(folder, 'tsconfig.json');
  const config = {
    extends: path.join(ROOT, 'tsconfig.json'),
    compilerOptions: {
      // examples leave results for the reader to use
      noUnusedLocals: false,
      // a page's imports of files are Vite's
      types: ['node', 'vite/client'],
      paths: {
        'ct-multilabel': [`${short}/index.ts`],
        'ct-multilabel/node': [`${short}/node.ts`],
        'ct-multilabel/dicom': [path.join(ROOT, 'src/dicom/index.ts')],
        'ct-multilabel/cli': [path.join(ROOT, 'src/cli/index.ts')],
      },
    },
    include: ['*/*.ts', path.join(ROOT, 'src/**/*.d.ts'), path.join(ROOT, 'test/**/*.d.ts')],
    exclude: [],
  };
  await symlink(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'), 'dir');
  await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }\n');
  await writeFile(tsconfig, JSON.stringify(config));
  const files = new Map<SnippetModule, string>();
  for (const module of modules) {
    const page = path.join(folder, path.basename(module.page, '.md'));
    await mkdir(page, { recursive: true });
    const file = path.join(page, `line_${module.line}.ts`);
    await writeFile(file, module.code);
    files.set(module, file);
  }
  return { folder, tsconfig, files };
}
