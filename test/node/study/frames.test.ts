import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DicomDataSet } from '../../../src/dicom/data_set';
import * as fileBytes from '../../../src/node/files/file_bytes';
import { openDicomFolder } from '../../../src/node/study/dicom_folder';
import { readDicomSeries } from '../../../src/node/study/read_series';
import { SliceFileSource } from '../../../src/node/study/slice_file_source';
import { createPreprocessing } from '../../../src/transforms/preprocessing';
import { ctSlice, dicomBytes, type DicomElements } from '../../support/dicom_bytes';
import { temporaryFolder } from '../../support/folder';

vi.mock('../../../src/node/files/file_bytes', async (original) => {
  const module = await original<typeof fileBytes>();
  return { ...module, readFileBytes: vi.fn(module.readFileBytes) };
});

const reads = vi.mocked(fileBytes.readFileBytes);
const parses = vi.spyOn(DicomDataSet, 'parse');
afterEach(() => void vi.clearAllMocks());

const SLICES = 7;

/** Every second slice of a stack, or all: an enhanced file of one frame for each, whose values tell where it lies. */
function enhanced(first: number, step: number): Uint8Array {
  const heights = Array.from({ length: Math.ceil((SLICES - first) / step) }, (_, i) => first + i * step);
  const frame = (z: number): DicomElements => ({
    '0020,9113': ['SQ', [{ '0020,0032': ['DS', ['0', '0', String(5 * z)]] }]],
    '0028,9145': ['SQ', [{ '0028,1052': ['DS', String(-1000 + z)], '0028,1053': ['DS', '1'], '0028,1054': ['LO', 'HU'] }]],
  }); // prettier-ignore
  return dicomBytes(
    ctSlice({
      uid: `1.5.${first}`,
      elements: {
        '0008,0016': ['UI', '1.2.840.10008.5.1.4.1.1.2.1'],
        '0020,0032': undefined,
        '0028,1052': undefined,
        '0028,1053': undefined,
        '0028,0008': ['IS', String(heights.length)],
        '5200,9230': ['SQ', heights.map(frame)],
        '7fe0,0010': ['OW', heights.flatMap(() => Array.from({ length: 12 }, (_, i) => (i === 0 ? 0 : 1000)))],
      },
    }),
  ); // prettier-ignore
}

const [air, brain] = [-1000, 0].map((hu) => Array.from({ length: SLICES }, (_, z) => hu + z));
const preprocessing = createPreprocessing({ windows: ['bone'], imageSize: [3, 4], clahe: false });
const options = { preprocessing, requireLabels: false, table: false } as const;

describe.each([
  ['one enhanced file', { 'all.dcm': enhanced(0, 1) }],
  ['two whose frames alternate', { 'even.dcm': enhanced(0, 2), 'odd.dcm': enhanced(1, 2) }],
])('%s', (_, files) => {
  const count = Object.keys(files).length;

  it('is read once for a series, whatever the order of its frames', async () => {
    const [series, ...others] = await readDicomSeries(await temporaryFolder(files));
    expect(others).toEqual([]);
    expect([...series!.hu.min([1, 2]).dataSync()]).toEqual(air);
    expect([...series!.hu.max([1, 2]).dataSync()]).toEqual(brain);
    series!.hu.dispose();
    expect(reads).toHaveBeenCalledTimes(count);
    expect(parses).toHaveBeenCalledTimes(2 * count); // the headers first
  });

  it('is read once for a stack, with a cache and without', async () => {
    const folder = await temporaryFolder(files);
    const cacheFolder = await temporaryFolder();
    const stacks: Float32Array[] = [];
    for (const more of [{}, { cacheFolder }, { cacheFolder }, { workers: 0 }]) {
      const study = await openDicomFolder(folder, { ...options, ...more });
      vi.clearAllMocks();
      const { images } = await study.load('P1');
      stacks.push(images.dataSync() as Float32Array);
      images.dispose();
      expect(reads).toHaveBeenCalledTimes(count);
      expect(parses.mock.calls.length).toBe(stacks.length === 3 ? 0 : count);
    }
    for (const values of stacks) expect(values).toEqual(stacks[0]);
    const means = [...(tf.tensor(stacks[0]!, [SLICES, 12]).mean(1).dataSync())]; // prettier-ignore
    expect(means).toEqual([...means].sort((a, b) => a - b));
    expect(new Set(means).size).toBe(SLICES);
  });

  it('names file and patient where it no longer parses', async () => {
    const folder = await temporaryFolder(files);
    const study = await openDicomFolder(folder, options);
    const [name, bytes] = Object.entries(files)[0]!;
    await writeFile(join(folder, name), bytes.subarray(0, 200));
    await expect(study.load('P1')).rejects.toThrow(new RegExp(`${name}, patient P1\\)$`));
  });

  it('is read once to see which frames can be', async () => {
    const folder = await temporaryFolder(files);
    const study = await openDicomFolder(folder, { ...options, onBadFile: 'skip' });
    expect(study.skipped).toEqual([]);
    // once for the values in the middle, once for all
    expect(reads.mock.calls.length).toBeLessThanOrEqual(2 * count);
  });
});

describe('frames that cannot be prepared', () => {
  const open = (file: string, frames: readonly number[]) => {
    const slices = frames.map((frame) => ({ slice: `slice ${frame}`, file, frame, format: 'dicom' }) as const);
    return SliceFileSource.open(new Map([['P1', slices], ['P2', [slices[0]!]]]), ['a'], { preprocessing, onBadFile: 'skip' });
  }; // prettier-ignore

  it('are left out, and no others', async () => {
    const folder = await temporaryFolder({ 'all.dcm': enhanced(0, 1) });
    const source = await open(join(folder, 'all.dcm'), [0, 90, 2, 91, 1]);
    expect(source.sliceNames('P1')).toEqual(['slice 0', 'slice 2', 'slice 1']);
    expect(source.skipped.map(({ error }) => error.location.slice)).toEqual(['slice 90', 'slice 91']);
    expect(reads).toHaveBeenCalledTimes(3); // again behind each of them
  });

  it('are all of a file that does not parse', async () => {
    const folder = await temporaryFolder({ 'all.dcm': enhanced(0, 1).subarray(0, 200) });
    const opened = open(join(folder, 'all.dcm'), [0, 1, 2]);
    await expect(opened).rejects.toThrow(/none of 1 files can be read.*does not parse/);
    expect(reads).toHaveBeenCalledTimes(1);
  });
});
