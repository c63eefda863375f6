import { DataError } from './errors';
import { floatToHalf, HALF_MAX, halfToFloat } from './half';

/** Precisions in which image values, which lie in 0..1, can be stored: `'uint8'` stores 255ths. */
export const PRECISIONS = ['float32', 'float16', 'uint8'] as const;

/** One of {@link PRECISIONS}. */
export type Precision = (typeof PRECISIONS)[number];

/** Stored values: numbers, the bits of float16, or 255ths. */
export type StoredValues = Float32Array | Uint16Array | Uint8Array;

/** The array type of each precision. */
export const STORED_ARRAYS = {
  float32: Float32Array,
  float16: Uint16Array,
  uint8: Uint8Array,
} as const;

/** Tolerance for values that rounding has moved out of 0..1. */
const SLACK = 1e-3;

/**
 * Values rounded to a precision, as they are stored.
 *
 * @throws DataError for a value that is beyond what float16 holds, or that 8 bits cannot hold, since it is not in 0..1.
 */
export function storedValues(values: Float32Array, precision: Precision): StoredValues {
  if (precision === 'float32') return values;
  if (precision === 'float16') {
    const beyond = values.findIndex((value) => Number.isFinite(value) && Math.abs(value) > HALF_MAX);
    if (beyond < 0) return Uint16Array.from(values, floatToHalf);
    throw new DataError(
      `expected values of at most ${HALF_MAX}, which float16 can hold, found ${values[beyond]}`,
    );
  }
  const outside = values.findIndex((value) => !(value >= -SLACK && value <= 1 + SLACK));
  if (outside >= 0) {
    throw new DataError(`expected values in 0..1, which 8 bits can hold, found ${values[outside]}`);
  }
  return new Uint8Array(Uint8ClampedArray.from(values, (value) => 255 * value));
}

/** The values that {@link storedValues} stored; storing them again gives the same result. */
export function plainValues(stored: StoredValues): Float32Array {
  if (stored instanceof Float32Array) return stored;
  if (stored instanceof Uint16Array) return Float32Array.from(stored, halfToFloat);
  return Float32Array.from(stored, (value) => value / 255);
}
