import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import { clahe, type ClaheOptions } from '../../src/transforms/clahe';
import { onBackends } from '../support/backends';
import { expectNoLeak } from '../support/matchers';
import {
  CLAHE_FILES,
  expectImagesChecked,
  expectOpenCvClahe,
  expectSliceBySlice,
  randomImages,
  valuesWithoutKernel,
} from './support';

onBackends(['cpu', 'wasm'], 'clahe', () => {
  it.each(CLAHE_FILES)('is OpenCV bit for bit on %s', (file) => {
    expectOpenCvClahe(file, (images, options) => clahe(images, options).dataSync());
  });

  it('takes each rank, each slice and channel by itself', () => {
    expectSliceBySlice((x) => clahe(x, { tileGridSize: [2, 3] }), 0);
    tf.tidy(() => {
      const images = randomImages([20, 30, 3]);
      const together = clahe(images).dataSync();
      const channels = tf.unstack(images, 2).map((channel) => clahe(channel));
      expect(together).toEqual(tf.stack(channels, 2).dataSync());
    });
  });

  it('leaves no tensor behind', () => {
    const images = randomImages([2, 16, 16, 1]);
    expectNoLeak(() => clahe(images));
  });
});

describe('clahe as tensor operations', () => {
  const composed = (images: tf.Tensor, options?: ClaheOptions) =>
    valuesWithoutKernel('CtClahe', () => clahe(images, options));

  it.each(['clahe_64x64', 'clahe_61x83'])('is OpenCV bit for bit on %s', (file) => {
    expectOpenCvClahe(file, composed);
  });

  it('gives the same pixels as the kernel, and leaves no tensor behind', () => {
    fc.assert(
      fc.property(
        fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30 })),
        fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
        fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
        fc.constantFrom(0, 0.5, 2, 40),
        fc.constantFrom<[number, number]>([0, 1], [-0.1, 1.7], [-3, 2]),
        fc.integer(),
        ([height, width], [count, channels], tileGridSize, clipLimit, valueRange, seed) => {
          const options = { tileGridSize, clipLimit, valueRange };
          const before = tf.memory().numTensors;
          tf.tidy(() => {
            const images = randomImages([count, height, width, channels], seed);
            expect(composed(images, options)).toEqual(clahe(images, options).dataSync());
          });
          expect(tf.memory().numTensors).toBe(before);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('takes NaN for the lowest grey', () => {
    const images = (odd: number) => tf.tensor2d([odd, 0.5, 1, 0.2], [2, 2]);
    expect(composed(images(NaN))).toEqual(clahe(images(0)).dataSync());
  });
});

describe('clahe', () => {
  it('refuses NaN and says where', () => {
    const images = tf.buffer([2, 3, 4, 5, 2], 'float32');
    images.set(NaN, 1, 0, 2, 3, 1);
    expect(() => clahe(images.toTensor())).toThrow(
      'clahe: images: expected numbers, received NaN at image 3, row 2, column 3, channel 1',
    );
    expect(() => clahe(images.toTensor())).toThrow(ArgumentError);
  });

  it('refuses values outside the range, and lets rounding pass', () => {
    for (const odd of [-Infinity, -0.5, 255, Infinity]) {
      expect(() =>
        clahe(
          tf.tensor2d([
            [0, 0.5, 1],
            [0, odd, 1],
          ]),
        ),
      ).toThrow(
        // prettier-ignore
        `clahe: images: expected values in 0..1, or int32 in 0..255, received "${odd} at position 4 of [2, 3]"`,
      );
    }
    expect(() => clahe(tf.fill([2, 2], 2), { valueRange: [3, 9] })).toThrow(
      'expected values in 3..9, received "2 at',
    );
    const wild = tf.tensor2d([[-1e-5, 0.5], [1 + 1e-5, 0]]); // prettier-ignore
    expect(clahe(wild).dataSync()).toEqual(clahe(tf.tensor2d([[0, 0.5], [1, 0]])).dataSync()); // prettier-ignore
  });

  it('takes whole numbers for 0..255 where no range is given', () => {
    const grey = Array.from({ length: 64 }, (_, i) => 4 * i);
    const whole = tf.tensor2d(grey, [8, 8], 'int32');
    const unit = tf.div(tf.tensor2d(grey, [8, 8]), 255);
    expect(clahe(whole, { tileGridSize: [2, 2] }).dataSync()).toEqual(
      clahe(unit, { tileGridSize: [2, 2] }).dataSync(),
    );
    expect(() => clahe(tf.fill([2, 2], 256, 'int32'))).toThrow(
      'expected values in 0..255, received "256 at position 0',
    );
  });

  it('maps any value range alike', () => {
    const images = randomImages([24, 24]);
    const hu = tf.sub(tf.mul(images, 80), 1000);
    const back = tf.div(tf.add(clahe(hu, { valueRange: [-1000, -920] }), 1000), 80);
    // grey values at the edge of a bin may fall on either side
    expect(tf.mean(tf.abs(tf.sub(back, clahe(images)))).dataSync()[0]).toBeLessThan(1e-3);
  });

  it('equals the plain float32 definition for any size, grid and clip limit', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
        fc.constantFrom(0, 0.5, 2, 40, 1e9),
        fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
        (height, width, tileGridSize, clipLimit, greys) => {
          const src = Uint8Array.from({ length: height * width }, () => greys.next().value as number);
          const result = tf.tidy(() =>
            clahe(tf.tensor2d(src, [height, width], 'int32'), { clipLimit, tileGridSize }).dataSync(),
          );
          const grey = Uint8Array.from(result, (value) => Math.round(value * 255));
          expect(grey).toEqual(reference(src, height, width, clipLimit, tileGridSize));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('refuses bad arguments', () => {
    const images = tf.zeros([8, 8]);
    const bad = (options: object) => () => clahe(images, options);
    expect(bad({ clipLimit: -1 })).toThrow('clahe: clipLimit: expected a number of at least 0, received -1');
    expect(bad({ clipLimit: NaN })).toThrow('clahe: clipLimit');
    expect(bad({ tileGridSize: [8] })).toThrow('clahe: tileGridSize');
    expect(bad({ tileGridSize: [0, 8] })).toThrow('clahe: tileGridSize');
    expect(bad({ tileGridSize: [8, 1e6] })).toThrow('clahe: tileGridSize');
    expect(bad({ valueRange: [1, 1] })).toThrow('clahe: valueRange');
    expectImagesChecked('clahe', (x) => clahe(x));
  });
});

/** The definition, pixel by pixel in float32 throughout, for the kernel's shortcuts to be measured against. */
function reference(
  src: Uint8Array,
  height: number,
  width: number,
  clipLimit: number,
  [rows, columns]: [number, number],
): Uint8Array {
  const f = Math.fround;
  const whole = height % rows === 0 && width % columns === 0;
  const tileHeight = (whole ? height : height + rows - (height % rows)) / rows;
  const tileWidth = (whole ? width : width + columns - (width % columns)) / columns;
  const mirror = (i: number, n: number): number => {
    if (n === 1) return 0;
    while (i >= n || i < 0) i = i < 0 ? -i : 2 * n - 2 - i;
    return i;
  };
  const area = tileHeight * tileWidth;
  const round = (x: number) => {
    const floor = Math.floor(x);
    const rest = x - floor;
    const up = rest > 0.5 || (rest === 0.5 && floor % 2 === 1);
    return Math.min(255, floor + (up ? 1 : 0));
  };
  const lut = (row: number, column: number): number[] => {
    const bins = new Array<number>(256).fill(0);
    for (let y = 0; y < tileHeight; y++) {
      for (let x = 0; x < tileWidth; x++) {
        const source = mirror(row * tileHeight + y, height) * width + mirror(column * tileWidth + x, width);
        bins[src[source]!]!++;
      }
    }
    if (clipLimit > 0) {
      const limit = Math.max(1, Math.floor((clipLimit * area) / 256));
      const excess = bins.reduce((sum, bin) => sum + Math.max(0, bin - limit), 0);
      const rest = excess % 256;
      const step = Math.max(1, Math.floor(256 / rest));
      for (let bin = 0; bin < 256; bin++) {
        bins[bin] = Math.min(bins[bin]!, limit) + Math.floor(excess / 256);
        if (rest > 0 && bin % step === 0 && bin / step < rest) bins[bin]!++;
      }
    }
    let sum = 0;
    return bins.map((bin) => round(f((sum += bin) * f(255 / area))));
  };
  const luts = Array.from({ length: rows }, (_, r) => Array.from({ length: columns }, (_, c) => lut(r, c)));
  return src.map((grey, i) => {
    const axis = (at: number, length: number, tiles: number) => {
      const position = f(f(at * f(1 / length)) - 0.5);
      const tile = Math.floor(position);
      return [Math.max(tile, 0), Math.min(tile + 1, tiles - 1), f(position - tile)] as const;
    };
    const [top, bottom, wy] = axis(Math.floor(i / width), tileHeight, rows);
    const [left, right, wx] = axis(i % width, tileWidth, columns);
    const along = (row: number) =>
      f(f(luts[row]![left]![grey]! * f(1 - wx)) + f(luts[row]![right]![grey]! * wx));
    return round(f(f(along(top) * f(1 - wy)) + f(along(bottom) * wy)));
  });
}
