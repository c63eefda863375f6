import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writePhantomStudy } from '../../src/node/study/phantom_study';
import { dicomStudy } from '../node/study/dicom_study';
import '../../src/index';
import { loadCheckpoint, saveCheckpoint } from '../../src/node/runs/checkpoint';
import { command } from '../support/command';

const TINY = [
  '--backbone',
  'squeezenet1_1',
  '--image-size',
  '32',
  '--pretrain-epochs',
  '1',
  '--warm-up-epochs',
  '2',
  '--backend',
  'wasm',
];

/** A training of seconds may end with a model that finds nothing: it then says so, and exits with 3. */
const TRAINED = /^(0 $|3 \s*Warning: on the validation patients)/;

describe('the examples, from a folder of patients to a submission', { timeout: 240_000 }, () => {
  let folder: string;
  let data: string;
  let trained: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'ct-multilabel-'));
    data = path.join(folder, 'data');
    trained = path.join(folder, 'run');
    await writePhantomStudy(data, { patients: 5, slices: 8, size: 40, seed: 3 });
    const { code, stdout, stderr } = await command(
      'train',
      ...['--data', data, '--out', trained, ...TINY, '--epochs', '1', '--validation-fraction', '0.4'],
    );
    expect(`${code} ${stderr}`).toMatch(TRAINED);
    expect(stdout).toMatch(/pretrain epoch 1: loss/);
    expect(stdout).toMatch(/patients epoch 1: loss/);
    expect(stdout).toMatch(/all positive/);
  }, 240_000);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('training leaves checkpoint, history, predictions and configuration', async () => {
    for (const file of [
      'best/model.json',
      'last/state.json',
      'history.csv',
      'predictions.csv',
      'config.json',
    ]) {
      expect(existsSync(path.join(trained, file)), file).toBe(true);
    }
    const config = JSON.parse(await readFile(path.join(trained, 'config.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    expect(config).toMatchObject({
      model: { variant: 'VGG16 + LRNN + SDL(GRU)' },
      preprocessing: { imageSize: [32, 32] },
    });
    const predictions = (await readFile(path.join(trained, 'predictions.csv'), 'utf8')).trim().split('\n');
    expect(predictions[0]).toBe('dirname,ID,ich,ivh,sah,sdh,edh');
    expect(predictions).toHaveLength(1 + 2 * 8);
  });

  it('resumes with more epochs, and refuses a used folder without --resume', async () => {
    const again = ['--data', data, '--out', trained, ...TINY, '--validation-fraction', '0.4'];
    const refused = await command('train', ...again, '--epochs', '2');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/CheckpointError: .*expected a new or empty folder/);
    const resumed = await command('train', ...again, '--epochs', '2', '--resume');
    expect(`${resumed.code} ${resumed.stderr}`).toMatch(TRAINED);
    expect(resumed.stdout).not.toMatch(/pretrain epoch/);
    expect(resumed.stdout).toMatch(/patients epoch 2: loss/);
    const history = await readFile(path.join(trained, 'history.csv'), 'utf8');
    const stages = history
      .trim()
      .split('\n')
      .slice(1)
      .map((row) => row.split(',')[0]);
    expect(stages).toEqual(['pretrain', 'warm-up', 'warm-up', 'patients', 'patients']);
    const ended = await command('train', ...again, '--epochs', '2', '--resume', '--json');
    expect(ended.stderr).toContain(`${trained} was already complete: nothing was trained`);
    const scores = JSON.parse(ended.stdout) as { validation: { f2: number }; checkpoint: string };
    expect(scores.checkpoint).toBe(trained);
    expect(resumed.stdout).toContain(scores.validation.f2.toFixed(3));
    // a label of a patient who has it on other slices too, so that the split stays the same
    const table = path.join(data, 'train.csv');
    const text = await readFile(table, 'utf8');
    const rows = text
      .trim()
      .split('\n')
      .map((row) => row.split(','));
    const twice = (i: number, l: number) => rows[i]![l] === '1' && rows[i - 1]![0] === rows[i]![0] && rows[i - 1]![l] === '1'; // prettier-ignore
    const [i, l] = rows.flatMap((row, at) => row.map((_, column) => [at, column] as const)).find(([at, column]) => at > 1 && column > 1 && twice(at, column))!; // prettier-ignore
    rows[i]![l] = '0';
    await writeFile(table, rows.map((row) => `${row.join()}\n`).join(''));
    const other = await command('train', ...again, '--epochs', '3', '--resume');
    await writeFile(table, text);
    expect(`${other.code} ${other.stderr}`).toMatch(
      /^1 CheckpointError: .*run: the run to resume was trained on other slices or labels/,
    );
    const [patient] = await readdir(path.join(data, 'train'));
    const [first, second] = (await readdir(path.join(data, 'train', patient!))).map((name) => path.join(data, 'train', patient!, name)); // prettier-ignore
    const picture = await readFile(first!);
    await cp(second!, first!);
    const repainted = await command('train', ...again, '--epochs', '3', '--resume');
    await writeFile(first!, picture);
    expect(`${repainted.code} ${repainted.stderr}`).toMatch(
      /^1 CheckpointError: the study has changed since the run began, in 1 of 5 patients; first, patient ID_001 has 1 of 8 images/,
    );
    const none = await command('train', ...again, '--out', path.join(folder, 'none'), '--resume');
    // a start that fails at its first slice leaves the place free
    const broken = path.join(folder, 'broken');
    await cp(data, broken, { recursive: true });
    for (const patient of await readdir(path.join(broken, 'train'))) {
      for (const name of await readdir(path.join(broken, 'train', patient))) {
        await writeFile(path.join(broken, 'train', patient, name), 'no image');
      }
    }
    const failed = await command('train', '--data', broken, '--out', path.join(folder, 'fails'), ...TINY);
    expect(`${failed.code} ${failed.stderr}`).toMatch(/^1 DataError/);
    expect(await readdir(folder)).not.toContain('fails');
    expect(none.stderr).toMatch(/^ArgumentError: --resume: there is no run in .*none'/);
  });

  it('predicts one patient, with a table on the screen', async () => {
    const { code, stdout, stderr } = await command(
      'predict',
      ...['--checkpoint', trained, '--patient', path.join(data, 'train/ID_002')],
    );
    expect(`${code} ${stderr}`).toBe('0 ');
    expect(stdout).toMatch(/ID_002\nslice +ich +ivh +sah +sdh +edh +found/);
    expect(stdout).toMatch(/002_7\.png( +\d\.\d{3}){5}/);
  });

  it('predicts a whole folder without labels, into both tables', async () => {
    const unlabelled = path.join(folder, 'unlabelled');
    await cp(data, unlabelled, { recursive: true });
    await rm(path.join(unlabelled, 'train.csv'));
    const [out, kaggle] = [path.join(folder, 'p.csv'), path.join(folder, 'k.csv')];
    const { code, stdout, stderr } = await command(
      'predict',
      ...[
        '--checkpoint',
        path.join(trained, 'best'),
        '--data',
        unlabelled,
        '--out',
        out,
        '--kaggle',
        kaggle,
        '--quiet',
      ],
    );
    expect(`${code} ${stderr}`).toBe('0 ');
    expect(stdout.trim()).toBe('40 slices of 5 patients');
    const rows = (await readFile(out, 'utf8')).trim().split('\n').slice(1);
    expect(rows).toHaveLength(40);
    expect(rows[9]).toMatch(/^ID_002,002_1\.png(,(0|1|0\.\d+|\d(\.\d+)?e-\d+)){5}$/);
    const submission = (await readFile(kaggle, 'utf8')).trim().split('\n');
    expect(submission).toHaveLength(1 + 40 * 5);
    expect(submission[0]).toBe('ID,prediction');
    // decisions are the probabilities against the thresholds that the training fitted
    const { manifest, model } = await loadCheckpoint(trained);
    model.dispose();
    const probabilities = rows.flatMap((row) => row.split(',').slice(2).map(Number));
    expect(submission.slice(1).map((line) => Number(line.split(',')[1]))).toEqual(
      probabilities.map((p, i) => (p >= Math.fround(manifest.thresholds[i % 5]!) ? 1 : 0)),
    );
    expect(submission[1]).toMatch(/^001_0_ich,[01]$/);
  });

  it('applies the calibration of the checkpoint', async () => {
    const calibrated = path.join(folder, 'calibrated');
    const plainFolder = path.join(folder, 'plain');
    const [scale, offset] = [[2, 2, 2, 2, 2], [1, -1, 0, 0.5, 3]]; // prettier-ignore
    const { manifest, model } = await loadCheckpoint(trained);
    const { calibration: _, ...description } = manifest;
    await saveCheckpoint(plainFolder, model, description);
    const calibration = { method: 'platt' as const, scale: scale!, offset: offset! };
    await saveCheckpoint(calibrated, model, { ...description, calibration });
    model.dispose();
    const predicted: number[][] = [];
    for (const checkpoint of [plainFolder, calibrated]) {
      const out = path.join(folder, 'one.csv');
      const patient = ['--patient', path.join(data, 'train/ID_002')];
      const { code, stderr } = await command('predict', '--checkpoint', checkpoint, ...patient, '--out', out);
      expect(`${code} ${stderr}`).toBe('0 ');
      const rows = (await readFile(out, 'utf8')).trim().split('\n').slice(1);
      predicted.push(rows.flatMap((row) => row.split(',').slice(2).map(Number)));
    }
    const [plain, after] = predicted as [number[], number[]];
    expect(after).toHaveLength(8 * 5);
    plain.forEach((p, i) => {
      const logit = scale![i % 5]! * Math.log(p / (1 - p)) + offset![i % 5]!;
      expect(after[i]).toBeCloseTo(1 / (1 + Math.exp(-logit)), 4);
    });
  });

  it('names file, row and patient of bad input, in one line', async () => {
    const bad = path.join(folder, 'bad');
    await cp(data, bad, { recursive: true });
    await writeFile(
      path.join(bad, 'train.csv'),
      'dirname,ID,ich,ivh,sah,sdh,edh\nID_001,001_0.png,0,2,0,0,0\n',
    );
    const { code, stderr } = await command(
      'train',
      '--data',
      bad,
      '--out',
      path.join(folder, 'none'),
      ...TINY,
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/^DataError: .*ivh.*train\.csv, row 2, patient ID_001, slice 001_0\.png\)\n$/);
    expect(existsSync(path.join(folder, 'none'))).toBe(false);
  });

  it('inspects a folder: what is in it, what is odd, and a picture', async () => {
    const sheet = path.join(folder, 'sheet.png');
    const { code, stdout, stderr } = await command(
      'inspect',
      '--data',
      data,
      '--sheet',
      sheet,
      '--duplicates',
    );
    expect(`${code} ${stderr}`).toBe('0 ');
    expect(stdout).toMatch(/: challenge layout, JPEG or PNG images\n5 patients, 40 slices\n/);
    expect(stdout).toMatch(/rows x columns, by each patient's first slice: 40 x 40 \(5 patients\)/);
    expect(stdout).toMatch(/slices with both +ich +ivh +sah +sdh +edh\n/);
    expect(stdout).toMatch(/equal slices across patients: none/);
    expect(stdout).toMatch(/sheet\.png: 40 slices of 5 patients, \d+ x \d+ pixels\n$/);
    expect((await readFile(sheet)).subarray(1, 4).toString()).toBe('PNG');
    const missing = await command('inspect', '--data', data, '--sheet', sheet, '--table', 'none.csv');
    expect(missing.stderr).toMatch(/^DataError: the table is missing: none\.csv/);
  });

  it('shows where a model looked, and checks that against the lesions of a synthetic study', async () => {
    const where = path.join(folder, 'where.png');
    const common = ['--checkpoint', trained, '--data', data, '--out', where];
    const { code, stdout, stderr } = await command('explain', ...common, '--phantom');
    expect(`${code} ${stderr}`).toBe('0 ');
    // eight captions, each with the label, are wider than the slices and the title
    expect(stdout).toMatch(/where\.png: 8 slices of ID_00\d, 752 x \d+ pixels\n/);
    expect(stdout).toMatch(/inside a lesion, on 5 patients used for training\n/);
    expect(stdout).toMatch(/\nich +\d+ +\d\.\d{3} +\d\.\d{3} +/);
    expect((await readFile(where)).subarray(1, 4).toString()).toBe('PNG');
    const slice = await command('explain', ...common, '--patient', 'ID_002', '--slice', '3');
    expect(`${slice.code} ${slice.stderr}`).toBe('0 ');
    expect(slice.stdout).toMatch(/contribution to ich on slice 3 +logit\n/);
    expect(slice.stdout).toMatch(/002_2\.png \(itself\) +-?\d+\.\d{3}\n/);
  });

  it("takes DICOM with RSNA's table from inspection to a submission", async () => {
    const [study, dicomRun] = [path.join(folder, 'rsna'), path.join(folder, 'dicom run')];
    const { files } = dicomStudy({ patients: 4, slices: 8, size: 40, seed: 5 });
    await mkdir(path.join(study, 'stage_2_train'), { recursive: true });
    for (const [name, content] of Object.entries(files)) await writeFile(path.join(study, name), content);

    const sheet = path.join(folder, 'dicom sheet.png');
    const inspected = await command('inspect', '--data', study, '--labels', 'rsna', '--sheet', sheet);
    expect(`${inspected.code} ${inspected.stderr}`).toBe('0 ');
    expect(inspected.stdout).toMatch(/: dicom layout, DICOM\n4 patients, 32 slices\n/);
    expect(inspected.stdout).toMatch(/ID_001 +- +8 +40 x 40 +5\.00 x 0\.50 x 0\.40 +0\.0\n/);
    expect(inspected.stdout).toMatch(/any +\d+/);

    const trained = await command(
      'train',
      ...['--data', study, '--out', dicomRun, ...TINY, '--epochs', '1', '--validation-fraction', '0.5'],
      ...['--labels', 'rsna', '--windows', 'brain,subdural', '--neighbors', '1', '--cache', '0'],
      ...['--cache-dir', path.join(folder, 'cache'), '--workers', '2'],
    );
    expect(`${trained.code} ${trained.stderr}`).toMatch(TRAINED);

    const submission = path.join(folder, 'rsna.csv');
    const predicted = await command(
      'predict',
      ...['--checkpoint', dicomRun, '--data', study, '--rsna', submission, '--quiet'],
    );
    expect(`${predicted.code} ${predicted.stderr}`).toBe('0 ');
    const rows = (await readFile(submission, 'utf8')).trim().split('\n');
    expect(rows).toHaveLength(1 + 32 * 6);
    expect(rows[1]).toMatch(/^ID_[0-9a-f]+_epidural,\d/);
  });

  it('trains and predicts patients as wholes', async () => {
    const [wholeRun, out] = [path.join(folder, 'whole run'), path.join(folder, 'patients.csv')];
    const trained = await command(
      'train',
      ...['--data', data, '--out', wholeRun, ...TINY, '--pretrain-epochs', '0', '--epochs', '1'],
      ...['--validation-fraction', '0.4', '--output', 'patient', '--pooling', 'attention'],
    );
    expect(`${trained.code} ${trained.stderr}`).toMatch(TRAINED);
    expect(trained.stdout).toMatch(
      /F2 on 2 validation patients, used to choose epochs and thresholds, not to train, per patient/,
    );
    const predicted = await command('predict', '--checkpoint', wholeRun, '--data', data, '--out', out);
    expect(`${predicted.code} ${predicted.stderr}`).toBe('0 ');
    expect(predicted.stdout).toMatch(/5 patients\n$/);
    expect((await readFile(out, 'utf8')).split('\n')[0]).toBe('patient,ich,ivh,sah,sdh,edh');
  });

  it('explains itself and what it cannot read', async () => {
    const help = await command('train', '--help');
    expect(help.code).toBe(0);
    expect(help.stdout).toMatch(/--clahe, --no-clahe +equalise contrast/);
    const typo = await command('train', '--dat', 'x');
    expect(typo.code).toBe(2);
    expect(typo.stderr).toMatch(/unknown option '--dat'\n\(Did you mean --data\?\)/);
    const without = await command('train');
    expect(`${without.code} ${without.stderr}`).toMatch(
      /^2 error: required option '--data <DIR>' not specified/,
    );
    const both = await command('predict', '--checkpoint', trained, '--patient', 'a', '--data', 'b');
    expect(both.code).toBe(2);
    const number = await command('train', '--data', data, '--epochs', 'ten');
    expect(number.code).toBe(2);
    expect(number.stderr).toMatch(/^error: --epochs: expected an integer of at least 0, received 'ten'\n/);
  });
});
