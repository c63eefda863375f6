import { basename } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { openDicomFolder } from '../../../src/node/study/dicom_folder';
import { readDicomSeries } from '../../../src/node/study/read_series';
import { scanDicomFolder } from '../../../src/node/study/scan_folder';
import { createPreprocessing } from '../../../src/transforms/preprocessing';
import { ctSlice, dicomBytes, IMPLICIT, type DicomElements } from '../../support/dicom_bytes';
import { temporaryFolder } from '../../support/folder';

/** Slices at these heights, in the order in which they were made: their instance numbers. */
const slices = (heights: readonly number[], elements: (i: number) => DicomElements = () => ({})) =>
  Object.fromEntries(
    heights.map((z, i) => {
      const more = { '0020,0013': ['IS', String(i + 1)], ...elements(i) } satisfies DicomElements;
      return [
        `${String(i).padStart(2, '0')}.dcm`,
        dicomBytes(ctSlice({ position: [0, 0, z], uid: `1.3.${i}`, elements: more })),
      ];
    }),
  );
const scan = async (files: Record<string, Uint8Array>) => scanDicomFolder(await temporaryFolder(files));
const instances = (series: Awaited<ReturnType<typeof scan>>['series']) =>
  series.map((one) => one.slices.map(({ header }) => header.instanceNumber));
const kinds = ({ problems }: { problems: readonly { kind: string }[] }) => problems.map(({ kind }) => kind);

describe('a stack is of one person', () => {
  it('also where two share the UID of a series', async () => {
    const { series } = await scan(
      slices([0, 0, 5, 5, 10], (i) => ({ '0010,0020': ['LO', i % 2 ? 'P2' : 'P1'] })),
    );
    expect(series.map(({ patientId, stack }) => [patientId, stack])).toEqual([
      ['P1', 0],
      ['P2', 1],
    ]);
    expect(instances(series)).toEqual([
      [1, 3, 5],
      [2, 4],
    ]);
    for (const one of series) {
      expect(one.problems).toMatchObject([{ kind: 'split-series', message: /2 patients share/ }]);
    }
  });
});

describe('a stack is one acquisition (case 11)', () => {
  const positions = [0, 5, 10, 15];
  const passes = [...positions, ...positions, ...positions];
  const pass = (i: number) => Math.floor(i / 4);
  const expected = [
    [1, 2, 3, 4],
    [5, 6, 7, 8],
    [9, 10, 11, 12],
  ];

  it.each<[string, (i: number) => DicomElements]>([
    ['number', (i) => ({ '0020,0012': ['IS', String(pass(i) + 1)] })],
    ['time', (i) => ({ '0008,0032': ['TM', `12000${pass(i)}`] })],
    ['temporal position', (i) => ({ '0020,0100': ['IS', String(pass(i) + 1)] })],
    ['number, counted for each turn of the tube', (i) => ({ '0020,0012': ['IS', String(i + 1)] })],
    ['place in the order of instances', () => ({})],
  ])('three passes are told apart by their %s', async (_, elements) => {
    const { series } = await scan(slices(passes, elements));
    expect(instances(series)).toEqual(expected);
    expect(series.map(({ stack }) => stack)).toEqual([0, 1, 2]);
    for (const one of series)
      expect(one.problems).toMatchObject([{ kind: 'split-series', severity: 'warning' }]);
  });

  it('two that overlap in one position are one scan, and the image that is too much lies apart', async () => {
    const acquisition = (i: number): DicomElements => ({ '0020,0012': ['IS', i < 3 ? '1' : '2'] });
    const { series } = await scan(slices([0, 5, 10, 10, 15, 20], acquisition));
    expect(instances(series)).toEqual([[1, 2, 3, 5, 6], [4]]);
  });

  it('one of many images of one position is no stack, and is refused', async () => {
    const folder = await temporaryFolder(slices([5, 5, 5]));
    await expect(readDicomSeries(folder)).rejects.toThrow(/3 images have the same ImagePositionPatient/);
    const [series] = await readDicomSeries(folder, { allow: ['one-position'] });
    expect(series!.problems).toMatchObject([{ kind: 'one-position', severity: 'error' }]);
    series!.hu.dispose();
  });
});

describe('copies', () => {
  it('are left out and reported', async () => {
    const files = slices([0, 5]);
    const { series, skipped } = await scan({ ...files, 'copy.dcm': files['00.dcm']! });
    expect(instances(series)).toEqual([[1, 2]]);
    expect(kinds(series[0]!)).toEqual(['duplicate-instance']);
    expect(skipped.map(({ file }) => basename(file))).toEqual(['copy.dcm']);
    expect(skipped[0]!.error.message).toMatch(/SOPInstanceUID of .*00\.dcm and the same header: a copy/);
  });

  it('are copies where only their compression differs', async () => {
    const files = slices([0, 5]);
    const implicit = dicomBytes(
      ctSlice({ position: [0, 0, 0], uid: '1.3.0', elements: { '0020,0013': ['IS', '1'] } }),
      IMPLICIT,
    );
    const { series, skipped } = await scan({ ...files, 'z.dcm': implicit });
    expect(instances(series)).toEqual([[1, 2]]);
    expect(skipped.map(({ file }) => basename(file))).toEqual(['z.dcm']);
  });

  it('are no copies where only the UID is the same', async () => {
    const files = slices([0, 5, 10], () => ({ '0008,0018': ['UI', '1.9'] }));
    const { series, skipped } = await scan(files);
    expect(instances(series)).toEqual([[1, 2, 3]]);
    expect(series[0]!.problems).toMatchObject([
      { kind: 'duplicate-instance', message: /another header; both are kept \(in 2 files\)/ },
    ]);
    expect(skipped).toEqual([]);
  });
});

