import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { disposeStack } from '../../../src/data/sources/patient_source';
import { DataError } from '../../../src/base/errors';
import { readDicomSeries } from '../../../src/node/study/read_series';
import { openDicomFolder } from '../../../src/node/study/dicom_folder';
import { openKaggleFolder } from '../../../src/node/study/kaggle_folder';
import { createPreprocessing } from '../../../src/transforms/preprocessing';
import { ctSlice, dicomBytes, type CtSlice } from '../../support/dicom_bytes';
import { temporaryFolder } from '../../support/folder';
import { flatPng, PNG_COLOR, pngBytes } from '../../support/png';

const FILES = 1000;

/** A bad file lies at every hundredth place, so that good ones lie before, between and after. */
const placeOfBad = (k: number) => 100 * k + 37;

/** Writes a thousand files, the bad ones among them, and gives the bad ones' names with what is said of them. */
async function writeStudy(
  folder: string,
  nameOf: (place: number) => string,
  good: (place: number) => Uint8Array,
  bad: readonly (readonly [make: (place: number) => Uint8Array, reason: RegExp])[],
): Promise<Map<string, RegExp>> {
  const reasons = new Map<string, RegExp>();
  const makers = new Map(bad.map(([make], k) => [placeOfBad(k), make]));
  for (let place = 0; place < FILES; place++) {
    const file = path.join(folder, nameOf(place));
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, (makers.get(place) ?? good)(place));
  }
  bad.forEach(([, reason], k) => reasons.set(path.join(folder, nameOf(placeOfBad(k))), reason));
  return reasons;
}

/** Fails unless exactly the bad files were skipped, each for its reason, which names it. */
function expectSkipped(
  skipped: readonly { file: string; error: DataError }[],
  reasons: ReadonlyMap<string, RegExp>,
): void {
  expect(skipped.map(({ file }) => file).sort()).toEqual([...reasons.keys()].sort());
  for (const { file, error } of skipped) {
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(reasons.get(file)!);
    expect(error.message).toContain(file);
  }
}

/** Fails unless the first bad file is what is thrown. */
async function expectFirst(reading: Promise<unknown>, reasons: ReadonlyMap<string, RegExp>): Promise<void> {
  const error: unknown = await reading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DataError);
  const [[file, reason]] = [...reasons] as [[string, RegExp]];
  expect((error as DataError).message).toContain(file);
  expect((error as DataError).message).toMatch(reason);
}

