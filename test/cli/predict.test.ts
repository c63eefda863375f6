import { spawn } from 'node:child_process';
import path from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { mkdtemp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { afterAll } from 'vitest';
import { CT_LABELS } from '../../src/data/labels/labels';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { saveCheckpoint } from '../../src/node/runs/checkpoint';
import { createPreprocessing } from '../../src/transforms/preprocessing';
import { ctSlice, dicomBytes } from '../support/dicom_bytes';
import { DicomDataSet } from '../../src/dicom/data_set';
import { dciodvfyErrors, hasDciodvfy } from '../support/dicom_tools';
import { command, COMMANDS } from '../support/command';
import { tinyBackbone } from '../support/memory_source';

describe('predict', { timeout: 120_000 }, () => {
  let folder: string;
  const at = (name: string) => path.join(folder, name);

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'ct-multilabel-'));
    const model = buildCtBrainModel({ variant: 'VGG16', backbone: tinyBackbone(), seed: 1 });
    const preprocessing = createPreprocessing({ windows: ['brain'], imageSize: [16, 16] });
    // the model knows nothing: its probabilities are about a half
    const thresholds = [0.01, 0.99, 0.99, 0.01, 0.99];
    await saveCheckpoint(at('checkpoint'), model, {
      labels: CT_LABELS,
      preprocessing,
      model: { variant: 'VGG16' },
      thresholds,
    });
    // one slice is missing between the third and the fourth
    await mkdir(at('study'));
    for (const [i, z] of [0, 5, 10, 20, 25].entries()) {
      const slice = ctSlice({
        rows: 16,
        columns: 16,
        position: [0, 0, z],
        uid: `1.2.${i + 1}`,
        elements: { '0008,0016': ['UI', '1.2.840.10008.5.1.4.1.1.2'] },
      });
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
    expect(result.thresholds).toEqual([0.01, 0.99, 0.99, 0.01, 0.99]);
    expect(result.problems[0]).toMatch(/slices may be missing between them/);
    expect(stderr).toMatch(/slice +ich +ivh/);
    // an error leaves standard output empty
    const wrong = await command('predict', '--checkpoint', 'none', '--patient', at('study'), '--json');
    expect(`${wrong.code}${wrong.stdout}`).toBe('1');
  });

  it('writes what it found as DICOM beside the tables, the same each time', async () => {
    const results = async (out: string) => {
      const { code, stderr } = await command('predict', ...args(), '--quiet', '--dicom-out', at(out));
      expect(`${code} ${stderr}`).toMatch(/^0 /);
      const names = (await readdir(at(`${out}/P1`))).sort();
      return Promise.all(
        names.map(async (name) => ({ name, bytes: await readFile(at(`${out}/P1/${name}`)) })),
      );
    };
    const files = await results('dicom');
    const heat = ['ich', 'sdh'].flatMap((label) => [1, 2, 3, 4, 5].map((i) => `${label}_${i}.dcm`));
    expect(files.map(({ name }) => name)).toEqual([...heat, 'report.dcm'].sort());
    const read = files.map(({ bytes }) => DicomDataSet.parse(bytes, {}));
    const uids = read.map((one) => one.text('x00080018'));
    expect(new Set(uids).size).toBe(files.length);
    expect(read.map((one) => one.text('x0020000d'))).toEqual(files.map(() => '1.2'));
    const report = read[files.findIndex(({ name }) => name === 'report.dcm')]!;
    expect(report.text('x00081090')).toBe('ct-multilabel VGG16');
    expect(report.texts('x00181020')[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{8}$/);
    if (hasDciodvfy) expect(files.flatMap(({ bytes }) => dciodvfyErrors(bytes))).toEqual([]);
    const again = await results('again');
    expect(again.map(({ bytes }) => DicomDataSet.parse(bytes, {}).text('x00080018'))).toEqual(uids);
  });

  it('refuses one file for two tables, a place that is given twice, and a folder with other results', async () => {
    const said = async (...more: string[]) => {
      const { code, stderr } = await command('predict', ...args(), ...more);
      return `${code} ${stderr}`;
    };
    const file = at('p.csv');
    expect(await said('--out', file, '--kaggle', path.join(folder, 'x', '..', 'p.csv'))).toContain(
      '1 ArgumentError: --kaggle: expected another place than --out',
    );
    expect(await said('--patient', at('images'))).toContain(
      "2 error: option '--patient <DIR>' takes one value, and was given twice",
    );
    await mkdir(at('old/P1'), { recursive: true });
    expect(await said('--dicom-out', at('old'))).toContain(
      `1 ArgumentError: --dicom-out: expected a new or empty folder, received '${at('old')}', which contains P1`,
    );
  });

  it('writes DICOM of DICOM only', async () => {
    await mkdir(at('images'));
    const picture = sharp({ create: { width: 16, height: 16, channels: 3, background: '#777' } });
    await writeFile(path.join(at('images'), '049_1.png'), await picture.png().toBuffer());
    const { code, stderr } = await command(
      ...['predict', '--checkpoint', at('checkpoint'), '--patient', at('images'), '--backend', 'wasm'],
      ...['--image-window', 'brain', '--dicom-out', at('none')],
    );
    expect(`${code} ${stderr}`).toContain('1 ArgumentError: --dicom-out: expected a study of DICOM files');
  });

  it.each(['a command', 'its help'])('ends quietly where nobody reads on: %s', async (what) => {
    const rest = what === 'its help' ? ['--help'] : args();
    const child = spawn(process.execPath, [COMMANDS, 'predict', ...rest]);
    let stderr = '';
    child.stderr.on('data', (text: Buffer) => (stderr += String(text)));
    child.stdout.destroy(); // what head does once it has enough
    const code = await new Promise((done) => child.on('close', done));
    expect(stderr).not.toContain('EPIPE');
    expect(stderr).not.toContain('    at ');
    expect(code).toBe(0);
  });
});
