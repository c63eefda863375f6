import { existsSync } from 'node:fs';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { CT_LABELS } from '../../../src/data/labels/labels';
import { disposeStack, patientLabels, prefetchPatients } from '../../../src/data/sources/patient_source';
import { ArgumentError, DataError } from '../../../src/base/errors';
import {
  openKaggleFolder,
  openPatientFolder,
  type KaggleFolderOptions,
} from '../../../src/node/study/kaggle_folder';
import { openStudy } from '../../../src/node/study/open_study';
import { createPreprocessing, preprocess } from '../../../src/transforms/preprocessing';
import { expectClose, expectNoLeakAsync, relativeError } from '../../support/matchers';
import { temporaryFolder } from '../../support/folder';
import { flatPng, PNG_COLOR, pngBytes } from '../../support/png';

const preprocessing = createPreprocessing({ imageSize: [4, 6], clahe: false });
const options: KaggleFolderOptions = { preprocessing };
const HEADER = 'dirname,ID,ich,ivh,sah,sdh,edh';

/** Two patients; slice N of ID_1 is flat at gray 10 * N, and slices differ in size. */
const STUDY: Record<string, string | Uint8Array> = {
  'train.csv': [
    HEADER,
    'ID_1,1_10.png,0,0,0,0,1',
    'ID_2,2_0.png,0,1,0,0,0',
    'ID_1,1_2.png,1,0,0,0,0',
    'ID_1,1_0.png,0,0,0,0,0',
    '',
  ].join('\n'),
  'train/ID_1/1_0.png': flatPng(8, 8, 0),
  'train/ID_1/1_2.png': flatPng(12, 10, 20),
  'train/ID_1/1_10.png': flatPng(6, 4, 100),
  'train/ID_2/2_0.png': flatPng(8, 8, 255),
};

/** The study with other files; `undefined` leaves one out. */
async function study(changes: Record<string, string | Uint8Array | undefined> = {}): Promise<string> {
  const files = Object.entries({ ...STUDY, ...changes }).filter(
    (entry): entry is [string, string | Uint8Array] => entry[1] !== undefined,
  );
  return temporaryFolder(Object.fromEntries(files));
}