describe('a folder of a thousand DICOM files, ten of them bad', () => {
  const slice = (place: number, more: CtSlice = {}, syntax?: string) =>
    dicomBytes(
      ctSlice({ rows: 16, columns: 16, position: [0, 0, place], uid: `1.2.3.${place}`, ...more }),
      syntax,
    );
  const nameOf = (place: number) => `${String(place).padStart(4, '0')}.dcm`;
  const syntax = (uid: string) => (place: number) => slice(place, {}, uid);
  /** What the header says. */
  const badHeaders = [
    [() => new Uint8Array(), /not DICOM/],
    [() => new TextEncoder().encode('a text, whatever its name says'), /not DICOM/],
    [(place) => slice(place).subarray(0, -100), /truncated: 412 bytes of pixels, expected 512/],
    [
      (place) => slice(place).subarray(0, 300),
      /no PixelData, or is truncated|does not parse|contains no image/,
    ],
    [syntax('1.2.840.10008.1.2.4.201'), /High-Throughput JPEG 2000.* is not supported/],
    [syntax('1.2.840.10008.1.2.4.90'), /pixels are in one piece, which contradicts JPEG 2000/],
    [(place) => slice(place, { elements: { '0028,0010': undefined } }), /no Rows/],
    [(place) => slice(place, { elements: { '0028,0008': ['IS', '7'] } }), /NumberOfFrames is 7/],
    [(place) => slice(place, { elements: { '0028,1053': ['DS', '1e999'] } }), /RescaleSlope/],
    [(place) => slice(place, { elements: { '0028,0100': ['US', [32]] } }), /BitsAllocated is 32/],
  ] as const satisfies readonly (readonly [(place: number) => Uint8Array, RegExp])[];
  /** An image in one fragment, of which only decoding tells that it is bad. */
  const inFragment = (bytes: readonly number[], uid: string) => (place: number) => {
    const whole = slice(place, { elements: { '7fe0,0010': undefined } }, uid);
    const words = (...values: number[]) => values.flatMap((v) => [v & 255, (v >> 8) & 255]);
    const item = (length: number) => [...words(0xfffe, 0xe000), ...words(length, 0)];
    const pixels = [...words(0x7fe0, 0x0010), 0x4f, 0x42, 0, 0, 255, 255, 255, 255];
    const end = [...words(0xfffe, 0xe0dd), 0, 0, 0, 0];
    return Uint8Array.from([...whole, ...pixels, ...item(0), ...item(bytes.length), ...bytes, ...end]);
  };
  const badPixels = [
    [inFragment([1, 2, 3, 4], '1.2.840.10008.1.2.4.90'), /jpeg-2000 codestream cannot be decoded/],
    [inFragment([1, 2, 3, 4], '1.2.840.10008.1.2.5'), /RLE frame is shorter than its header/],
  ] as const;
  const bad = [...badHeaders.slice(0, 8), ...badPixels];

  it('gives the others with readDicomSeries, and lists those ten', async () => {
    const folder = await temporaryFolder();
    const reasons = await writeStudy(folder, nameOf, slice, bad);
    const series = await readDicomSeries(folder, { onBadFile: 'skip' });
    expect(series.map(({ hu }) => hu.shape)).toEqual([[FILES - 10, 16, 16]]);
    series.forEach(({ hu }) => hu.dispose());
    expectSkipped(series.skipped, reasons);
    expect(series.unlisted).toEqual([]);
    const before = tf.memory().numTensors;
    await expectFirst(readDicomSeries(folder), reasons);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('gives the others with openDicomFolder, and lists those ten', async () => {
    const folder = await temporaryFolder();
    const reasons = await writeStudy(folder, nameOf, slice, [...badPixels, ...badHeaders.slice(2)]);
    const preprocessing = createPreprocessing({ windows: ['brain'], imageSize: [4, 4], clahe: false });
    const options = { preprocessing, table: false, requireLabels: false } as const;
    const study = await openDicomFolder(folder, { ...options, onBadFile: 'skip' });
    expectSkipped(study.skipped, reasons);
    expect(study.unlisted).toEqual([]);
    expect(study.sliceNames(study.patients[0]!)).toHaveLength(FILES - 10);
    const before = tf.memory().numTensors;
    const stack = await study.load(study.patients[0]!);
    expect(stack.images.shape).toEqual([FILES - 10, 4, 4, 1]);
    disposeStack(stack);
    expect(tf.memory().numTensors).toBe(before);
    // headers are read when the folder is opened, pixels when they are asked for
    await expectFirst(openDicomFolder(folder, options), new Map([...reasons].slice(2)));
  });

  it('whose pixels alone are bad opens by default, and stops at the first of them', async () => {
    const folder = await temporaryFolder();
    const reasons = await writeStudy(folder, nameOf, slice, badPixels);
    const preprocessing = createPreprocessing({ windows: ['brain'], imageSize: [4, 4], clahe: false });
    const study = await openDicomFolder(folder, { preprocessing, table: false, requireLabels: false });
    const before = tf.memory().numTensors;
    await expectFirst(study.load(study.patients[0]!), reasons);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('a folder of a thousand images, ten of them bad', () => {
  const image = (place: number) => flatPng(16, 16, place % 256);
  const nameOf = (place: number) => `train/ID_${Math.floor(place / 50)}/x_${place}.png`;
  const changed = (change: (bytes: Buffer) => Uint8Array) => (place: number) => change(image(place));
  const bad = [
    [() => new Uint8Array(), /image file is empty/],
    [() => new TextEncoder().encode('a text'), /neither a JPEG nor a PNG/],
    [changed((bytes) => bytes.subarray(0, 20)), /damaged or truncated/],
    [changed((bytes) => bytes.subarray(0, -20)), /damaged or truncated/],
    [changed((bytes) => bytes.fill(0xff, 45, 50)), /damaged or truncated/],
    [changed((bytes) => Buffer.concat([bytes.subarray(1)])), /neither a JPEG nor a PNG/],
    [() => Uint8Array.of(0xff, 0xd8, 0xff), /damaged or truncated/],
    [() => pngBytes(60_000, 60_000, 8, PNG_COLOR.gray, [[0]]), /more than 64000000 pixels/],
    [() => pngBytes(0, 16, 8, PNG_COLOR.gray, []), /damaged or truncated/],
    [changed((bytes) => bytes.fill(0, 8)), /damaged or truncated/],
  ] as const;
  const preprocessing = createPreprocessing({ imageSize: [4, 4], clahe: false });

  async function study() {
    const folder = await temporaryFolder();
    const reasons = await writeStudy(folder, nameOf, image, bad);
    const rows = Array.from({ length: FILES }, (_, place) => {
      const [, patient, file] = nameOf(place).split('/');
      return `${patient},${file},${place % 2}`;
    });
    await writeFile(path.join(folder, 'train.csv'), ['dirname,ID,ich', ...rows].join('\n'));
    return { folder, reasons };
  }

  it('gives the others with openKaggleFolder, and lists those ten', async () => {
    const { folder, reasons } = await study();
    const source = await openKaggleFolder(folder, { preprocessing, labels: ['ich'], onBadFile: 'skip' });
    expectSkipped(source.skipped, reasons);
    const left = source.patients.flatMap((patient) => source.sliceNames(patient));
    expect(left).toHaveLength(FILES - 10);
    for (const file of reasons.keys()) expect(left).not.toContain(path.basename(file));
    const before = tf.memory().numTensors;
    for (const patient of source.patients) disposeStack(await source.load(patient));
    expect(tf.memory().numTensors).toBe(before);
  });

  it('is refused where none is left, also where files are missing', async () => {
    const folder = await temporaryFolder({ 'train.csv': 'dirname,ID,ich\nP,p_0.png,0\nP,p_1.png,0\n' });
    await mkdir(path.join(folder, 'train', 'P'), { recursive: true });
    const options = { preprocessing, labels: ['ich'], onBadFile: 'skip' } as const;
    await expect(openKaggleFolder(folder, options)).rejects.toThrow(
      /none of 2 files can be read; the first: the slice has no image file/,
    );
    await writeFile(path.join(folder, 'train', 'P', 'p_0.png'), '');
    await expect(openKaggleFolder(folder, options)).rejects.toThrow(/none of 2 files can be read/);
    await writeFile(path.join(folder, 'train', 'P', 'p_0.png'), image(0));
    expect((await openKaggleFolder(folder, options)).skipped).toHaveLength(1);
  });

  it('stops at the first by default, and names it', async () => {
    const { folder, reasons } = await study();
    const source = await openKaggleFolder(folder, { preprocessing, labels: ['ich'] });
    expect(source.skipped).toEqual([]);
    const before = tf.memory().numTensors;
    const reading = async () => {
      for (const patient of source.patients) disposeStack(await source.load(patient));
    };
    await expectFirst(reading(), reasons);
    expect(tf.memory().numTensors).toBe(before);
  });
});
