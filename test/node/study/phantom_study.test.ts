import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CT_LABELS } from '../../../src/data/labels/labels';
import { makePhantomStudy } from '../../../src/data/phantom/phantom';
import { ArgumentError, DataError } from '../../../src/base/errors';
import { readPhantomStudy, writePhantomStudy } from '../../../src/node/study/phantom_study';

const options = { patients: 3, seed: 9, slices: 8, size: 40 };
let home: string;
let folder: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'phantom-'));
  folder = join(home, 'study');
});
afterEach(() => rm(home, { recursive: true }));

async function readGray(file: string) {
  const { channels, width, height } = await sharp(file).metadata();
  return { info: { channels, width, height }, data: await sharp(file).extractChannel(0).raw().toBuffer() };
}

describe('writePhantomStudy', () => {
  it('writes the table and the images of the challenge layout', async () => {
    const steps: string[] = [];
    const summary = await writePhantomStudy(folder, {
      ...options,
      onProgress: (done, all) => steps.push(`${done}/${all}`),
    });
    expect(steps).toEqual(['1/3', '2/3', '3/3']);
    expect((await readdir(folder)).sort()).toEqual(['phantom.json', 'train', 'train.csv']);
    const [header, ...rows] = (await readFile(join(folder, 'train.csv'), 'utf8')).trim().split('\n');
    expect(header).toBe('dirname,ID,ich,ivh,sah,sdh,edh');

    const study = [...makePhantomStudy(options)];
    expect(rows).toEqual(
      study.flatMap(({ id, labels }) =>
        labels.map((row, slice) => `${id},${id.slice(3)}_${slice}.png,${row.join(',')}`),
      ),
    );
    const positives = Object.fromEntries(
      CT_LABELS.map((label, k) => [
        label,
        study.flatMap(({ labels }) => labels).filter((row) => row[k] === 1).length,
      ]),
    );
    expect(summary).toEqual({ patients: 3, slices: 24, positives, reused: false });

    for (const { id, hu } of study) {
      expect((await readdir(join(folder, 'train', id))).length).toBe(8);
      const { data, info } = await readGray(join(folder, 'train', id, `${id.slice(3)}_5.png`));
      expect([info.width, info.height, info.channels]).toEqual([40, 40, 1]);
      const expected = [...hu.subarray(5 * 1600, 6 * 1600)].map((value) =>
        Math.min(Math.max((255 * (value + 20)) / 120, 0), 255),
      );
      expect(Math.max(...expected.map((value, i) => Math.abs(value - data[i]!)))).toBeLessThanOrEqual(0.501);
    }
  });

  it('writes JPEG and other windows', async () => {
    const window = { center: 600, width: 2800 };
    await writePhantomStudy(folder, { ...options, patients: 1, format: 'jpg', window });
    const { data, info } = await readGray(join(folder, 'train', 'ID_001', '001_4.jpg'));
    expect(info.channels).toBe(1);
    const { hu } = makePhantomStudy(options).patient(0);
    const expected = [...hu.subarray(4 * 1600, 5 * 1600)].map((value) =>
      Math.min(Math.max((255 * (value + 800)) / 2800, 0), 255),
    );
    const error = expected.reduce((sum, value, i) => sum + Math.abs(value - data[i]!), 0) / 1600;
    expect(error).toBeLessThan(4);
  });

  it('reuses a study of the same options, defaults spelled out or not', async () => {
    const first = await writePhantomStudy(folder, options);
    const before = (await stat(join(folder, 'train.csv'))).mtimeMs;
    const again = await writePhantomStudy(folder, {
      size: 40,
      slices: 8,
      seed: 9,
      patients: 3,
      difficulty: 0.3,
      format: 'png',
      window: { width: 120, center: 40 },
    });
    expect(again).toEqual({ ...first, reused: true });
    expect((await stat(join(folder, 'train.csv'))).mtimeMs).toBe(before);
  });

  it('fills an empty folder and refuses any other', async () => {
    await mkdir(folder);
    await writePhantomStudy(folder, { ...options, patients: 1 });
    await expect(writePhantomStudy(folder, { ...options, patients: 2 })).rejects.toThrow(/other options/);
    await expect(writePhantomStudy(folder, { ...options, patients: 1, seed: 8 })).rejects.toThrow(DataError);

    const foreign = join(home, 'photos');
    await mkdir(foreign);
    await writeFile(join(foreign, 'holiday.txt'), 'keep me');
    await expect(writePhantomStudy(foreign, options)).rejects.toThrow(/contains no phantom study.*photos/);
    expect(await readFile(join(foreign, 'holiday.txt'), 'utf8')).toBe('keep me');
    await writeFile(join(foreign, 'phantom.json'), '{"made"');
    await expect(writePhantomStudy(foreign, options)).rejects.toThrow(/cannot be read/);
    await expect(writePhantomStudy(join(foreign, 'holiday.txt'), options)).rejects.toThrow(
      /not a readable folder/,
    );
    expect((await readdir(home)).sort()).toEqual(['photos', 'study']);
  });

  it('leaves nothing behind when it ends half-way', async () => {
    const stop = new Error('the disk was pulled');
    const broken = writePhantomStudy(folder, {
      ...options,
      onProgress: (done) => {
        if (done === 2) throw stop;
      },
    });
    await expect(broken).rejects.toBe(stop);
    expect(await readdir(home)).toEqual([]);
    expect((await writePhantomStudy(folder, options)).reused).toBe(false);
  });

  it.each([
    [{ format: 'gif' }, /writePhantomStudy: format.*gif/],
    [{ window: { center: 40, width: 0 } }, /window/],
    [{ window: { center: NaN, width: 80 } }, /window/],
    [{ window: null }, /window/],
    [{ onProgress: true }, /onProgress/],
    [{ patients: 0 }, /patients/],
    [{ slices: 100 }, /slices/],
    [{ colour: 1 }, /unknown option 'colour'/],
  ])('refuses %j and writes nothing', async (bad, message) => {
    const call = writePhantomStudy(folder, { ...options, ...bad } as never);
    await expect(call).rejects.toThrow(ArgumentError);
    await expect(call).rejects.toThrow(message);
    expect(await readdir(home)).toEqual([]);
  });

  it('refuses an empty path', async () => {
    await expect(writePhantomStudy('', options)).rejects.toThrow(/folder/);
  });
});

describe('readPhantomStudy', () => {
  it('makes the same patients again, masks and all', async () => {
    const study = { ...options, patients: 2, difficulty: 0.6, prevalence: { ich: 1, edh: 0.9 } };
    await writePhantomStudy(folder, study);
    expect([...(await readPhantomStudy(folder))]).toEqual([...makePhantomStudy(study)]);
  });

  it('refuses other folders, and studies of another version', async () => {
    await expect(readPhantomStudy(folder)).rejects.toThrow(DataError);
    const record = (made: unknown) => writeFile(join(folder, 'phantom.json'), JSON.stringify({ made }));
    await mkdir(folder);
    for (const made of [
      undefined,
      7,
      '{',
      '{"version":1}',
      JSON.stringify({ ...options, version: 1, prevalence: [1] }),
    ]) {
      await record(made);
      await expect(readPhantomStudy(folder)).rejects.toThrow(
        /expected a phantom study that can be generated again.*phantom\.json/,
      );
    }
    await record('{"version":2}');
    await expect(readPhantomStudy(folder)).rejects.toThrow('version 2, expected 1');
  });
});
