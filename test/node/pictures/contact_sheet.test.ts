import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { writeContactSheet } from '../../../src/node/pictures/contact_sheet';
import { derive } from '../../../src/data/sources/patient_source';
import { neighborSlices } from '../../../src/transforms/neighbor_slices';
import { createPreprocessing } from '../../../src/transforms/preprocessing';
import { drawText, textWidth } from '../../../src/drawing/pixel_text';
import { memorySource } from '../../support/memory_source';
import { temporaryFolder } from '../../support/folder';

describe('writeContactSheet', () => {
  const source = memorySource({
    patients: ['p', 'q', 'r'],
    slices: (patient) => (patient === 'q' ? 9 : 3),
    size: 16,
  });

  it('draws a row per patient, each slice as it is, and its labels', async () => {
    const file = path.join(await temporaryFolder(), 'sheets', 'sheet.png');
    const before = tf.memory().numTensors;
    const sheet = await writeContactSheet(file, source, { slices: 5 });
    expect(tf.memory().numTensors).toBe(before);
    expect(sheet).toMatchObject({ patients: 3, slices: 3 + 5 + 3 });
    const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([sheet.width, sheet.height]);
    const pixel = (x: number, y: number) => [
      ...data.subarray(3 * (y * info.width + x), 3 * (y * info.width + x) + 3),
    ];
    const rowHeight = info.height / 3;
    const labels = source.sliceLabels('q')!;
    // of nine slices the first, third, fifth, seventh and last; label l lights up the l-th half
    for (const [column, slice] of [0, 2, 4, 6, 8].entries()) {
      for (const label of [0, 1]) {
        const grey = Math.round(255 * (0.2 + 0.6 * labels[slice]![label]!));
        const [r, g, b] = pixel(column * 16 + 8 * label + 4, rowHeight + 14 + 8);
        expect([r, g, b]).toEqual([grey, grey, grey]);
      }
    }
    // captions are there: white above the tiles
    const caption = data.subarray(0, 3 * 14 * info.width);
    expect(caption.some((value) => value > 200)).toBe(true);
    expect(await readdir(path.dirname(file))).toEqual(['sheet.png']);
  });

  it('draws each slice, where it has its neighbours as further channels', async () => {
    const file = path.join(await temporaryFolder(), 'sheet.png');
    const preprocessing = createPreprocessing({ imageSize: [16, 16], neighbors: 1 });
    const withNeighbors = derive(memorySource({ patients: ['p'], slices: 3, size: 16 }), {
      preprocessing,
      loadSlices: undefined,
      load: async (patient) => ({
        ...{ patient, slices: ['0', '1', '2'] },
        // each slice is as dark as its place
        images: tf.tidy(() =>
          neighborSlices(tf.tile(tf.tensor4d([0.1, 0.2, 0.3], [3, 1, 1, 1]), [1, 16, 16, 1])),
        ),
      }),
    });
    await writeContactSheet(file, withNeighbors);
    const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const row = 14 + 8;
    expect([0, 1, 2].map((i) => data[3 * (row * info.width + 16 * i + 8)])).toEqual([26, 51, 77]);
  });

  it('draws the patients that are asked for, in their order', async () => {
    const folder = await temporaryFolder();
    const [one, two] = [path.join(folder, '1.png'), path.join(folder, '2.png')];
    await writeContactSheet(one, source, { patients: ['q', 'p'] });
    await writeContactSheet(two, source, { patients: ['p', 'q'] });
    expect(await readFile(one)).not.toEqual(await readFile(two));
  });

  it('refuses bad options', async () => {
    const write = (options: object) => writeContactSheet('nowhere.png', source, options);
    await expect(write({ patients: ['x'] })).rejects.toThrow('writeContactSheet: patients');
    await expect(write({ patients: [] })).rejects.toThrow('writeContactSheet: patients');
    await expect(write({ slices: 0 })).rejects.toThrow('writeContactSheet: slices');
    await expect(write({ columns: 3 })).rejects.toThrow("option 'columns'");
  });
});

describe('drawText', () => {
  const drawn = (text: string, width: number, height = 5, x = 0, y = 0) => {
    const canvas = { data: new Uint8Array(3 * width * height), width, height };
    drawText(canvas, text, x, y, [255, 255, 255], 1);
    return Array.from({ length: height }, (_, row) =>
      Array.from({ length: width }, (__, column) =>
        canvas.data[3 * (row * width + column)] ? '#' : '.',
      ).join(''),
    );
  };

  it('writes letters of any case, and a question mark for what it does not know', () => {
    expect(drawn('iCh', textWidth('ich', 1))).toEqual([
      '###..##.#.#',
      '.#..#...#.#',
      '.#..#...###',
      '.#..#...#.#',
      '###..##.#.#',
    ]);
    expect(drawn('ü', 3)).toEqual(drawn('?', 3));
  });

  it('has a shape of its own for each letter and digit', () => {
    const all = [...'abcdefghijklmnopqrstuvwxyz0123456789_-.:/+=,()%'];
    expect(new Set(all.map((letter) => drawn(letter, 3).join(''))).size).toBe(all.length);
  });

  it('leaves out what lies outside', () => {
    expect(drawn('h', 3, 5, 2, -2)).toEqual(['..#', '..#', '..#', '...', '...']);
    expect(drawn('h', 3, 5, -2, 3)).toEqual(['...', '...', '...', '#..', '#..']);
  });
});