describe('openKaggleFolder', () => {
  it('knows names and labels, slices in order of their number', async () => {
    const folder = await openKaggleFolder(await study(), options);
    expect(folder.labels).toEqual(CT_LABELS);
    expect(folder.patients).toEqual(['ID_1', 'ID_2']);
    expect(folder.sliceNames('ID_1')).toEqual(['1_0.png', '1_2.png', '1_10.png']);
    expect(folder.sliceLabels('ID_1')).toEqual([
      [0, 0, 0, 0, 0],
      [1, 0, 0, 0, 0],
      [0, 0, 0, 0, 1],
    ]);
    expect(patientLabels(folder, 'ID_1')).toEqual([1, 0, 0, 0, 1]);
    expect(folder.unlisted).toEqual([]);
    expect(folder.preprocessing).toEqual(preprocessing);
  });

  it('decodes a patient, slices of different sizes brought to one', async () => {
    const folder = await openKaggleFolder(await study(), options);
    const stack = await folder.load('ID_1');
    expect(stack.patient).toBe('ID_1');
    expect(stack.slices).toEqual(['1_0.png', '1_2.png', '1_10.png']);
    expect(stack.images.shape).toEqual([3, 4, 6, 1]);
    expectClose(tf.mean(stack.images, [1, 2, 3]), [0, 20 / 255, 100 / 255], 1e-5);
    expect(stack.labels!.shape).toEqual([3, 5]);
    expect(await stack.labels!.array()).toEqual(folder.sliceLabels('ID_1'));
    disposeStack(stack);
  });

  it('decodes chosen slices, in the order asked for', async () => {
    const folder = await openKaggleFolder(await study(), options);
    const stack = await folder.loadSlices('ID_1', [2, 0]);
    expect(stack.slices).toEqual(['1_10.png', '1_0.png']);
    expectClose(tf.mean(stack.images, [1, 2, 3]), [100 / 255, 0], 1e-5);
    expect(await stack.labels!.array()).toEqual([
      [0, 0, 0, 0, 1],
      [0, 0, 0, 0, 0],
    ]);
    disposeStack(stack);
    await expect(folder.loadSlices('ID_1', [])).rejects.toThrow(/indices.*at least one/);
    await expect(folder.loadSlices('ID_1', [3])).rejects.toThrow(/indices.*0 to 2.*3/);
    await expect(folder.loadSlices('ID_1', [0.5])).rejects.toThrow(ArgumentError);
  });

  it('applies the preprocessing, CLAHE before the resize', async () => {
    const clahe = createPreprocessing({ imageSize: [16, 16], clahe: { clipLimit: 2, tileGridSize: [2, 2] } });
    const ramp = Array.from({ length: 32 }, (_, y) =>
      Array.from({ length: 32 }, (_, x) => 60 + x + y * (x % 3)),
    );
    const dir = await study({ 'train/ID_2/2_0.png': pngBytes(32, 32, 8, PNG_COLOR.gray, ramp) });
    const folder = await openKaggleFolder(dir, { preprocessing: clahe });
    const stack = await folder.load('ID_2');
    const pixels = tf.div(tf.tensor2d(ramp), 255) as tf.Tensor2D;
    const expected = preprocess(pixels, clahe);
    expectClose(stack.images, expected, 1e-6);
    const unequalised = preprocess(pixels, { ...clahe, clahe: false });
    expect(relativeError(stack.images, unequalised)).toBeGreaterThan(0.05);
    disposeStack(stack);
    tf.dispose([pixels, expected, unequalised]);
  });

  it('leaves no tensor behind', async () => {
    const folder = await openKaggleFolder(await study(), options);
    await expectNoLeakAsync(async () => ({ ...(await folder.load('ID_1')) }));
    await expectNoLeakAsync(async () => ({ ...(await folder.loadSlices('ID_1', [1])) }));
  });

  it('leaves no tensor behind when a slice cannot be decoded, and says which', async () => {
    const broken = flatPng(8, 8, 3).subarray(0, 50);
    const folder = await openKaggleFolder(await study({ 'train/ID_1/1_2.png': broken }), options);
    const before = tf.memory().numTensors;
    await expect(folder.load('ID_1')).rejects.toThrow(
      /truncated.*file .*1_2\.png, patient ID_1, slice 1_2\.png, row 4/,
    );
    expect(tf.memory().numTensors).toBe(before);
    // the others are not touched by it
    const turns: string[] = [];
    const run = async () => {
      for await (const stack of prefetchPatients(folder, ['ID_2', 'ID_1'])) {
        turns.push(stack.patient);
        disposeStack(stack);
      }
    };
    await expect(run()).rejects.toThrow(DataError);
    expect(turns).toEqual(['ID_2']);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('takes a byte order mark, CRLF, quotes, spaces, blank lines and any column order', async () => {
    const table = [
      '\ufeff"ID", edh,sdh,sah,ivh,ich,dirname',
      '"1_0.png",0,0,0,0,1,ID_1',
      '',
      '1_2.png , 1,0,0,0,0, "ID_1"',
      '',
      '',
    ].join('\r\n');
    const folder = await openKaggleFolder(
      await study({ 'train.csv': table.replace(', "ID_1"', ',"ID_1"') }),
      options,
    );
    expect(folder.sliceLabels('ID_1')).toEqual([
      [1, 0, 0, 0, 0],
      [0, 0, 0, 0, 1],
    ]);
  });

  it('finds images of an ID without ending, also .JPG and .jpeg', async () => {
    const folder = await openKaggleFolder(
      await study({
        'train.csv': `${HEADER}\nID_3,3_0,0,0,0,0,0\nID_3,3_1,0,0,0,0,0\nID_3,3_2,0,0,0,0,0`,
        'train/ID_3/3_0.PNG': flatPng(8, 8, 1),
        'train/ID_3/3_1.jpeg': flatPng(8, 8, 2),
        'train/ID_3/3_2.jpg': flatPng(8, 8, 3),
      }),
      options,
    );
    expect(folder.sliceNames('ID_3')).toEqual(['3_0', '3_1', '3_2']);
    const stack = await folder.load('ID_3');
    expectClose(tf.mean(stack.images, [1, 2, 3]), [1 / 255, 2 / 255, 3 / 255], 1e-5);
    disposeStack(stack);
  });

  it('reports what no row mentions', async () => {
    const folder = await openKaggleFolder(
      await study({
        'train/ID_1/1_3.png': flatPng(8, 8, 1),
        'train/ID_1/notes.txt': 'x',
        'train/ID_9/9_0.png': flatPng(8, 8, 1),
        'train/.hidden': 'x',
        'train/list.txt': 'x',
      }),
      options,
    );
    expect(folder.unlisted).toEqual(
      ['ID_1/1_3.png', 'ID_1/notes.txt', 'ID_9', 'list.txt'].map((name) => join('train', name)),
    );
    expect(folder.patients).toEqual(['ID_1', 'ID_2']);
  });

  it('takes other names and other labels', async () => {
    const folder = await openKaggleFolder(
      await study({
        'tables/t.csv': 'dirname,ID,b,a\nP,p_0.png,1,0',
        'pictures/P/p_0.png': flatPng(8, 8, 1),
      }),
      { ...options, table: 'tables/t.csv', images: 'pictures', labels: ['a', 'b'] },
    );
    expect(folder.labels).toEqual(['a', 'b']);
    expect(folder.sliceLabels('P')).toEqual([[0, 1]]);
  });
});

describe('openKaggleFolder: bad studies', () => {
  const cases: [string, Record<string, string | Uint8Array | undefined>, RegExp][] = [
    ['no table', { 'train.csv': undefined }, /table is missing: train\.csv or stage_2_train\.csv or /],
    ['an empty table', { 'train.csv': '' }, /table is empty.*train\.csv/],
    ['a blank table', { 'train.csv': '\r\n\r\n' }, /table is empty.*train\.csv/],
    ['a header alone', { 'train.csv': `${HEADER}\n` }, /no slice.*train\.csv/],
    [
      'a table in another encoding',
      { 'train.csv': Buffer.from([0xff, 0xfe, 0x41, 0]) },
      /not CSV text in UTF-8/,
    ],
    ['an open quote', { 'train.csv': `${HEADER}\n"ID_1,1_0.png,0,0,0,0,0\n` }, /not CSV text.*[Qq]uote/],
    ['a table without labels', { 'train.csv': 'dirname,ID\nID_1,1_0.png' }, /missing column "ich".*row 1/],
    [
      'a bad label',
      { 'train.csv': `${HEADER}\nID_1,1_0.png,0,0,0,0,7` },
      /label edh: expected 0 or 1, found "7" \(file .*train\.csv, row 2, patient ID_1, slice 1_0\.png\)/,
    ],
    [
      'a duplicate row',
      { 'train.csv': `${HEADER}\nID_1,1_0.png,0,0,0,0,0\nID_1,1_0.png,0,0,0,0,0` },
      /already in row 2 \(file .*train\.csv, row 3, patient ID_1, slice 1_0\.png\)/,
    ],
    [
      'a row whose file is missing',
      { 'train/ID_1/1_2.png': undefined },
      /no image file in .*ID_1 \(file .*train\.csv, row 4, patient ID_1, slice 1_2\.png\)/,
    ],
    [
      'a row whose folder is missing',
      { 'train/ID_2/2_0.png': undefined },
      /patient has no folder in .*train \(file .*train\.csv, row 3, patient ID_2, slice 2_0\.png\)/,
    ],
    [
      'an ID with two files',
      { 'train.csv': `${HEADER}\nID_1,1_0,0,0,0,0,0`, 'train/ID_1/1_0.jpg': flatPng(4, 4, 1) },
      /several image files: 1_0\.jpg, 1_0\.png \(.*row 2, patient ID_1, slice 1_0\)/,
    ],
    [
      'a file where a patient folder should be',
      { 'train.csv': `${HEADER}\nID_3,3_0.png,0,0,0,0,0`, 'train/ID_3': 'x' },
      /expected a folder.*ID_3 is a file.*row 2, patient ID_3/,
    ],
    [
      'a folder in the place of an image',
      { 'train.csv': `${HEADER}\nID_3,3_0.png,0,0,0,0,0`, 'train/ID_3/3_0.png/x': 'x' },
      /expected an image file.*but .*3_0\.png is not a file.*row 2, patient ID_3, slice 3_0\.png/,
    ],
    [
      'a line end in a patient name',
      { 'train.csv': `${HEADER}\n"ID\n1",1_0.png,0,0,0,0,0` },
      /patient name "ID\\n1" has a line end or another control character.*row 2, patient ID\\u000a1/,
    ],
    [
      'a path in a patient name',
      { 'train.csv': `${HEADER}\n../train/ID_1,1_0.png,0,0,0,0,0` },
      /patient name "\.\.\/train\/ID_1" is a path.*row 2/,
    ],
    [
      'a path in a slice name',
      { 'train.csv': `${HEADER}\nID_1,../ID_2/2_0.png,0,0,0,0,0` },
      /slice name "\.\.\/ID_2\/2_0\.png" is a path.*row 2, patient ID_1/,
    ],
  ];
  it.each(cases)('refuses %s', async (_, changes, message) => {
    const dir = await study(changes);
    const error: unknown = await openKaggleFolder(dir, options).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DataError);
    expect((error as DataError).message).toMatch(message);
  });

  it('refuses links that lead out of the data folder, and follows those inside', async () => {
    const outside = await temporaryFolder({ 'ID_3/3_0.png': flatPng(8, 8, 1), 't.csv': HEADER });
    const row = `${HEADER}\nID_3,3_0.png,0,0,0,0,0`;

    const folderOut = await study({ 'train.csv': row });
    await symlink(join(outside, 'ID_3'), join(folderOut, 'train/ID_3'));
    await expect(openKaggleFolder(folderOut, options)).rejects.toThrow(
      /leads out of the data folder.*row 2, patient ID_3/,
    );
    await expect(
      openKaggleFolder(folderOut, { ...options, requireLabels: false, table: false }),
    ).rejects.toThrow(/leads out of the data folder.*patient ID_3/);

    const fileOut = await study({ 'train.csv': row, 'train/ID_3/x.txt': '' });
    await symlink(join(outside, 'ID_3/3_0.png'), join(fileOut, 'train/ID_3/3_0.png'));
    await expect(openKaggleFolder(fileOut, options)).rejects.toThrow(
      /leads out of the data folder.*row 2, patient ID_3, slice 3_0\.png/,
    );

    const imagesOut = await temporaryFolder({ 'train.csv': row });
    await symlink(outside, join(imagesOut, 'train'));
    await expect(openKaggleFolder(imagesOut, options)).rejects.toThrow(/leads out of the data folder/);

    const tableOut = await study({ 'train.csv': undefined });
    await symlink(join(outside, 't.csv'), join(tableOut, 'train.csv'));
    await expect(openKaggleFolder(tableOut, options)).rejects.toThrow(/leads out of the data folder/);
    await expect(openKaggleFolder(tableOut, { ...options, table: '../../etc/passwd' })).rejects.toThrow(
      DataError,
    );

    // asked for, they are read: whole patients, single files, the folder of images
    for (const dir of [folderOut, fileOut, imagesOut]) {
      const followed = await openKaggleFolder(dir, { ...options, followLinks: true });
      expect(followed.patients).toEqual(['ID_3']);
      disposeStack(await followed.load('ID_3'));
      await expect(openStudy(dir, options)).rejects.toThrow(/followLinks \(--follow-links\) to read it/);
      expect((await openStudy(dir, { ...options, followLinks: true })).patients).toEqual(['ID_3']);
    }
    await expect(
      openKaggleFolder(folderOut, { ...options, followLinks: true, table: '../t.csv' }),
    ).rejects.toThrow(/leads out of the data folder/);

    const insideLink = await study({ 'train.csv': row, 'train/ID_3/x.txt': '' });
    await symlink(join(insideLink, 'train/ID_2/2_0.png'), join(insideLink, 'train/ID_3/3_0.png'));
    const folder = await openKaggleFolder(insideLink, options);
    const stack = await folder.load('ID_3');
    expectClose(tf.mean(stack.images), [1], 1e-5);
    disposeStack(stack);
  });

  it('opens a data folder that is itself a link', async () => {
    const dir = await study();
    const parent = await temporaryFolder();
    await symlink(dir, join(parent, 'data'));
    expect((await openKaggleFolder(join(parent, 'data'), options)).patients).toEqual(['ID_1', 'ID_2']);
  });

  it('refuses a missing data folder and a file', async () => {
    const dir = await study();
    await expect(openKaggleFolder(join(dir, 'no'), options)).rejects.toThrow(
      /cannot be opened: it does not exist.*file .*no/,
    );
    await expect(openKaggleFolder(join(dir, 'train.csv'), options)).rejects.toThrow(
      /cannot be opened: expected a folder, found a file/,
    );
  });

  it.each([
    ['no preprocessing', {} as KaggleFolderOptions, /preprocessing.*createPreprocessing/],
    ['a wrong preprocessing', { preprocessing: { ...preprocessing, imageSize: [0, 4] } }, /imageSize/],
    ['repeated labels', { preprocessing, labels: ['a', 'a'] }, /labels.*distinct/],
    ['an absolute images folder', { preprocessing, images: '/etc' }, /images.*inside the data folder.*\/etc/],
    ['required labels without table', { preprocessing, table: false }, /table.*labels are required/],
  ] as [string, KaggleFolderOptions, RegExp][])('refuses %s', async (_, bad, message) => {
    const run = openKaggleFolder(await study(), bad);
    await expect(run).rejects.toThrow(ArgumentError);
    await expect(run).rejects.toThrow(message);
  });

  it('refuses a patient it does not hold', async () => {
    const folder = await openKaggleFolder(await study(), options);
    expect(() => folder.sliceNames('ID_3')).toThrow(ArgumentError);
    expect(() => folder.sliceLabels('__proto__')).toThrow(/a patient of the folder.*__proto__/);
    await expect(folder.load('ID_3')).rejects.toThrow(ArgumentError);
  });
});

describe('openKaggleFolder without labels', () => {
  const unlabelled: KaggleFolderOptions = { preprocessing, requireLabels: false };

  it('takes a table of names alone', async () => {
    const table = 'ID,dirname\n1_2,ID_1\n1_0.png,ID_1';
    const folder = await openKaggleFolder(await study({ 'train.csv': table }), unlabelled);
    expect(folder.sliceNames('ID_1')).toEqual(['1_0.png', '1_2']);
    expect(folder.sliceLabels('ID_1')).toBeUndefined();
    const stack = await folder.load('ID_1');
    expect('labels' in stack).toBe(false);
    disposeStack(stack);
  });

  it('still reads labels that are there', async () => {
    const folder = await openKaggleFolder(await study(), unlabelled);
    expect(folder.sliceLabels('ID_2')).toEqual([[0, 1, 0, 0, 0]]);
  });

  it.each(['train', 'test', '.'])('lists patients in %s when there is no table', async (place) => {
    const dir = await temporaryFolder({
      [join(place, 'ID_10', 'a_0.png')]: flatPng(8, 8, 1),
      [join(place, 'ID_9', 'a_10.png')]: flatPng(8, 8, 100),
      [join(place, 'ID_9', 'a_9.jpg')]: flatPng(8, 8, 50),
      [join(place, 'ID_9', 'info.txt')]: 'x',
      [join(place, 'readme.md')]: 'x',
    });
    const folder = await openKaggleFolder(dir, unlabelled);
    expect(folder.patients).toEqual(['ID_9', 'ID_10']);
    expect(folder.sliceNames('ID_9')).toEqual(['a_9.jpg', 'a_10.png']);
    expect(folder.sliceLabels('ID_9')).toBeUndefined();
    expect(folder.unlisted).toEqual([join(place, 'ID_9', 'info.txt'), join(place, 'readme.md')]);
    const stack = await folder.load('ID_9');
    expectClose(tf.mean(stack.images, [1, 2, 3]), [50 / 255, 100 / 255], 1e-5);
    disposeStack(stack);
  });

  it('takes the test set beside a labelled training set', async () => {
    const dir = await study({ 'test/ID_7/7_0.png': flatPng(8, 8, 1) });
    const folder = await openKaggleFolder(dir, { ...unlabelled, images: 'test' });
    expect(folder.patients).toEqual(['ID_7']);
  });

  it('refuses an asked-for table that is missing, and folders without slices', async () => {
    const dir = await study({ 'test/readme.md': 'x' });
    await expect(openKaggleFolder(dir, { ...unlabelled, table: 'test.csv' })).rejects.toThrow(
      /table is missing.*test\.csv/,
    );
    await expect(openKaggleFolder(dir, { ...unlabelled, images: 'test' })).rejects.toThrow(
      /no patient folder/,
    );
    await expect(openKaggleFolder(dir, { ...unlabelled, images: 'none' })).rejects.toThrow(/no folder none/);
    await mkdir(join(dir, 'test', 'ID_8'));
    await expect(openKaggleFolder(dir, { ...unlabelled, images: 'test' })).rejects.toThrow(
      /patient has no slice.*ID_8, patient ID_8/,
    );
  });
});

describe('openPatientFolder', () => {
  it('is a source of one patient', async () => {
    const dir = await study();
    const folder = await openPatientFolder(join(dir, 'train', 'ID_1'), { preprocessing });
    expect(folder.patients).toEqual(['ID_1']);
    expect(folder.labels).toEqual(CT_LABELS);
    expect(folder.sliceNames('ID_1')).toEqual(['1_0.png', '1_2.png', '1_10.png']);
    const stack = await folder.load('ID_1');
    expect(stack.images.shape).toEqual([3, 4, 6, 1]);
    expect(stack.labels).toBeUndefined();
    disposeStack(stack);
  });

  it('refuses names without order, equal numbers, no image, no folder', async () => {
    const dir = await temporaryFolder({ 'P/scan.png': flatPng(8, 8, 1) });
    const open = () => openPatientFolder(join(dir, 'P'), { preprocessing });
    await expect(open()).rejects.toThrow(/no number.*patient P, slice scan\.png/);
    await rm(join(dir, 'P', 'scan.png'));
    await expect(open()).rejects.toThrow(/patient has no slice.*patient P/);
    await writeFile(join(dir, 'P', 'a_1.png'), flatPng(8, 8, 1));
    await writeFile(join(dir, 'P', 'b_1.png'), flatPng(8, 8, 1));
    await expect(open()).rejects.toThrow(/same number as a_1\.png.*patient P, slice b_1\.png/);
    await expect(openPatientFolder(join(dir, 'Q'), { preprocessing })).rejects.toThrow(/cannot be opened/);
  });
});

const realStudy = join(process.env['CT_MULTILABEL_DATA'] ?? '', 'ct-ich');
const hasRealStudy = process.env['CT_MULTILABEL_DATA'] !== undefined && existsSync(realStudy);

describe.skipIf(!hasRealStudy)('the ct-ich study (CT_MULTILABEL_DATA)', () => {
  it('opens with its 62 patients and known counts', async () => {
    const folder = await openKaggleFolder(realStudy, options);
    expect(folder.patients).toHaveLength(62);
    expect(folder.unlisted).toEqual([]);
    const labels = folder.patients.flatMap((patient) => folder.sliceLabels(patient)!);
    expect(labels).toHaveLength(1873);
    const positives = folder.labels.map((name, l) => [name, labels.filter((v) => v[l] === 1).length]);
    expect(Object.fromEntries(positives)).toEqual({ ich: 55, ivh: 18, sah: 14, sdh: 33, edh: 136 });
  });

  it('loads slices of a patient', async () => {
    const folder = await openKaggleFolder(realStudy, {
      preprocessing: createPreprocessing({ imageSize: [64, 64] }),
    });
    const patient = folder.patients[0]!;
    const middle = Math.floor(folder.sliceNames(patient).length / 2);
    const stack = await folder.loadSlices(patient, [middle, middle + 1]);
    expect(stack.images.shape).toEqual([2, 64, 64, 1]);
    const [lowest, highest] = [tf.min(stack.images), tf.max(stack.images)].map((x) => x.dataSync()[0]!);
    expect(lowest).toBeGreaterThanOrEqual(0);
    expect(highest).toBeLessThanOrEqual(1);
    expect(highest! - lowest!).toBeGreaterThan(0.5);
    disposeStack(stack);
  });
});

it('refuses names with control characters where there is no table either', async () => {
  const folder = await temporaryFolder({ 'ID_1/1\x1b[2J_0.png': flatPng(8, 8, 0) });
  const message = /slice name "1\\u001b\[2J_0\.png" has a line end or another control character/;
  await expect(openPatientFolder(join(folder, 'ID_1'), { preprocessing })).rejects.toThrow(message);
  await expect(openKaggleFolder(folder, { preprocessing, requireLabels: false })).rejects.toThrow(message);
  const labels = { preprocessing, labels: ['a\nb'] };
  await expect(openKaggleFolder(folder, labels as never)).rejects.toThrow(
    /labels: .*without control characters/,
  );
});
