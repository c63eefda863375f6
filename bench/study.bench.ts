/**
 * A study as large as RSNA's with the commands that open it: seconds and memory of each, without and with cached headers.
 *
 *   npx tsx bench/study.bench.ts [slices ...]     # default: 750000
 *
 * The files are like RSNA's except for their size of 16 x 16 pixels: one flat folder, 35 slices per series, a table with six rows per
 * slice. They take 4 KiB each on disk. Each command runs in a separate process, whose peak memory is reported.
 */
import { spawnSync } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPreprocessing, patientLabels, RSNA_LABELS, splitByPatient } from 'ct-multilabel';
import { openDicomFolder } from 'ct-multilabel/node';
import { runCommand } from '../src/cli/run_command';
import { ctSlice, dicomBytes } from '../test/support/dicom_bytes';
import { report } from './compare';

const SLICES_A_SERIES = 35;
const [mode, ...rest] = process.argv.slice(2);

if (mode === 'run') {
  const [what, ...args] = rest as [string, ...string[]];
  const times = what === 'split' ? await split(args[0]!, args[1]!) : await timed(() => runCommand(rest));
  const mib = process.resourceUsage().maxRSS / 2 ** 10;
  console.log(`\n${JSON.stringify({ ...times, mib })}`);
  process.exit(process.exitCode);
}

const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [750_000];
for (const slices of sizes) {
  const work = mkdtempSync(path.join(tmpdir(), 'study-'));
  try {
    await measure(work, slices);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function measure(work: string, slices: number): Promise<void> {
  const folder = path.join(work, 'rsna');
  const made = performance.now();
  await makeStudy(folder, slices);
  console.log(`${slices} slices made in ${((performance.now() - made) / 1000).toFixed(0)} s`);
  // headers of files written a moment ago are not cached yet
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const cache = path.join(work, 'cache');
  const study = ['--data', folder, '--labels', 'rsna'];
  const model = ['--backbone', 'smallCnn', '--image-size', '32', '--dry-run'];
  const inspect = ['inspect', ...study, '--sheet', path.join(work, 'sheet.png')];
  const train = ['train', ...study, ...model, '--out', path.join(work, 'run')];
  const runs: [string, string[]][] = [
    ['inspect', inspect],
    ['inspect --cache-dir, the first time', [...inspect, '--cache-dir', cache]],
    ['inspect --cache-dir, later', [...inspect, '--cache-dir', cache]],
    ['train --dry-run --cache-dir, later', [...train, '--cache-dir', cache]],
    ['splitByPatient, by labels', ['split', folder, cache]],
  ];
  for (const [what, args] of runs) {
    const script = fileURLToPath(import.meta.url);
    const node = [...process.execArgv, '--max-old-space-size=8192'];
    const { stdout, stderr, status } = spawnSync(process.execPath, [...node, script, 'run', ...args], {
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
    });
    if (status !== 0) throw new Error(`${what}: ${stdout.slice(-2000)}${stderr.slice(-2000)}`);
    const last = stdout.trim().split('\n').at(-1)!;
    const { seconds, processor, mib } = JSON.parse(last) as Times & { mib: number };
    const figure = (value: number) => (value < 10 ? value.toFixed(1) : value.toFixed(0));
    report({
      what: `${what}, ${slices.toLocaleString('en')} slices`,
      value: `${figure(processor)} s of a core, ${figure(seconds)} s on the clock; ${mib.toFixed(0)} MiB`,
    });
  }
}

/** Elapsed seconds, and seconds of CPU time, which do not depend on other load. */
interface Times {
  seconds: number;
  processor: number;
}

async function timed(run: () => unknown): Promise<Times> {
  const [start, before] = [performance.now(), process.cpuUsage()];
  await run();
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - start) / 1000, processor: (user + system) / 1e6 };
}

/** The split alone. */
async function split(folder: string, cacheFolder: string): Promise<Times> {
  const preprocessing = createPreprocessing({ imageSize: [32, 32], windows: ['brain'] });
  const study = await openDicomFolder(folder, { preprocessing, labels: RSNA_LABELS, cacheFolder });
  return timed(() => {
    const sides = splitByPatient(study.patients, {
      seed: 1,
      groupBy: (stack) => study.groupOf(stack),
      stratifyBy: (stack) => patientLabels(study, stack),
    });
    const divided = sides.train.length + sides.validation.length;
    if (divided !== study.patients.length) throw new Error('a patient is lost');
  });
}

async function makeStudy(folder: string, slices: number): Promise<void> {
  const images = path.join(folder, 'stage_2_train');
  mkdirSync(images, { recursive: true });
  const table = createWriteStream(path.join(folder, 'stage_2_train.csv'));
  table.write('ID,Label\n');
  const pixels = {
    rows: 16,
    columns: 16,
    stored: Array.from({ length: 256 }, (_, i) => (i % 3 ? 40 : -1000)),
  };
  for (let i = 0; i < slices; i++) {
    const series = Math.floor(i / SLICES_A_SERIES);
    // names do not reveal the order
    const id = `ID_${((i * 2654435761) % 2 ** 32).toString(16).padStart(9, '0')}`;
    const [person, place] = [`ID_p${Math.floor((series * 7) / 8)}`, i % SLICES_A_SERIES];
    const bytes = dicomBytes(
      ctSlice({
        ...pixels,
        position: [-125, -127.5, 30 + 5 * place],
        uid: id,
        elements: {
          '0010,0020': ['LO', person],
          '0020,000d': ['UI', `ID_s${series}`],
          '0020,000e': ['UI', `ID_t${series}`],
          '0028,1050': ['DS', '36'],
          '0028,1051': ['DS', '80'],
        },
      }),
    );
    writeFileSync(path.join(images, `${id}.dcm`), bytes);
    const labels = RSNA_LABELS.map((_, l): number => (l < 5 && series % 3 === 0 && place % 7 === l ? 1 : 0));
    labels[5] = Math.max(...labels);
    const rows = RSNA_LABELS.map((label, l) => `${id}_${label},${labels[l]}\n`).join('');
    if (!table.write(rows)) await once(table, 'drain');
  }
  table.end();
  await once(table, 'finish');
}
