import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe as group, expect, it } from 'vitest';
import {
  ArgumentError,
  check,
  CheckpointError,
  checkKnownKeys,
  checkOneOf,
  CtMultilabelError,
  DataError,
  describe,
  isPositiveInteger,
  NonFiniteError,
  OutOfMemoryError,
} from '../../src/base/errors';

group('error classes', () => {
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

group('check', () => {
  it('names the argument, the rule and the value received', () => {
    expect(() => check(true, 'f: x', 'a number', 'one')).not.toThrow();
    expect(() => check(false, 'f: x', 'a number', 'one')).toThrow(
      new ArgumentError('f: x: expected a number, received "one"'),
    );
  });

  it('refuses keys that nobody knows', () => {
    expect(() => checkKnownKeys({ a: 1 }, ['a', 'b'], 'f')).not.toThrow();
    expect(() => checkKnownKeys({ a: 1, B: 2 }, ['a', 'b'], 'f')).toThrow(
      new ArgumentError("f: unknown option 'B'; did you mean 'b'? known: a, b"),
    );
    expect(() => checkKnownKeys({ zzz: 1 }, ['a', 'b'], 'f')).toThrow(
      new ArgumentError("f: unknown option 'zzz'; known: a, b"),
    );
    expect(() => checkKnownKeys(null as never, ['a'], 'f')).toThrow('f: options: expected an object');
  });

  it.each([
    ['gammaNegative', 'gammaNeg'],
    ['gamma_pos', 'gammaPos'],
    ['gammapos', 'gammaPos'],
    ['clp', 'clip'],
    ['redcution', 'reduction'],
    ['beta', undefined],
    ['', undefined],
    ['x'.repeat(1e6), undefined],
  ])('suggests the nearest name for %.20s', (key, meant) => {
    const known = ['gammaNeg', 'gammaPos', 'clip', 'reduction'];
    const hint = meant === undefined ? '; known: ' : `; did you mean '${meant}'? known: `;
    expect(() => checkKnownKeys({ [key]: 1 }, known, 'f')).toThrow(`${hint}${known.join(', ')}`);
  });

  it('refuses values that are none of the names', () => {
    const names = ['vgg16', 'resnet18', 'squeezenet1_1'] as const;
    expect(() => checkOneOf('vgg16', names, 'f: x')).not.toThrow();
    expect(() => checkOneOf('vgg-16', names, 'f: x')).toThrow(
      new ArgumentError(
        `f: x: expected one of 'vgg16', 'resnet18', 'squeezenet1_1', received "vgg-16"; did you mean 'vgg16'?`,
      ),
    );
    expect(() => checkOneOf('vgg16', ['add', 'concat'], 'f: x')).toThrow(
      new ArgumentError(`f: x: expected 'add' or 'concat', received "vgg16"`),
    );
    expect(() => checkOneOf(16, names, 'f: x')).toThrow(/received 16$/);
    expect(() => checkOneOf(undefined, names, 'f: x')).toThrow(/received undefined$/);
  });

  it('suggests a known name for any slip of one letter in a name of three or more', () => {
    const name = fc.stringMatching(/^[a-z]{3,12}$/);
    fc.assert(
      fc.property(name, fc.nat(), fc.constantFrom('', 'Q'), (known, place, letters) => {
        const at = place % known.length;
        const slip = known.slice(0, at) + letters + known.slice(at + 1);
        expect(() => checkKnownKeys({ [slip]: 1 }, [known], 'f')).toThrow(`did you mean '${known}'?`);
      }),
    );
  });

  it('isPositiveInteger takes 1, 2, … and nothing else', () => {
    expect([1, 2, 1e9].map(isPositiveInteger)).toEqual([true, true, true]);
    for (const value of [0, -1, 1.5, NaN, Infinity, '1', null, undefined, [1]]) {
      expect(isPositiveInteger(value)).toBe(false);
    }
  });
});

group('describe', () => {
  const circular: Record<string, unknown> = { a: 1 };
  circular['self'] = circular;

  it.each<[unknown, string]>([
    [3, '3'],
    [NaN, 'NaN'],
    [-Infinity, '-Infinity'],
    [10n, '10'],
    [undefined, 'undefined'],
    [null, 'null'],
    [true, 'true'],
    ['a "quoted" text', '"a \\"quoted\\" text"'],
    [Symbol('s'), 'Symbol(s)'],
    [Math.max, 'function max'],
    [['a', 'b'], '["a","b"]'],
    [{ a: [1, 2] }, '{"a":[1,2]}'],
    [[], '[]'],
    [{}, '{}'],
    // what is wrong in a list must be seen
    [[0.5, NaN, undefined, Infinity], '[0.5,NaN,undefined,Infinity]'],
    [{ a: 1n, b: Math.max }, '{"a":1,"b":function max}'],
    [new Map(), 'a Map'],
    [new Float32Array(3), 'a Float32Array'],
    [Object.create(null), 'a value'],
    // as from a file that wants to confuse
    [JSON.parse('{"constructor":{"name":{"toString":1}}}'), '{"constructor":{"name":{"toString":1}}}'],
    [JSON.parse('{"toString":null,"toJSON":1}'), '{"toString":null,"toJSON":1}'],
  ])('%o', (value, text) => {
    expect(describe(value)).toBe(text);
  });

  it('gives tensors by dtype and shape, in lists too, never by content', () => {
    tf.tidy(() => {
      const tensor = tf.zeros([2, 3], 'int32');
      expect(describe(tensor)).toBe('int32 tensor of shape [2, 3]');
      expect(describe([tensor])).toBe('[int32 tensor of shape [2, 3]]');
    });
    expect(describe([tf.input({ shape: [3] })])).toBe('[a SymbolicTensor]');
  });

  it('survives a value that holds itself, and cuts long ones', () => {
    expect(describe(circular)).toMatch(/^\{"a":1,"self":\{"a":1,.*…/);
    const long = describe(Array.from({ length: 1e5 }, (_, i) => i));
    expect(long).toMatch(/^\[0,1,2,.*…$/);
    expect(long.length).toBe(201);
    expect(describe('x'.repeat(1000))).toBe(`"${'x'.repeat(199)}…`);
  });

  it('gives a text of at most 201 characters for anything, and for JSON the JSON', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withNullPrototype: true, withTypedArray: true }),
        (value) => {
          expect(describe(value).length).toBeLessThanOrEqual(201);
        },
      ),
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer(), fc.boolean(), fc.string({ maxLength: 5 }))), (value) => {
        const json = JSON.stringify(value);
        expect(describe(value)).toBe(json.length > 200 ? `${json.slice(0, 200)}…` : json);
      }),
    );
  });
});
