// Kills a training repeatedly, at random file operations, and resumes it each time: the result must be bit-identical to that of an
// uninterrupted one, with no additional files.
//
//   npm run build && node scripts/check_kills.mjs [--kills N] [--seed N]
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } },
});
const kills = Number(values.kills);

const scratch = mkdtempSync(path.join(tmpdir(), 'ct-multilabel-kills-'));
const random = numbersFrom(Number(values.seed));
const place = (name) => fileURLToPath(new URL(`kills/${name}`, import.meta.url));

const whole = path.join(scratch, 'whole');
const { code, output } = await train(whole, 0, 'before');
const ended = code === 0;
if (!ended) console.log(`the training that is not killed fails: ${output}`);
const expected = ended && contentOf(whole);
const operations = Number(lastLine(output));
const byOperation = {};
let killed = 0;
const count = { passed: 0, failed: ended ? 0 : 1 };
while (ended && killed < kills) {
  const folder = path.join(scratch, `run_${count.passed + count.failed}`);
  const wrong = await trainThroughKills(folder);
  count[wrong === undefined ? 'passed' : 'failed'] += 1;
  if (wrong === undefined) rmSync(folder, { recursive: true });
  else console.log(`${folder}: ${wrong}`);
}
const list = Object.entries(byOperation).map(([name, times]) => `${name} ${times}`);
console.log(`${operations} operations on files, ${killed} kills: ${list.sort().join(', ')}`);
if (count.failed === 0) rmSync(scratch, { recursive: true });
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exitCode = count.failed > 0 ? 1 : 0;

/** Runs a training from its first start to its end. @returns The problem, if there is one. */
async function trainThroughKills(folder) {
  const places = [];
  for (;;) {
    const mode = ['before', 'after', 'torn'][Math.floor(random() * 3)];
    // anywhere, but more often early, so that recovery after a kill is also killed
    const killAt = killed < kills ? 1 + Math.floor(random() ** 2 * operations) : 0;
    const { code, signal, output } = await train(folder, killAt, mode);
    if (signal === 'SIGKILL') {
      const name = `${lastLine(output)} ${mode}`;
      places.push(`${killAt} (${name})`);
      byOperation[name] = (byOperation[name] ?? 0) + 1;
      killed += 1;
      continue;
    }
    const after = `after kills at the operations ${places.join(', ')}`;
    if (code !== 0) return `cannot be gone on with ${after}: ${output}`;
    const content = contentOf(folder);
    const other = [...new Set([...Object.keys(content), ...Object.keys(expected)])].filter(
      (name) => content[name] !== expected[name],
    );
    return other.length > 0 ? `${other.join(', ')} differ ${after}` : undefined;
  }
}

function train(folder, killAt, mode) {
  const environment = { KILL_FOLDER: folder, KILL_AT: String(killAt), KILL_MODE: mode };
  const child = spawn('node', ['--import', place('kill_at.mjs'), place('training.mjs'), folder], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr.on('data', (text) => (output += text));
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, output })));
}

function lastLine(text) {
  return text.trim().split('\n').at(-1);
}

/** The files of a run by name, as checksums of everything that must be reproducible, so without times. */
function contentOf(folder) {
  const names = readdirSync(folder, { recursive: true }).map(String);
  return Object.fromEntries(
    names.map((name) => [name.replaceAll(path.sep, '/'), checksum(path.join(folder, name))]),
  );
}

function checksum(file) {
  if (statSync(file).isDirectory()) return 'a folder';
  const bytes = readFileSync(file);
  // the last column of the history, and its source, are seconds
  const text = { 'history.csv': /,[^,\n]*$/gm, 'state.json': /"seconds":[\d.e-]+/g }[path.basename(file)];
  const content = text ? bytes.toString().replace(text, '') : bytes;
  return createHash('sha256').update(content).digest('hex');
}

/** Numbers in 0..1, reproducible by the seed. */
function numbersFrom(seed) {
  let state = (seed * 7919 + 1) >>> 0;
  return () => (state = (state * 1664525 + 1013904223) >>> 0) / 2 ** 32;
}
