/** Writes a small project: a program that trains, and the files needed to run it. */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { move, remove } from '../../node/files/move';
import { VERSION } from '../../version';
import { command, options, type Args } from '../command_line';
import { checkNewFolder } from '../outputs';

const OPTIONS = options({
  folder: { value: 'FOLDER', help: 'a new or empty folder', required: true },
  package: {
    value: 'SPEC',
    default: `^${VERSION}`,
    help: 'the version of ct-multilabel to install, or the path of its .tgz',
  },
});

export default command({
  examples: ['my-study'],
  options: OPTIONS,
  argument: { name: 'folder' },
  run: init,
});

/** The package's root, for both the sources and the built package. */
const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const COMPILER = {
  target: 'ES2022',
  module: 'NodeNext',
  moduleResolution: 'NodeNext',
  types: ['node'],
  strict: true,
  noEmit: true,
  skipLibCheck: true,
};

async function init({ folder, package: spec }: Args<typeof OPTIONS>): Promise<void> {
  const isThere = await checkNewFolder('init', folder);
  const name = path
    .basename(path.resolve(folder))
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+/, '');
  const { peerDependencies } = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8')) as {
    peerDependencies: Record<'@tensorflow/tfjs', string>;
  };
  const project = {
    name: name || 'my-study',
    private: true,
    type: 'module',
    scripts: { start: 'tsx train.ts', typecheck: 'tsc' },
    dependencies: {
      '@tensorflow/tfjs': peerDependencies['@tensorflow/tfjs'],
      'ct-multilabel': packageSpec(spec, folder),
    },
    devDependencies: { '@types/node': '^20.19.0', tsx: '^4.23.0', typescript: '^6.0.0' },
  };
  const files = {
    'package.json': json(project),
    'tsconfig.json': json({ compilerOptions: COMPILER, include: ['*.ts'] }),
    '.gitignore': 'node_modules/\ndata/\nruns/\n',
  };
  const copied = ['train.ts', 'README.md'];
  const made = [...Object.keys(files), ...copied];
  // atomically
  const draft = `${path.resolve(folder)}.${process.pid}.tmp`;
  try {
    await mkdir(draft, { recursive: true });
    for (const [file, text] of Object.entries(files)) await writeFile(path.join(draft, file), text);
    for (const file of copied) {
      await copyFile(path.join(ROOT, 'examples', 'starter', file), path.join(draft, file));
    }
    // a folder that is there may be the one that the user is in
    if (isThere) for (const file of made) await move(path.join(draft, file), path.join(folder, file));
    else await move(draft, folder);
  } catch (error) {
    for (const file of isThere ? made : []) await remove(path.join(folder, file));
    throw error;
  } finally {
    await remove(draft);
  }
  console.log(`${folder}: ${made.join(', ')}`);
  console.log(`next: cd ${/\s/.test(folder) ? `"${folder}"` : folder} && npm install && npm start`);
}

/** A path relative to the new folder; a URL is left as it is. */
function packageSpec(spec: string, folder: string): string {
  if (!spec.endsWith('.tgz') || /^https?:/i.test(spec)) return spec;
  return `file:${path.relative(folder, spec.replace(/^file:/, '')).replaceAll(path.sep, '/')}`;
}

const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
