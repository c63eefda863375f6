/**
 * Runs every bench, one after the other, and puts their figures into docs/performance.md, in the section of this version of
 * Node; sections of other versions stay.
 *
 *   npm run bench
 *   npx tsx bench/run.ts convolution                # those files alone; the other tables of this Node stay
 *   npx tsx bench/run.ts 'convolution.bench.ts 2'   # the same, with those arguments
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { barText, figure, ratioText, type Report, type Row } from './compare';

const BENCHES: [title: string, file: string, ...args: string[]][] = [
  ['Recurrent layers', 'recurrent.bench.ts'],
  ['Convolutions, one thread', 'convolution.bench.ts', '1'],
  ['Convolutions, two threads', 'convolution.bench.ts', '2'],
  ['Memory', 'memory.bench.ts'],
  ['Loss', 'loss.bench.ts'],
  ['Metrics', 'metrics.bench.ts'],
  ['Optimizer', 'optimizer.bench.ts'],
  ['Sums', 'sum.bench.ts'],
  ['CLAHE and augmentation', 'transforms.bench.ts'],
  ['WebGPU', 'webgpu.bench.ts'],
  ['Slices from files', 'streaming.bench.ts'],
  ['In the browser, two threads', 'browser.bench.ts', '2'],
  ['Slices kept in fewer bits', 'precision.bench.ts'],
  ['Training in PyTorch, processes', 'torch_scaling.bench.ts'],
  ['Large studies', 'study.bench.ts', '50000', '150000'],
];

const folder = path.dirname(fileURLToPath(import.meta.url));
const page = path.join(folder, '../docs/performance.md');
const only = process.argv.slice(2);

const sections = new Map<string, string>();
for (const [title, file, ...args] of BENCHES) {
  const command = [file, ...args].join(' ');
  if (only.length > 0 && !only.some((name) => command.startsWith(name))) continue;
  console.log(`\n== ${title}`);
  const work = mkdtempSync(path.join(tmpdir(), 'bench-'));
  const rows = path.join(work, 'rows');
  const { status } = spawnSync(process.execPath, [...process.execArgv, path.join(folder, file), ...args], {
    stdio: 'inherit',
    env: { ...process.env, BENCH_ROWS: rows },
  });
  if (status !== 0) throw new Error(`${file} failed`);
  const lines = existsSync(rows) ? readFileSync(rows, 'utf8').trim().split('\n') : [];
  sections.set(title, section(lines.map((line) => JSON.parse(line) as Row | Report)));
  rmSync(work, { recursive: true });
}
writePage();

function section(rows: (Row | Report)[]): string {
  const lines = rows.flatMap((row) => ('peers' in row ? timeLines(row) : [reportLine(row)]));
  return [
    '| what | ours | beside | its time | ours is | wanted | met |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...lines,
    '',
  ].join('\n');
}

function timeLines({ what, ours, peers }: Row): string[] {
  return peers.map(({ name, ms, ratio, bar }, i) => {
    const left = i === 0 ? [what, `${figure(ours.ms)} ms`] : ['', ''];
    const right =
      ms === null
        ? ['skipped: not on this machine', '', '', '']
        : [
            `${figure(ms)} ms`,
            ratioText(ratio!),
            bar === null ? '' : barText(bar),
            bar === null ? '' : ratio! >= bar ? 'yes' : '**no**',
          ];
    return `| ${[...left, name, ...right].join(' | ')} |`;
  });
}

function reportLine({ what, value, wanted, met }: Report): string {
  const cells = [what, value, '', '', '', wanted ?? '', wanted === undefined ? '' : met ? 'yes' : '**no**'];
  return `| ${cells.join(' | ')} |`;
}

/** Puts the tables into this Node's section of the page, in place of those of the same titles. */
function writePage(): void {
  const major = process.versions.node.split('.')[0]!;
  const [start, end] = [`<!-- figures of Node ${major} -->`, `<!-- end of Node ${major} -->`];
  const text = readFileSync(page, 'utf8');
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < 0) throw new Error(`${page} has no place for Node ${major}: ${start} … ${end}`);
  const present = text
    .slice(from, to)
    .split(/^### /m)
    .slice(1)
    .map((block) => {
      const [title] = block.split('\n') as [string];
      return [title, block.slice(title.length).trim()] as const;
    });
  const tables = new Map([...present, ...sections]);
  const body = BENCHES.map(([title]) => title)
    .filter((title) => tables.has(title))
    .map((title) => `### ${title}\n\n${tables.get(title)}\n`)
    .join('\n');
  const heading = `## Node ${major}`;
  writeFileSync(
    page,
    `${text.slice(0, from)}${start}\n\n${heading}\n\n${machine()}\n\n${body}\n${text.slice(to)}`,
  );
  spawnSync('npx', ['prettier', '--write', page], { stdio: 'inherit' });
}

function machine(): string {
  const version = (name: string, from: string) => {
    try {
      const file = createRequire(path.join(from, 'index.js')).resolve(`${name}/package.json`);
      return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
    } catch {
      return undefined;
    }
  };
  const torch = ['python3', '/usr/bin/python3']
    .map((python) =>
      spawnSync(python, ['-c', 'import torch; print(torch.__version__)'], { encoding: 'utf8' }),
    )
    .find(({ status }) => status === 0)
    ?.stdout.trim();
  const peers = {
    '@tensorflow/tfjs': version('@tensorflow/tfjs', path.dirname(folder)),
    'onnxruntime-web': ownVersion('onnxruntime-web'),
    'onnxruntime-node': ownVersion('onnxruntime-node'),
    '@techstark/opencv-js': ownVersion('@techstark/opencv-js'),
    PyTorch: torch,
  };
  const named = Object.entries(peers).map(([name, found]) => `${name} ${found ?? 'not there'}`);
  return (
    `Node ${process.versions.node}, ${cpus()[0]!.model.trim()}, ${availableParallelism()} cores, ` +
    `${Math.round(totalmem() / 2 ** 30)} GiB, ${new Date().toISOString().slice(0, 10)}. Peers: ${named.join(', ')}.`
  );
}

/** Version of a peer that npm run bench installs in this folder; not all export their package.json. */
function ownVersion(name: string): string | undefined {
  const file = path.join(folder, 'node_modules', name, 'package.json');
  return existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
    : undefined;
}
