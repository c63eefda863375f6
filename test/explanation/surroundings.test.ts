import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random';
import { surroundings } from '../../src/explanation/surroundings';

describe('surroundings', () => {
  it('is the median of the square around each value, of every channel of every slice by itself', () => {
    const side = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(
        side,
        side,
        fc.integer({ min: 1, max: 2 }),
        side,
        fc.integer(),
        (height, width, channels, reach, seed) => {
          const random = seededRandom(seed);
          const shape = [2, height, width, channels] as const;
          // whole levels, with both ends in every plane, so that the 256 levels are exact
          const values = Float32Array.from({ length: 2 * height * width * channels }, (_, i) => {
            const pixel = Math.floor(i / channels) % (height * width);
            return pixel === 0 ? 0 : pixel === 1 ? 255 : Math.floor(random() ** 2 * 256);
          });
          const at = (s: number, y: number, x: number, c: number) =>
            ((s * height + y) * width + x) * channels + c;
          const result = surroundings(values, shape, reach);
          for (let s = 0; s < 2; s++) {
            for (let y = 0; y < height; y++) {
              for (let x = 0; x < width; x++) {
                for (let c = 0; c < channels; c++) {
                  const near: number[] = [];
                  for (let v = Math.max(0, y - reach); v <= Math.min(height - 1, y + reach); v++) {
                    for (let u = Math.max(0, x - reach); u <= Math.min(width - 1, x + reach); u++) near.push(values[at(s, v, u, c)]!); // prettier-ignore
                  }
                  near.sort((a, b) => a - b);
                  expect(result[at(s, y, x, c)]).toBeCloseTo(near[Math.floor((near.length - 1) / 2)]!, 3);
                }
              }
            }
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('takes out what is small, keeps an edge, and leaves an even slice as it is', () => {
    const edge = Float32Array.from({ length: 81 }, (_, i) => (i % 9 < 4 ? 0.2 : 1));
    const spotted = edge.slice();
    for (const i of [42, 43, 51, 52]) spotted[i] = 0.6;
    const close = (actual: Float32Array, expected: Float32Array) =>
      actual.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 6));
    close(surroundings(spotted, [1, 9, 9, 1], 2), edge);
    const even = new Float32Array(18).fill(0.3);
    expect(surroundings(even, [2, 3, 3, 1], 1)).toEqual(even);
  });
});
