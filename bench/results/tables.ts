import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { barText, figure, ratioText, type Report, type Row } from '../compare';

/** Every table: its title, the bench that prints it, and that bench's arguments. */
export const BENCHES: readonly [title: string, file: string, ...args: string[]][] = [
  ['Recurrent layers', 'recurrent.bench.ts'],
  ['Convolutions, one thread', 'convolution.bench.ts', '1'],
  ['Convolutions, two threads', 'convolution.bench.ts', '2'],
  ['Integers instead of floats', 'integer.bench.ts'],
  ['Cost against work', 'scaling.bench.ts'],
  ['Memory', 'memory.bench.ts'],
  ['Loss', 'loss.bench.ts'],
  ['Metrics', 'metrics.bench.ts'],
  ['Optimizer', 'optimizer.bench.ts'],
  ['Sums', 'sum.bench.ts'],
  ['CLAHE and augmentation', 'transforms.bench.ts'],
  ['WebGPU', 'webgpu.bench.ts'],
  ['In the browser, two threads', 'browser.bench.ts', '2'],
  ['Slices from files', 'streaming.bench.ts'],
  ['Slices kept in fewer bits, phantoms', 'precision.bench.ts'],
  ['Slices kept in fewer bits, real CT', 'precision.bench.ts', 'real CT'],
  ['Training in PyTorch, processes', 'torch_scaling.bench.ts'],
  ['An epoch of SqueezeNet', 'epoch.bench.ts', 'squeezenet1_1'],
  ['An epoch of VGG16', 'epoch.bench.ts', 'vgg16'],
  ['Large studies', 'study.bench.ts', '150000', '750000'],
];

/** Results of one run of a bench, and its environment. */
export interface Table {
  date: string;
  /** Commit of the sources, with a `+` for uncommitted changes. */
  commit: string;
  node: string;
  cpu: string;
  /** Hardware threads of the machine. */
  threads: number;
  /** GiB. */
  memory: number;
  /** Versions of the software in the table. */
  peers: Record<string, string>;
  rows: (Row | Report)[];
}

/** Tables by title. */
export type Results = Readonly<Record<string, Table>>;

export const RESULTS = fileURLToPath(new URL('results.json', import.meta.url));

export function readResults(file = RESULTS): Results {
  return JSON.parse(readFileSync(file, 'utf8')) as Results;
}

/** Replaces a table, atomically. */
export async function keepTable(title: string, table: Table, file = RESULTS): Promise<void> {
  const text = JSON.stringify({ ...readResults(file), [title]: table });
  writeFileSync(`${file}.new`, await pretty(text, file));
  renameSync(`${file}.new`, file);
}

/** Formatted as by `npm run format`. */
export async function pretty(text: string, file: string): Promise<string> {
  return format(text, { ...(await resolveConfig(RESULTS)), filepath: file });
}

/** A table in Markdown, below a line with date, commit and machine of the measurement. */
export function tableText(table: Table | undefined): string {
  if (table === undefined) return 'Not measured yet.';
  const { date, commit, node, cpu, threads, memory, peers, rows } = table;
  const versions = Object.entries(peers).map(([name, version]) => `${name} ${version}`);
  const where = [date, `commit ${commit}`, `Node ${node}`, cpu, `${threads} threads`, `${memory} GiB`];
  const hasPeers = rows.some((row) => 'peers' in row);
  const header = ['what', 'ours', 'peer', 'its time', 'ours is', 'target', 'met'];
  const all = [header, ...rows.flatMap((row) => ('peers' in row ? rowsOf(row) : [reportCells(row)]))];
  const columns = header.map((_, i) => i).filter((i) => i < 2 || all.slice(1).some((cells) => cells[i]));
  if (!hasPeers) header[1] = 'figure';
  const lines = all.map((cells) => `| ${columns.map((i) => cells[i]).join(' | ')} |`);
  const rule = `| ${columns.map(() => '---').join(' | ')} |`;
  return [`${where.join(', ')}. ${versions.join(', ')}.`, '', lines[0], rule, ...lines.slice(1)].join('\n');
}

function rowsOf({ what, ours, peers }: Row): string[][] {
  return peers.map(({ name, ms, ratio, bar }, i) => {
    const left = i === 0 ? [what, `${figure(ours.ms)} ms`] : ['', ''];
    if (ms === null) return [...left, name, 'skipped: not on this machine', '', '', ''];
    const wanted = bar === null ? ['', ''] : [barText(bar), yesNo(ratio! >= bar)];
    return [...left, name, `${figure(ms)} ms`, ratioText(ratio!), ...wanted];
  });
}

function reportCells({ what, value, wanted, met }: Report): string[] {
  return [what, value, '', '', '', wanted ?? '', wanted === undefined ? '' : yesNo(met === true)];
}

const yesNo = (met: boolean) => (met ? 'yes' : '**no**');
