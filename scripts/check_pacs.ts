// Watches a real Orthanc while both sides are killed repeatedly: every study must get exactly one report, and nothing twice.
//
//   npm run build && npx tsx scripts/check_pacs.ts [--studies N] [--kills N] [--seed N]
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { buildCtBrainModel, CT_LABELS, createPreprocessing } from '../src/index';
import { saveCheckpoint, useBackend } from '../src/node';
import { makePhantomPatient } from '../src/data/phantom/phantom';
import { seededRandom } from '../src/base/random';
import { ctSlice, dicomBytes } from '../test/support/dicom_bytes';
import { AUTHORIZATION, missing, Orthanc } from './pacs/orthanc';

const { values } = parseArgs({
  options: {
    studies: { type: 'string', default: '50' },
    kills: { type: 'string', default: '12' },
    seed: { type: 'string', default: '1' },
  },
});
const [studies, kills] = [Number(values.studies), Number(values.kills)];
const random = seededRandom(Number(values.seed));

/** A patient name that must not occur anywhere but on the server. */
const NAME = 'Mustermann^Jürgen';
const SECRET = 'secret-';
const [SLICES, SIZE] = [3, 32];

if (missing === undefined) await check();
else console.log(`skipped: ${missing}`);

async function check(): Promise<void> {
  const scratch = mkdtempSync(path.join(tmpdir(), 'ct-multilabel-pacs-'));
  const at = (name: string) => path.join(scratch, name);
  const server = await Orthanc.start(scratch);
  try {
    await saveModel(at('checkpoint'));
    writeFileSync(at('authorization'), `${AUTHORIZATION}\n`);
    for (let i = 0; i < studies; i++) for (const bytes of study(i)) await server.upload(bytes);
    const watch = [
      ...['watch', '--once', '--checkpoint', at('checkpoint'), '--server', `${server.url}/dicom-web`],
      ...[
        '--authorization',
        at('authorization'),
        '--state',
        at('state'),
        '--workers',
        '0',
        '--backend',
        'cpu',
      ],
    ];
    let output = '';
    const counts = { watch: 0, server: 0, runs: 0 };
    for (let code: number | null = null; code !== 0;) {
      counts.runs++;
      if (counts.runs > kills + 20)
        throw new Error(`no end after ${counts.runs} runs: ${output.slice(-2000)}`);
      const run = start(watch);
      let isOver = false;
      void run.ended.then(() => (isOver = true));
      // the start takes some seconds, during which nothing is stored
      await run.started;
      while (counts.watch + counts.server < kills) {
        await Promise.race([wait(100 + 500 * random()), run.ended]);
        if (isOver) break;
        if (random() < 0.5) {
          counts.watch++;
          run.child.kill('SIGKILL');
          break;
        }
        counts.server++;
        await server.kill();
        await wait(500 * random());
        await server.start();
      }
      code = await run.ended;
      output += run.output();
    }
    const wrong = await problems(server, output, at('state/ledger.jsonl'));
    for (const line of wrong) console.log(line);
    console.log(`${studies} studies, ${counts.runs} runs; killed: the watch ${counts.watch} times, the server ${counts.server} times`); // prettier-ignore
    // once more: nothing is left to do
    const again = start(watch);
    const code = await again.ended;
    if (code !== 0 || again.output().includes('stored')) wrong.push('a last run stores something again');
    console.log(`${wrong.length === 0 ? 1 : 0} passed, ${wrong.length === 0 ? 0 : 1} failed`);
    process.exitCode = wrong.length === 0 ? 0 : 1;
  } finally {
    await server.kill();
    rmSync(scratch, { recursive: true });
  }
}

async function saveModel(folder: string): Promise<void> {
  await useBackend('cpu');
  const model = buildCtBrainModel({ backbone: 'smallCnn', inputShape: [SIZE, SIZE, 1], seed: 1 });
  const preprocessing = createPreprocessing({ windows: ['brain'], imageSize: [SIZE, SIZE] });
  // one label is present on every slice
  const thresholds = [0.001, 0.999, 0.999, 0.999, 0.999];
  await saveCheckpoint(folder, model, { labels: CT_LABELS, preprocessing, thresholds });
}

