import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { heatMapPng, writeHeatMaps, type HeatMapStack } from '../../../src/node/pictures/heat_map';
import { slicePictures } from '../../../src/node/pictures/slice_pictures';
import { expectNoLeakAsync } from '../../support/matchers';
import { temporaryFolder } from '../../support/folder';

const TILE = 16;
/** Slices of one gray value and one map value each. */
const stackOf = (grays: number[], heats: number[]): HeatMapStack => ({
  title: 'p',
  images: tf.tile(tf.reshape(grays, [-1, 1, 1, 1]), [1, TILE, TILE, 1]),
  maps: tf.tile(tf.reshape(heats, [-1, 1, 1]), [1, TILE, TILE]),
});
const TITLE = 18; // pixels above the first slices
const CAPTION = 18; // and below each line of them
const SCALE = 44; // and at the bottom, for the scale of colours
const LEGEND = 4 + 8 * 29 - 2 + 4; // pixels that its 29 letters take

async function pixelsOf(file: string) {
  const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) => [...data.subarray(3 * (y * info.width + x), 3 * (y * info.width + x) + 3)]; // prettier-ignore
  return { width: info.width, height: info.height, at, data };
}

describe('writeHeatMaps', () => {
  it('draws each slice as it is, and below it under its map', async () => {
    const file = path.join(await temporaryFolder(), 'maps', 'maps.png');
    const size = await writeHeatMaps(file, [stackOf([0, 0.2, 1], [0, 1, 0.5])], { opacity: 1 });
    const { at, width, height, data } = await pixelsOf(file);
    expect([width, height]).toEqual([LEGEND, TITLE + 2 * TILE + CAPTION + SCALE]);
    expect(size).toEqual({ width, height });
    const centre = (column: number, row: number) => at(column * TILE + 8, TITLE + row * TILE + 8);
    expect([0, 1, 2].map((column) => centre(column, 0))).toEqual([[0, 0, 0], [51, 51, 51], [255, 255, 255]]); // prettier-ignore
    // no heat leaves the slice, full heat is the brightest colour, half heat half of the middle one
    expect(centre(0, 1)).toEqual([0, 0, 0]);
    expect(centre(1, 1)).toEqual([252, 255, 164]);
    expect(centre(2, 1)).toEqual([(255 + 188) / 2, (255 + 55) / 2, (255 + 84) / 2].map(Math.round));
    expect(data.subarray(0, 3 * TITLE * width).some((value) => value > 200)).toBe(true);
    expect(await readdir(path.dirname(file))).toEqual(['maps.png']);
  });

  it('begins a new line after so many columns, a new block for each stack, and zooms', async () => {
    const file = path.join(await temporaryFolder(), 'maps.png');
    const stacks = [stackOf([0.2, 0.4, 0.6], [0, 0, 0]), stackOf([0.8], [0])];
    await writeHeatMaps(file, stacks, { columns: 2, zoom: 2 });
    const { at, width, height } = await pixelsOf(file);
    // letters are half as large again
    const [title, line] = [1.5 * TITLE, 4 * TILE + 1.5 * CAPTION];
    expect([width, height]).toEqual([1.5 * LEGEND, 2 * title + 3 * line + 1.5 * SCALE]);
    expect(at(2 * TILE + 16, title + 16)).toEqual([102, 102, 102]);
    expect(at(16, title + line + 16)).toEqual([153, 153, 153]);
    expect(at(16, 2 * title + 2 * line + 16)).toEqual([204, 204, 204]);
  });

  it('draws as many columns as can be looked at, at most 12', async () => {
    const file = path.join(await temporaryFolder(), 'maps.png');
    const wide = (side: number, slices: number): HeatMapStack => ({
      title: '',
      images: tf.zeros([slices, 8, side, 1]),
      maps: tf.zeros([slices, 8, side]),
    });
    expect((await writeHeatMaps(file, [wide(40, 14)])).width).toBe(12 * 40);
    expect((await writeHeatMaps(file, [wide(128, 9)], { zoom: 3 })).width).toBe(4 * 384);
    expect((await writeHeatMaps(file, [wide(2000, 2)])).width).toBe(2000);
    expect((await writeHeatMaps(file, [wide(40, 14)], { columns: 14 })).width).toBe(14 * 40);
  });

  it('draws a scale of the colours that a gray of the brain takes, with numbers', async () => {
    const file = path.join(await temporaryFolder(), 'maps.png');
    // as wide as the bar, so that map and bar can be compared
    const [gray, width] = [110 / 255, 160];
    const images = tf.fill<tf.Rank.R4>([1, 8, width, 1], gray);
    const maps = tf.reshape<tf.Rank.R3>(tf.tile(tf.linspace(0, 1, width), [8]), [1, 8, width]);
    await writeHeatMaps(file, [{ title: 'p', images, maps }]);
    const { at, data, width: across, height } = await pixelsOf(file);
    const bar = height - SCALE + 4 + 14;
    for (const place of [0, 40, 80, 159]) {
      at(place, TITLE + 8 + 4).forEach((value, i) => {
        expect(Math.abs(at(4 + place, bar + 4)[i]! - value)).toBeLessThanOrEqual(1);
      });
    }
    // letters above and numbers below it, the last at its end
    const written = (from: number, to: number) => {
      const columns = new Set<number>();
      for (let y = from; y < to; y++) {
        for (let x = 0; x < across; x++) if (data[3 * (y * across + x)]! > 200) columns.add(x);
      }
      return [...columns].sort((a, b) => a - b);
    };
    expect(written(height - SCALE, bar)).not.toEqual([]);
    const numbers = written(bar + 8, height);
    expect(numbers[0]).toBeLessThan(10);
    expect(Math.abs(numbers.at(-1)! - (4 + width))).toBeLessThan(4);
    const other = path.join(path.dirname(file), 'other.png');
    await writeHeatMaps(other, [{ title: 'p', images, maps }], { legend: '1: all of it' });
    expect((await readFile(other)).equals(await readFile(file))).toBe(false);
  });

  it('draws the outline of a lesion on both, one pixel wide', async () => {
    const file = path.join(await temporaryFolder(), 'maps.png');
    const masks = new Uint8Array(TILE * TILE);
    for (const y of [4, 5]) masks.fill(1, y * TILE + 4, y * TILE + 6);
    await writeHeatMaps(file, [{ ...stackOf([0.2], [0]), masks }], { zoom: 3 });
    const { at } = await pixelsOf(file);
    const title = 2 * TITLE; // letters are twice as large
    for (const top of [title, title + 3 * TILE]) {
      expect(at(12, top + 12)).toEqual([86, 180, 233]);
      expect(at(17, top + 14)).toEqual([86, 180, 233]);
      expect(at(14, top + 14)).toEqual([51, 51, 51]);
      expect(at(18, top + 14)).toEqual([51, 51, 51]);
    }
  });

  it('gives small slices room for their captions, and takes values that are out of range or no number', async () => {
    const file = path.join(await temporaryFolder(), 'maps.png');
    const stack = stackOf([-1, 3, NaN], [NaN, 2, -1]);
    await writeHeatMaps(file, [{ ...stack, captions: ['', 'a long one', 'b'] }]);
    const { at, data, width } = await pixelsOf(file);
    const cell = 8 + 8 * 10 - 2 + 8; // what the ten letters take, apart from the next
    expect(width).toBe(Math.max(3 * cell, LEGEND));
    expect(at(8, TITLE + 8)).toEqual([0, 0, 0]);
    expect(at(cell + 8, TITLE + 8)).toEqual([255, 255, 255]);
    const caption = data.subarray(3 * (TITLE + 2 * TILE) * width, 3 * (TITLE + 2 * TILE + CAPTION) * width);
    const columns = [...caption.keys()]
      .filter((i) => caption[i]! > 0)
      .map((i) => Math.floor((i / 3) % width));
    const lastOfSecond = Math.max(...columns.filter((x) => x < 2 * cell));
    expect(lastOfSecond).toBeGreaterThan(2 * cell - 12 - 8);
    expect(lastOfSecond).toBeLessThan(2 * cell - 11);
    expect(columns.some((x) => x < cell)).toBe(false);
  });

  it('leaves no tensor behind', async () => {
    const file = path.join(await temporaryFolder(), 'maps.png');
    const stack = stackOf([0.5], [1]);
    await expectNoLeakAsync(async () => {
      await writeHeatMaps(file, [stack]);
    });
  });

  it('refuses what does not belong together', async () => {
    const stack = stackOf([0.5, 0.5], [1, 1]);
    const write = (part: object, options = {}) =>
      writeHeatMaps('nowhere.png', [{ ...stack, ...part }], options);
    await expect(writeHeatMaps('nowhere.png', [])).rejects.toThrow('writeHeatMaps: stacks');
    await expect(write({ images: tf.zeros([2, 16, 16]) })).rejects.toThrow(
      'writeHeatMaps: stacks[0]: images',
    );
    await expect(write({ maps: tf.zeros([2, 16, 8]) })).rejects.toThrow('maps: expected [2, 16, 16]');
    await expect(write({ masks: [1] })).rejects.toThrow('masks: expected 512 values, received 1');
    await expect(write({ captions: ['a'] })).rejects.toThrow('captions: expected 2 texts');
    await expect(write({}, { zoom: 0 })).rejects.toThrow('writeHeatMaps: zoom');
    await expect(write({}, { columns: 1.5 })).rejects.toThrow('writeHeatMaps: columns');
    await expect(write({}, { opacity: 2 })).rejects.toThrow('writeHeatMaps: opacity');
    await expect(write({}, { legend: 1 })).rejects.toThrow('writeHeatMaps: legend: expected a text');
    await expect(write({}, { alpha: 1 })).rejects.toThrow("option 'alpha'");
    await expect(write({}, { zoom: 1000 })).rejects.toThrow('at most 200 megapixels');
  });
});

describe('heatMapPng', () => {
  it('gives the bytes of the file that writeHeatMaps writes', async () => {
    const file = path.join(await temporaryFolder(), 'maps.png');
    const stacks = [stackOf([0, 0.2, 1], [0, 1, 0.5])];
    await writeHeatMaps(file, stacks, { columns: 2 });
    const png = await heatMapPng(stacks, { columns: 2 });
    expect(Buffer.from(png).equals(await readFile(file))).toBe(true);
  });
});

describe('slicePictures', () => {
  it('draws a slice by itself, and under its map where there is one', async () => {
    const { images, maps } = stackOf([0.2], [1]);
    const { plain, overlaid } = await slicePictures(images, maps);
    const first = async (png: Uint8Array) => {
      const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
      expect([info.width, info.height]).toEqual([TILE, TILE]);
      return [...data.subarray(0, 3)];
    };
    expect(await first(plain)).toEqual([51, 51, 51]);
    expect(await first(overlaid!)).toEqual([252, 255, 164].map((c) => Math.round(51 + 0.6 * (c - 51))));
    expect(Object.keys(await slicePictures(images, undefined))).toEqual(['plain']);
  });
});
