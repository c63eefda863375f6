import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe as group, expect, it } from 'vitest';
import { describe } from '../../src/base/describe';

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