describe('a series UID that changes for each slice (case 09)', () => {
  const own = (i: number): DicomElements => ({
    '0020,000e': ['UI', `1.7.${i}`],
    '0020,0011': ['IS', '10000'],
  });

  it('makes one stack, with a word about it', async () => {
    const { series } = await scan(slices([10, 0, 5], own));
    expect(instances(series)).toEqual([[2, 3, 1]]);
    expect(series[0]!.problems).toMatchObject([{ kind: 'merged-series', message: /3 series of one slice/ }]);
  });

  it('makes none of slices that do not belong together', async () => {
    const apart: ((i: number) => DicomElements)[] = [
      (i) => ({ ...own(i), '0010,0020': ['LO', `P${i}`] }),
      (i) => ({ ...own(i), '0020,000d': ['UI', `1.${i}`] }),
      (i) => ({ ...own(i), '0020,0011': ['IS', String(i)] }),
      (i) => ({ ...own(i), '0008,103e': ['LO', `series ${i}`] }),
      (i) => ({ ...own(i), '0028,0030': ['DS', [`0.${i + 3}`, '0.4']] }),
      (i) => ({ ...own(i), '0008,0008': ['CS', ['ORIGINAL', 'PRIMARY', 'LOCALIZER']] }),
    ];
    for (const elements of apart) expect((await scan(slices([10, 0, 5], elements))).series).toHaveLength(3);
    expect((await scan(slices([5, 5, 5], own))).series).toHaveLength(3);
  });
});

describe('an image without SeriesInstanceUID', () => {
  it('goes with those of its study, number and folder', async () => {
    const bare = slices([0, 5], () => ({ '0020,000e': undefined }));
    const { series } = await scan({
      'a/0.dcm': bare['00.dcm']!,
      'a/1.dcm': bare['01.dcm']!,
      'b/0.dcm': bare['01.dcm']!,
    });
    expect(series.map(({ slices: all }) => all.length)).toEqual([2, 1]);
    expect(kinds(series[0]!)).toEqual(['missing-value']);
  });
});

describe('an enhanced file of several frames', () => {
  const frame = (z: number): DicomElements => ({
    '0020,9113': ['SQ', [{ '0020,0032': ['DS', ['0', '0', String(z)]] }]],
    '0028,9145': [
      'SQ',
      [{ '0028,1052': ['DS', String(-1000 + z)], '0028,1053': ['DS', '1'], '0028,1054': ['LO', 'HU'] }],
    ],
  });
  const heights = [10, 0, 5];
  const file = dicomBytes(
    ctSlice({
      elements: {
        '0008,0016': ['UI', '1.2.840.10008.5.1.4.1.1.2.1'],
        '0020,0032': undefined,
        '0028,1052': undefined,
        '0028,1053': undefined,
        '0028,0008': ['IS', '3'],
        '5200,9230': ['SQ', heights.map(frame)],
        '7fe0,0010': [
          'OW',
          heights.flatMap(() => Array.from({ length: 12 }, (_, i) => (i === 0 ? 0 : 1000 + i))),
        ],
      },
    }),
  );

  it('is a stack in the order of its positions, each frame with its own rescale', async () => {
    const folder = await temporaryFolder({ 'all.dcm': file });
    const [series] = await readDicomSeries(folder);
    expect(series!.slices.map(({ frame: index, position }) => [index, position])).toEqual([
      [1, 0],
      [2, 5],
      [0, 10],
    ]);
    expect([...series!.hu.min([1, 2]).dataSync()]).toEqual([-1000, -995, -990]);
    expect(series!.problems.map(({ kind }) => kind)).toEqual(['mixed-series']);
    series!.hu.dispose();
  });

  it('is read for the model as the same frames in files of their own are', async () => {
    const preprocessing = createPreprocessing({ windows: ['bone'], imageSize: [3, 4], clahe: false });
    const options = { preprocessing, requireLabels: false, table: false } as const;
    const alone = heights.map((z) =>
      dicomBytes(
        ctSlice({
          position: [0, 0, z],
          uid: `1.5.${z}`,
          intercept: -1000 + z,
          stored: Array.from({ length: 12 }, (_, i) => (i === 0 ? 0 : 1000 + i)),
        }),
      ),
    );
    const cacheFolder = await temporaryFolder();
    const one = await openDicomFolder(await temporaryFolder({ 'all.dcm': file }), {
      ...options,
      cacheFolder,
    });
    const many = await openDicomFolder(
      await temporaryFolder({ 'a.dcm': alone[0]!, 'b.dcm': alone[1]!, 'c.dcm': alone[2]! }),
      options,
    );
    expect(one.sliceNames('P1')).toEqual(['all.dcm_1', 'all.dcm_2', 'all.dcm_0']);
    const expected = await many.load('P1');
    for (let again = 0; again < 2; again++) {
      const { images } = await one.load('P1');
      expect(images.dataSync()).toEqual(expected.images.dataSync());
      images.dispose();
    }
    tf.dispose(expected.images);
  });
});
