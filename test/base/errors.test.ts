import { describe, expect, it } from 'vitest';
import {
  ArgumentError,
  CheckpointError,
  CtMultilabelError,
  DataError,
  NonFiniteError,
  OutOfMemoryError,
} from '../../src/base/errors';

describe('error classes', () => {
  it.each([ArgumentError, CheckpointError, DataError, NonFiniteError, OutOfMemoryError])(
    '%o is one of ours, bears its own name and keeps its cause',
    (ErrorClass) => {
      const cause = new Error('below');
      const error =
        ErrorClass === DataError || ErrorClass === NonFiniteError
          ? new (ErrorClass as typeof DataError)('text', {}, { cause })
          : new (ErrorClass as typeof ArgumentError)('text', { cause });
      expect(error).toBeInstanceOf(CtMultilabelError);
      expect(error).toBeInstanceOf(Error);
      expect(error.name).toBe(ErrorClass.name);
      expect(error.message).toBe('text');
      expect(error.cause).toBe(cause);
    },
  );

  it('DataError and NonFiniteError say where, leaving out what is not known', () => {
    const location = { file: 'train.csv', row: 7, patient: undefined, slice: '003' };
    const error = new DataError('expected 0 or 1', location as never);
    expect(error.message).toBe('expected 0 or 1 (file train.csv, row 7, slice 003)');
    expect(error.location).toBe(location);
    expect(new DataError('broken').message).toBe('broken');
    const long = { patient: 'x'.repeat(1e6) }; // a file may hold a name of any length
    expect(new DataError('broken', long).message).toBe(`broken (patient ${'x'.repeat(1000)}…)`);
    expect(new DataError('broken', long).location).toBe(long);
    expect(new DataError('broken').location).toEqual({});
    const pixel = new NonFiniteError('a pixel is NaN', { patient: 'A', slice: '3' });
    expect([pixel.message, pixel.location.slice]).toEqual(['a pixel is NaN (patient A, slice 3)', '3']);
  });
});
