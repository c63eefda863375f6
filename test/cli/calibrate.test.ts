import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { CT_LABELS } from '../../src/data/labels/labels';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { saveCheckpoint } from '../../src/node/runs/checkpoint';
import { createPreprocessing } from '../../src/transforms/preprocessing';
import { command } from '../support/command';
import { temporaryFolder } from '../support/folder';
import { tinyBackbone } from '../support/memory_source';

describe('calibrate', { timeout: 120_000 }, () => {
  it('refuses a study without a single finding, and a place that is taken, before it computes', async () => {
    const folder = await temporaryFolder();
    const at = (...parts: string[]) => path.join(folder, ...parts);
    const model = buildCtBrainModel({ variant: 'VGG16', backbone: tinyBackbone(), seed: 1 });
    const preprocessing = createPreprocessing({ imageSize: [16, 16], clahe: false });
    await saveCheckpoint(at('run'), model, {
      ...{ labels: CT_LABELS, preprocessing, model: { variant: 'VGG16' } },
      thresholds: CT_LABELS.map(() => 0.3),
    });
    const names = ['ID_001/001_0.png', 'ID_002/002_0.png'];
    const picture = sharp({ create: { width: 16, height: 16, channels: 3, background: '#777' } });
    for (const name of names) {
      await mkdir(path.dirname(at('data/train', name)), { recursive: true });
      await writeFile(at('data/train', name), await picture.clone().png().toBuffer());
    }
    const rows = names.map((name) => [...name.split('/'), 0, 0, 0, 0, 0].join());
    await writeFile(at('data/train.csv'), ['dirname,ID,ich,ivh,sah,sdh,edh', ...rows, ''].join('\n'));
    const args = ['--checkpoint', at('run'), '--data', at('data'), '--backend', 'wasm', '--workers', '0'];
    const negative = await command('calibrate', ...args, '--out', at('out'));
    expect(`${negative.code} ${negative.stderr}`).toBe(
      `1 DataError: no patient has any of ${CT_LABELS.join(', ')}: nothing can be fitted on them (file ${at('data')})\n`,
    );
    expect((await readdir(folder)).sort()).toEqual(['data', 'run']);
    const taken = await command('calibrate', ...args, '--out', at('data/train.csv'));
    expect(`${taken.code} ${taken.stderr}`).toMatch(
      /^1 ArgumentError: --out: expected a new or empty folder, .*ENOTDIR/,
    );
  });
});