/** The files of a study, with its own patient and valid UIDs. */
function study(i: number): Uint8Array[] {
  const { hu } = makePhantomPatient({ slices: 8, size: SIZE, seed: i });
  return Array.from({ length: SLICES }, (_, slice) => {
    const stored = [...hu.subarray((slice + 3) * SIZE ** 2, (slice + 4) * SIZE ** 2)].map(Math.round);
    return dicomBytes(
      ctSlice({
        ...{
          rows: SIZE,
          columns: SIZE,
          stored,
          position: [0, 0, 5 * slice],
          uid: `1.2.826.${i + 1}.3.${slice + 1}`,
        },
        elements: {
          '0002,0002': undefined,
          '0008,0005': ['CS', 'ISO_IR 192'],
          '0008,0016': ['UI', '1.2.840.10008.5.1.4.1.1.2'],
          '0010,0010': ['PN', NAME],
          '0010,0020': ['LO', `${SECRET}${i}`],
          '0020,000d': ['UI', `1.2.826.${i + 1}`],
          '0020,000e': ['UI', `1.2.826.${i + 1}.2`],
        },
      }),
    );
  });
}

function start(args: readonly string[]) {
  const child = spawn('node', ['dist/cli/main.js', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let tell: () => void = () => undefined;
  const started = new Promise<void>((resolve) => (tell = resolve));
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text: Buffer) => {
      output += text.toString();
      if (output.includes('watching')) tell();
    });
  }
  const ended = new Promise<number | null>((resolve) =>
    child.on('close', (code) => {
      tell();
      resolve(code);
    }),
  );
  return { child, started, ended, output: () => output };
}

interface Item {
  ID: string;
  MainDicomTags: Record<string, string>;
  Instances: string[];
  Series: string[];
}

/** Problems on the server, in the log and in the ledger. */
async function problems(server: Orthanc, output: string, ledger: string): Promise<string[]> {
  const wrong: string[] = [];
  const found = (await server.get('/studies?expand')) as Item[];
  if (found.length !== studies) wrong.push(`${found.length} studies on the server, expected ${studies}`);
  const uids = new Set<string>();
  for (const one of found) {
    const name = one.MainDicomTags['StudyInstanceUID']!;
    // common to all its images and results, in Unicode
    const shared = (await server.get(`/studies/${one.ID}/shared-tags?simplify`)) as Record<string, string>;
    const patient = `${shared['PatientName']} ${shared['PatientID']}`;
    const own = `${NAME} ${SECRET}${Number(name.split('.').at(-1)) - 1}`;
    if (patient !== own) wrong.push(`study ${name}: expected all of it to be of ${own}, found ${patient}`);
    const sizes: Record<string, number[]> = {};
    for (const series of one.Series) {
      const item = (await server.get(`/series/${series}`)) as Item;
      const modality = item.MainDicomTags['Modality']!;
      (sizes[modality] ??= []).push(item.Instances.length);
      for (const instance of item.Instances) uids.add(instance);
    }
    const is = JSON.stringify(sizes, Object.keys(sizes).sort());
    const expected = JSON.stringify({ CT: [SLICES], OT: [SLICES], SR: [1] });
    if (is !== expected) wrong.push(`study ${name}: expected ${expected}, found ${is}`);
  }
  if (uids.size !== studies * (2 * SLICES + 1)) wrong.push(`${uids.size} instances on the server`);
  for (const text of [output, readFileSync(ledger, 'utf8')]) {
    for (const secret of ['Mustermann', 'Jürgen', SECRET, AUTHORIZATION]) {
      if (text.includes(secret)) wrong.push(`the log or the ledger has ${secret} in it`);
    }
  }
  return wrong;
}
