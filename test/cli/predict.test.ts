import { spawn } from 'node:child_process';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterAll } from 'vitest';
import { CT_LABELS } from '../../src/data/labels/labels';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { saveCheckpoint } from '../../src/node/runs/checkpoint';
import { createPreprocessing } from '../../src/transforms/preprocessing';
import { ctSlice, dicomBytes } from '../support/dicom_bytes';
import { command } from '../support/command';
import { tinyBackbone } from '../support/memory_source';

describe('predict', { timeout: 120_000 }, () => {
  let folder: string;
  const at = (name: string) => path.join(folder, name);

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'ct-multilabel-'));
    const model = buildCtBrainModel({ variant: 'VGG16', backbone: tinyBackbone(), seed: 1 });
    const preprocessing = createPreprocessing({ windows: ['brain'], imageSize: [16, 16] });
    await saveCheckpoint(at('checkpoint'), model, { labels: CT_LABELS, preprocessing });
    // one slice is missing between the third and the fourth
    await mkdir(at('study'));
    for (const [i, z] of [0, 5, 10, 20, 25].entries()) {
      const slice = ctSlice({ rows: 16, columns: 16, position: [0, 0, z], uid: `1.2.${i + 1}` });
      await writeFile(path.join(at('study'), `s${i}.dcm`), dicomBytes(slice));
    }
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const args = () => ['--checkpoint', at('checkpoint'), '--patient', at('study'), '--backend', 'wasm'];

  it('says what is wrong with the study, beside the table (case 28)', async () => {
    const { code, stdout, stderr } = await command('predict', ...args());
    expect(`${code} ${stderr}`).toMatch(/^0 problem: warning: P1: .*slices may be missing between them/);
    expect(stdout).toMatch(/^\nP1\nslice +ich +ivh/);
    expect(stdout).toMatch(/5 slices of 1 patients\n$/);
  });

  it('with --json prints the predictions as JSON, and all else on standard error', async () => {
    const { code, stdout, stderr } = await command('predict', ...args(), '--json');
    expect(code).toBe(0);
    const result = JSON.parse(stdout) as {
      predictions: { patient: string; probabilities: number[] }[];
      thresholds: number[];
      problems: string[];
    };
    expect(result.predictions.map(({ patient }) => patient)).toEqual(['P1', 'P1', 'P1', 'P1', 'P1']);
    expect(result.predictions[0]!.probabilities).toHaveLength(5);
    expect(result.thresholds).toEqual([0.5, 0.5, 0.5, 0.5, 0.5]);
    expect(result.problems[0]).toMatch(/slices may be missing between them/);
    expect(stderr).toMatch(/slice +ich +ivh/);
    // an error leaves standard output empty
    const wrong = await command('predict', '--checkpoint', 'none', '--patient', at('study'), '--json');
    expect(`${wrong.code}${wrong.stdout}`).toBe('1');
  });

  it('ends quietly where nobody reads on', async () => {
    const tsx = path.resolve('node_modules/tsx/dist/cli.mjs');
    const child = spawn(process.execPath, [tsx, 'src/cli/main.ts', 'predict', ...args()]);
    let stderr = '';
    child.stderr.on('data', (text: Buffer) => (stderr += String(text)));
    child.stdout.destroy(); // what head does once it has enough
    const code = await new Promise((done) => child.on('close', done));
    expect(stderr).not.toContain('EPIPE');
    expect(stderr).not.toContain('    at ');
    expect(code).toBe(0);
  });
});
