import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { ArgumentError, DataError } from '../../../src/base/errors';
import { readDicomSeries, type DicomSeriesList } from '../../../src/node/study/read_series';
import { realData } from '../../support/data';
import { ctSlice, dicomBytes, type CtSlice } from '../../support/dicom_bytes';
import { expectNoLeakAsync } from '../../support/matchers';
import { temporaryFolder } from '../../support/folder';

/** Values of a slice: air, and a highest one. */
const upTo = (highest: number) => Array.from({ length: 12 }, (_, i) => (i % 2 ? highest : -1000));

const slice = (z: number, more: CtSlice = {}) =>
  dicomBytes(ctSlice({ position: [0, 0, z], uid: `1.${z}`, stored: upTo(z), ...more }));

/** RLE that parses up to its pixels, and does not decode. */
const undecodable = (z: number) => {
  const elements = { '7fe0,0010': ['OB', { fragments: [new Uint8Array(), new Uint8Array(64)] }] } as const;
  return dicomBytes(ctSlice({ position: [0, 0, z], uid: `1.${z}`, elements }), '1.2.840.10008.1.2.5');
};

let open: DicomSeriesList | undefined;
afterEach(() => {
  open?.forEach(({ hu }) => hu.dispose());
  open = undefined;
});
const read = async (...args: Parameters<typeof readDicomSeries>) => (open = await readDicomSeries(...args));

describe('readDicomSeries', () => {
  it('stacks slices in order, as float32 Hounsfield units', async () => {
    const folder = await temporaryFolder({
      'a.dcm': slice(30),
      'b.dcm': slice(10),
      'c.dcm': slice(20),
      note: '',
    });
    const list = await read(folder);
    expect(list).toHaveLength(1);
    const [series] = list as unknown as [(typeof list)[0]];
    expect(series.hu.shape).toEqual([3, 3, 4]);
    expect(series.hu.dtype).toBe('float32');
    expect([...(await series.hu.max([1, 2]).data())]).toEqual([10, 20, 30]);
    expect(series.slices.map(({ file, position }) => [basename(file), position])).toEqual([
      ['b.dcm', 10],
      ['c.dcm', 20],
      ['a.dcm', 30],
    ]);
    expect(series).toMatchObject({ uid: '1.2.0', patientId: 'P1', description: '', rows: 3, columns: 4 });
    expect(series.problems).toEqual([]);
    expect(list.skipped).toEqual([]);
    expect(list.unlisted).toEqual([join(folder, 'note')]);
  });

  it('stops at a slice that does not decode, or leaves it out', async () => {
    const files = { 'a.dcm': slice(1), 'b.dcm': undecodable(2), 'c.dcm': slice(3), 'd.dcm': slice(4) };
    const folder = await temporaryFolder(files);
    const before = tf.memory().numTensors;
    await expect(readDicomSeries(folder)).rejects.toThrow(DataError);
    await expect(readDicomSeries(folder)).rejects.toThrow(/RLE.*b\.dcm/);
    expect(tf.memory().numTensors).toBe(before);

    const list = await read(folder, { onBadFile: 'skip' });
    expect(list.skipped.map(({ file }) => file)).toEqual([join(folder, 'b.dcm')]);
    expect(list[0]!.slices.map(({ position }) => position)).toEqual([1, 3, 4]);
    expect([...(await list[0]!.hu.max([1, 2]).data())]).toEqual([1, 3, 4]);
    expect(list[0]!.problems.map(({ kind }) => kind)).toContain('gap');

    const nothing = await temporaryFolder({ 'b.dcm': undecodable(2) });
    expect(await readDicomSeries(nothing, { onBadFile: 'skip' })).toHaveLength(0);
  });

  it('reads the kinds and the series that are asked for', async () => {
    const scout = {
      '0008,0008': ['CS', ['ORIGINAL', 'PRIMARY', 'LOCALIZER']],
      '0020,000e': ['UI', '1.2.9'],
    } as const;
    const colour = {
      '0028,0002': ['US', [3]],
      '7fe0,0010': ['OW', new Uint8Array(72)],
      '0020,000e': ['UI', '1.2.8'],
    } as const;
    const folder = await temporaryFolder({
      'a.dcm': slice(1),
      'b.dcm': slice(2, { elements: scout }),
      'c.dcm': slice(3, { elements: colour }),
    });
    const uids = async (options: Parameters<typeof readDicomSeries>[1]) =>
      (await readDicomSeries(folder, options)).map(({ uid, hu }) => (hu.dispose(), uid));
    expect(await uids({})).toEqual(['1.2.0', '1.2.9']);
    expect(await uids({ kinds: ['axial'] })).toEqual(['1.2.0']);
    expect(await uids({ kinds: [] })).toEqual([]);
    expect(await uids({ series: '1.2.9' })).toEqual(['1.2.9']);
    expect(await uids({ series: '1.2.8' })).toEqual([]);
    expect((await read(folder)).unlisted).toEqual([join(folder, 'c.dcm')]);
  });

  it('hands on what decoding asks for and reports', async () => {
    const padded = {
      stored: [-2000, ...Array<number>(11).fill(30)],
      elements: { '0028,0120': ['SS', [-2000]] },
    } as const;
    const folder = await temporaryFolder({ 'a.dcm': slice(1, padded), 'b.dcm': slice(2, padded) });
    const list = await read(folder, { padding: 'air' });
    expect(list[0]!.hu.min().dataSync()[0]).toBe(-1000);
    expect(list[0]!.problems).toMatchObject([{ kind: 'pixel-padding', pixels: 2, message: /in 2 files/ }]);
    await expect(readDicomSeries(folder, { maxPixels: 5 })).rejects.toThrow(/more than 5/);
  });

  it('tells how far it is, and leaves no tensor behind', async () => {
    const folder = await temporaryFolder({
      'a.dcm': slice(1),
      'b.dcm': slice(2),
      'c.dcm': undecodable(3),
      note: '',
    });
    const seen: string[] = [];
    const run = () =>
      readDicomSeries(folder, {
        onBadFile: 'skip',
        onProgress: ({ done, total, file }) => seen.push(`${done}/${total} ${basename(file)}`),
      });
    await expectNoLeakAsync(async () => (await run()).map(({ hu }) => hu));
    expect(seen.slice(0, 3).map((text) => text.slice(0, 3))).toEqual(['1/3', '2/3', '3/3']);
    expect(new Set(seen.map((text) => text.slice(4)))).toEqual(new Set(['a.dcm', 'b.dcm', 'c.dcm']));
  });

  it('checks its arguments', async () => {
    const wrong = [{ kinds: ['scout'] }, { kinds: 'axial' }, { series: 1 }, { padding: 0 }, { maxPixels: 1.5 }, { onbadfile: 'skip' }, { onBadFile: 1 }, { onProgress: 1 }]; // prettier-ignore
    const folder = await temporaryFolder();
    for (const options of wrong) {
      await expect(readDicomSeries(folder, options as never), JSON.stringify(options)).rejects.toThrow(
        ArgumentError,
      );
    }
    expect(await readDicomSeries(folder)).toHaveLength(0);
  });
});

