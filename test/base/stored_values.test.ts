import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainValues, PRECISIONS, STORED_ARRAYS, storedValues } from '../../src/base/stored_values';

const images = fc.float32Array({ min: 0, max: 1, noNaN: true });
const FARTHEST = { float32: 0, float16: 2 ** -12, uint8: 0.5 / 255 + 1e-7 };

describe.each(PRECISIONS)('values stored as %s', (precision) => {
  it('are the nearest there are, and stay the same when they are stored again', () => {
    fc.assert(
      fc.property(images, (values) => {
        const stored = storedValues(values, precision);
        expect(stored).toBeInstanceOf(STORED_ARRAYS[precision]);
        const back = plainValues(stored);
        values.forEach((value, i) =>
          expect(Math.abs(back[i]! - value)).toBeLessThanOrEqual(FARTHEST[precision]),
        );
        expect(plainValues(storedValues(back, precision))).toEqual(back);
      }),
    );
  });

  it('keep 0 and 1', () => {
    expect([...plainValues(storedValues(Float32Array.of(0, 1), precision))]).toEqual([0, 1]);
  });
});

describe('float16', () => {
  it.each([65505, -70_000, 3e38])('has no room for %s', (value) => {
    expect(() => storedValues(Float32Array.of(0.5, value), 'float16')).toThrow(
      `expected values of at most 65504, which float16 can hold, found ${Math.fround(value)}`,
    );
  });

  it('has room for what HU can be, and keeps what is not finite for those who check it', () => {
    const values = Float32Array.of(-1024, 3071, 65_504, NaN, Infinity);
    expect([...plainValues(storedValues(values, 'float16'))]).toEqual([-1024, 3072, 65_504, NaN, Infinity]);
  });
});

describe('8 bits', () => {
  it.each([NaN, Infinity, -0.1, 1.01])('have no room for %s', (value) => {
    expect(() => storedValues(Float32Array.of(0.5, value), 'uint8')).toThrow(
      `expected values in 0..1, which 8 bits can hold, found ${Math.fround(value)}`,
    );
  });

  it('take what rounding has left beyond 0 and 1', () => {
    expect([...storedValues(Float32Array.of(-1e-4, 1 + 1e-4), 'uint8')]).toEqual([0, 255]);
  });
});
