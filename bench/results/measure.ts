import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, availableParallelism, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report, Row } from '../compare';
import type { Table } from './tables';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Path of a peer's package, first in `bench/`. */
const PACKAGES = ['@tensorflow/tfjs', 'onnxruntime-web', 'onnxruntime-node', '@techstark/opencv-js', 'sharp'];

/**
 * Runs a bench by this program of Node.
 *
 * @returns Its measurements; undefined if it reported why nothing can be measured here.
 * @throws Error if it fails.
 */
export function measure(node: string, script: string, args: readonly string[]): Table | undefined {
  const work = mkdtempSync(path.join(tmpdir(), 'bench-'));
  try {
    const rowsFile = path.join(work, 'rows');
    const { status, signal } = spawnSync(node, [...process.execArgv, script, ...args], {
      stdio: 'inherit',
      env: { ...process.env, BENCH_ROWS: rowsFile },
    });
    if (status !== 0) throw new Error(`${path.basename(script)} ended with ${status ?? signal}`);
    if (!existsSync(rowsFile)) return undefined;
    const rows = readFileSync(rowsFile, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Row | Report);
    return {
      date: new Date().toISOString().slice(0, 10),
      commit: commit(),
      node: execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim(),
      cpu: cpus()[0]!.model.trim(),
      threads: availableParallelism(),
      memory: Math.round(totalmem() / 2 ** 30),
      peers: versions(JSON.stringify(rows)),
      rows,
    };
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** Commit of the sources, with a `+` for uncommitted changes; `unknown` outside a clone. */
function commit(): string {
  const git = (...args: string[]) => spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' });
  const { status, stdout } = git('rev-parse', '--short', 'HEAD');
  if (status !== 0) return 'unknown';
  const changed = git('status', '--porcelain', 'src', 'bench', ':!bench/results/results.json').stdout;
  return stdout.trim() + (changed === '' ? '' : '+');
}

/** Versions of TensorFlow.js and of the peers in the rows. */
function versions(rows: string): Record<string, string> {
  const found = PACKAGES.filter((name) => name === '@tensorflow/tfjs' || rows.includes(path.basename(name)))
    .map((name) => [name, packageVersion(name)] as const)
    .filter((entry): entry is [string, string] => entry[1] !== undefined);
  const torch = rows.includes('PyTorch') && torchVersion();
  return Object.fromEntries([...found, ...(torch ? [['PyTorch', torch]] : [])]) as Record<string, string>;
}

/** Not all packages export their package.json. */
function packageVersion(name: string): string | undefined {
  const file = ['bench', '.']
    .map((folder) => path.join(ROOT, folder, 'node_modules', name, 'package.json'))
    .find((one) => existsSync(one));
  return file && (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function torchVersion(): string | undefined {
  return ['python3', '/usr/bin/python3']
    .map((python) =>
      spawnSync(python, ['-c', 'import torch; print(torch.__version__)'], { encoding: 'utf8' }),
    )
    .find(({ status }) => status === 0)
    ?.stdout.trim();
}