interface GoldenSlice {
  file: string;
  rows: number;
  columns: number;
  imagePositionPatient: number[];
  huMean: number;
  huStd: number;
  huMin: number;
  huMax: number;
  huAt: Record<string, number>;
}

const head = realData('ge-head-dicom');

describe.skipIf(head === undefined)('a head scanned with a tilted gantry', () => {
  it('has the order and the HU of pydicom', async () => {
    const golden = JSON.parse(
      readFileSync(new URL('../../golden/ge_head_dicom.json', import.meta.url), 'utf8'),
    ) as GoldenSlice[];
    golden.sort((a, b) => a.imagePositionPatient[2]! - b.imagePositionPatient[2]!);
    const list = await read(head!);
    expect(list).toHaveLength(1);
    const { hu, slices, tilt, kind, problems } = list[0]!;
    expect(slices.map(({ file }) => basename(file))).toEqual(golden.map(({ file }) => file));
    const values = (await hu.data()) as Float32Array;
    golden.forEach(({ rows, columns, ...expected }, i) => {
      const one = values.subarray(i * rows * columns, (i + 1) * rows * columns);
      const mean = one.reduce((sum, value) => sum + value, 0) / one.length;
      const variance = one.reduce((sum, value) => sum + (value - mean) ** 2, 0) / one.length;
      expect(mean).toBeCloseTo(expected.huMean, 8);
      expect(Math.sqrt(variance)).toBeCloseTo(expected.huStd, 6);
      const range = [Math.min, Math.max].map((pick) => one.reduce((found, value) => pick(found, value)));
      expect(range).toEqual([expected.huMin, expected.huMax]);
      for (const [place, value] of Object.entries(expected.huAt)) {
        const [row, column] = place.split(',').map(Number) as [number, number];
        expect(one[row * columns + column]).toBe(value);
      }
    });
    expect(tilt).toBeCloseTo(18.5, 2);
    expect(kind).toBe('axial');
    expect(problems.map((problem) => problem.kind)).toEqual([
      'uneven-spacing',
      'gantry-tilt',
      'pixel-padding',
    ]);
  });
});
