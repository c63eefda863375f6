import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../../../src/base/errors';
import { cachedSource } from '../../../src/data/sources/cached_source';
import { subset, type PatientSource } from '../../../src/data/sources/patient_source';
import { unionSource } from '../../../src/data/sources/union_source';
import { openTrainingRun } from '../../../src/node/runs/training_run';
import { openStudy } from '../../../src/node/study/open_study';
import { writePhantomStudy } from '../../../src/node/study/phantom_study';
import { createPreprocessing } from '../../../src/transforms/preprocessing';
import { temporaryFolder } from '../../support/folder';
import { memorySource } from '../../support/memory_source';

const preprocessing = createPreprocessing({ imageSize: [16, 16], clahe: false });

/** A study of three patients, and the sources of a training on it, as the command makes them. */
async function study() {
  const folder = await temporaryFolder();
  const data = path.join(folder, 'data');
  await writePhantomStudy(data, { patients: 3, slices: 8, size: 32, seed: 1 });
  const image = (name: string) => path.join(data, 'train', name);
  const open = async (dir = data): Promise<Record<string, PatientSource>> => {
    const source = cachedSource(await openStudy(dir, { preprocessing }));
    return { train: subset(source, ['ID_001', 'ID_003']), validation: subset(source, ['ID_002']) };
  };
  const check = async (sources: Record<string, PatientSource>) => {
    const run = await openTrainingRun(path.join(folder, 'run'), { config: {}, resume: true });
    try {
      await run.checkStudy(sources);
    } finally {
      await run.close();
    }
  };
  return { folder, data, image, open, check, record: path.join(folder, 'run/study.json') };
}

describe('the record of a study in a run', () => {
  it('takes the same study again, and a copy of it elsewhere', async () => {
    const { folder, data, open, check, record } = await study();
    await check(await open());
    const text = await readFile(record, 'utf8');
    await check(await open());
    const copy = path.join(folder, 'elsewhere');
    await cp(data, copy, { recursive: true });
    await rm(data, { recursive: true });
    await check(await open(copy));
    expect(await readFile(record, 'utf8')).toBe(text);
  });

  it('refuses images that changed under the same names, naming the first, until it is deleted', async () => {
    const { image, open, check, record } = await study();
    await check(await open());
    for (const name of ['ID_003/003_2.png', 'ID_003/003_5.png', 'ID_002/002_2.png']) {
      await cp(image('ID_001/001_1.png'), image(name));
    }
    const found = check(await open());
    await expect(found).rejects.toThrow(CheckpointError);
    await expect(found).rejects.toThrow(
      /^the study has changed since the run began, in 2 of 3 patients; first, patient ID_003 has 2 of 8 images that are not the same, the first of slice 003_2\.png\. .* delete .*study\.json$/,
    );
    await rm(record);
    await check(await open());
    await check(await open());
  });

  it.each<[string, (place: string) => Promise<void>, RegExp]>([
    ['another label', async (data) => edit(data, (text) => text.replace(/^(ID_001.*)[01]$/m, (_, row: string) => `${row}${/1$/.test(_) ? 0 : 1}`)), /1 of 3 .* ID_001 has other slices or labels/],
    ['a slice that is gone', async (data) => edit(data, (text) => text.replace(/^ID_003,.*\n/m, '')), /ID_003 has other slices or labels/],
  ])('refuses %s', async (_, change, message) => {
    const { data, open, check } = await study();
    await check(await open());
    await change(data);
    await expect(open().then(check)).rejects.toThrow(message);
  }); // prettier-ignore

  it('refuses patients that came, went or changed sides', async () => {
    const { open, check } = await study();
    const { train, validation } = await open();
    await check({ train: train!, validation: validation! });
    await expect(check({ train: subset(train!, ['ID_001']), validation: validation! })).rejects.toThrow(
      /in 1 of 3 patients; first, patient ID_003 is missing from 'train'/,
    );
    await expect(check({ train: validation!, validation: train! })).rejects.toThrow(
      /in 6 of 6 patients; first, patient ID_001 is missing from 'train'/,
    );
  });

  it('is made by the next start of a run that has none, and is not of sources without fingerprints', async () => {
    const { open, check, record, folder } = await study();
    await check({ train: memorySource({ patients: ['p'], slices: 2 }) });
    expect(await readdir(path.join(folder, 'run'))).toEqual(['config.json']);
    await check(await open());
    expect(await readFile(record, 'utf8')).toContain('ID_001');
    await check({ train: memorySource({ patients: ['p'], slices: 2 }) });
    await writeFile(record, '{"format":"ct-multilabel study 9","study":{}}');
    await expect(check(await open())).rejects.toThrow(
      /expected the record of a study, 'ct-multilabel study 1'/,
    );
  });

  it('is of studies that are trained on together', async () => {
    const { image, open, check } = await study();
    const joined = async () => {
      const sources = await open();
      const memory = memorySource({ patients: ['p'], slices: 2, labels: [...sources['train']!.labels] });
      const named = { ...memory, preprocessing };
      return { train: unionSource([{ name: 'a', source: sources['train']! }, { name: 'b', source: named }]) };
    }; // prettier-ignore
    await check(await joined());
    await check(await joined());
    await cp(image('ID_001/001_2.png'), image('ID_001/001_1.png'));
    await expect(joined().then(check)).rejects.toThrow(
      /1 of 3 patients; first, patient a\/ID_001 has 1 of 8/,
    );
  });
});

async function edit(data: string, change: (text: string) => string): Promise<void> {
  const table = path.join(data, 'train.csv');
  const before = await readFile(table, 'utf8');
  const after = change(before);
  expect(after).not.toBe(before);
  await writeFile(table, after);
}
