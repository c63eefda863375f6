import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../../src/base/errors';
import { floatToHalf, halfToFloat } from '../../src/base/half';
import { readSafetensors, writeSafetensors } from '../../src/interop/safetensors';
import { readGolden } from '../support/golden';
import { expectNoLeak } from '../support/matchers';

/** A file with one tensor, its header entry changed at will. */
function file(entry: object, data: Uint8Array, header: object = {}): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify({ ...header, t: entry }));
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

describe('readSafetensors', () => {
  it('reads what the safetensors library wrote', () => {
    const bytes = readFileSync(new URL('../golden/gru_1layer.safetensors', import.meta.url));
    const read = readSafetensors(bytes);
    const { tensors } = readGolden('gru_1layer');
    expect(Object.keys(read).sort()).toEqual(Object.keys(tensors).sort());
    for (const [name, { shape, data }] of Object.entries(tensors)) {
      expect(read[name]!.shape).toEqual(shape);
      expect(read[name]!.dataSync()).toEqual(data);
    }
  });

  it.each([
    ['F64', new Float64Array([1.5, -2]), [1.5, -2]],
    ['F16', new Uint16Array([0x3c00, 0xc100, 0x0001, 0x7c00]), [1, -2.5, 2 ** -24, Infinity]],
    ['BF16', new Uint16Array([0x3f80, 0xc020]), [1, -2.5]],
    ['I64', new BigInt64Array([-3n, 7n]), [-3, 7]],
    ['I16', new Int16Array([-300, 7]), [-300, 7]],
    ['I8', new Int8Array([-3, 7]), [-3, 7]],
    ['U8', new Uint8Array([200, 7]), [200, 7]],
    ['BOOL', new Uint8Array([1, 0]), [1, 0]],
  ])('reads %s', (dtype, values, expected) => {
    const data = new Uint8Array(values.buffer);
    const bytes = file({ dtype, shape: [expected.length], data_offsets: [0, data.length] }, data);
    expect([...readSafetensors(bytes)['t']!.dataSync()]).toEqual(expected);
  });

  it('gives back what writeSafetensors took, for any shapes and values', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(
          fc.string({ minLength: 1 }).filter((name) => name !== '__metadata__' && name !== '__proto__'),
          fc.tuple(
            fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }),
            fc.constantFrom('float32', 'int32', 'bool'),
          ),
          { maxKeys: 4 },
        ),
        async (spec) => {
          const tensors = Object.fromEntries(
            Object.entries(spec).map(([name, [shape, dtype]]) => [
              name,
              tf.cast(tf.randomUniform(shape, 0, 2), dtype as 'float32' | 'int32' | 'bool'),
            ]),
          );
          const bytes = await writeSafetensors(tensors, { metadata: { key: 'ключ' } });
          expect(new DataView(bytes.buffer).getBigUint64(0, true) % 8n).toBe(0n);
          const read = readSafetensors(bytes);
          expect(Object.keys(read).sort()).toEqual(Object.keys(tensors).sort());
          for (const [name, tensor] of Object.entries(tensors)) {
            expect(read[name]!.shape).toEqual(tensor.shape);
            expect(read[name]!.dtype).toBe(tensor.dtype);
            expect([...read[name]!.dataSync()]).toEqual([...tensor.dataSync()]);
          }
          tf.dispose([tensors, read]);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('writes halves that round to the nearest, the even one of two, and reads them back', async () => {
    const given = [0, -0, 1, -2.5, 65504, 2 ** -14, 2 ** -24, 2 ** -25, 3 * 2 ** -25, 1 + 2 ** -11, 1 + 3 * 2 ** -11, NaN, -Infinity, 0.1];
    const near = [0, -0, 1, -2.5, 65504, 2 ** -14, 2 ** -24, 0, 2 ** -23, 1, 1 + 2 ** -9, NaN, -Infinity, 0.0999755859375];
    const bytes = await writeSafetensors({ a: tf.tensor1d(given), b: tf.scalar(7, 'int32') }, { precision: 'float16' });
    const { a, b } = readSafetensors(bytes);
    expect([...a!.dataSync()]).toEqual(near);
    expect([...b!.dataSync()]).toEqual([7]);
    const all = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits).filter((bits) => (bits & 0x7c00) !== 0x7c00 || (bits & 0x3ff) === 0);
    const halves = Array.from(all, halfToFloat);
    expect(halves.map(floatToHalf)).toEqual([...all]);
  }); // prettier-ignore

  it('refuses a value that halves have no room for, and an unknown option', async () => {
    const write = (values: number[]) =>
      writeSafetensors({ w: tf.tensor1d(values) }, { precision: 'float16' });
    await expect(write([1, 65600])).rejects.toThrow(/'w' contains 65600, but float16 ends at 65504/);
    await expect(write([Infinity])).resolves.toBeInstanceOf(Uint8Array);
    await expect(writeSafetensors({}, { precision: 'f16' } as never)).rejects.toThrow(/precision/);
  });

  it.each([
    ['cut off in the length', new Uint8Array(5), /at least 8 bytes, received 5/],
    [
      'with a header longer than the file',
      new Uint8Array([255, 0, 0, 0, 0, 0, 0, 0, 1]),
      /claims 255 bytes, but the file has 9/,
    ],
    [
      'with a header that claims 2^63',
      new Uint8Array([0, 0, 0, 0, 0, 0, 0, 128, 1]),
      /claims 9223372036854776000 bytes/,
    ],
    ['whose header is not JSON', new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 65, 66]), /not JSON/],
    [
      'of a made-up dtype',
      file({ dtype: 'F8', shape: [1], data_offsets: [0, 1] }, new Uint8Array(1)),
      /'t' has unknown dtype F8/,
    ],
    [
      'of an inherited dtype',
      file({ dtype: 'toString', shape: [1], data_offsets: [0, 1] }, new Uint8Array(1)),
      /unknown dtype/,
    ],
    [
      'with a negative size',
      file({ dtype: 'U8', shape: [-1], data_offsets: [0, 1] }, new Uint8Array(1)),
      /malformed shape/,
    ],
    [
      'past its end',
      file({ dtype: 'U8', shape: [9], data_offsets: [0, 9] }, new Uint8Array(1)),
      /lies at 0..9 of 1 bytes/,
    ],
    [
      'of the wrong size',
      file({ dtype: 'F32', shape: [1], data_offsets: [0, 3] }, new Uint8Array(8)),
      /needs 4 bytes, has 3/,
    ],
  ])('refuses a file %s', (_what, bytes, message) => {
    expect(() => readSafetensors(bytes)).toThrow(CheckpointError);
    expect(() => readSafetensors(bytes)).toThrow(message);
  });

  it.each([
    ['an object that is no text', '{"toString":null}'],
    ['an object with a constructor of its own', '{"constructor":{"name":{"toString":1}}}'],
  ])('refuses a dtype that is %s', (_, dtype) => {
    const bytes = file({ dtype: JSON.parse(dtype), shape: [1], data_offsets: [0, 1] }, new Uint8Array(1));
    expect(() => readSafetensors(bytes)).toThrow(CheckpointError);
  });

  it('refuses tensors that overlap, so that a short file cannot fill the memory', () => {
    const entry = (begin: number, end: number) => ({
      dtype: 'U8',
      shape: [end - begin],
      data_offsets: [begin, end],
    });
    const of = (first: object, second: object) => file(second, new Uint8Array(8), { s: first });
    expect(() => readSafetensors(of(entry(0, 8), entry(0, 8)))).toThrow(/'s' and 't' overlap/);
    expect(() => readSafetensors(of(entry(3, 8), entry(0, 4)))).toThrow(/'t' and 's' overlap/);
    expect(() => readSafetensors(of(entry(0, 8), entry(2, 3)))).toThrow(CheckpointError);
    // one beside the other, in any order, and any number of empty ones
    expect(Object.keys(readSafetensors(of(entry(4, 8), entry(0, 4))))).toEqual(['s', 't']);
    expect(Object.keys(readSafetensors(of(entry(0, 8), entry(4, 4))))).toEqual(['s', 't']);
  });

  it('refuses bytes that belong to no tensor, between two and at the end', () => {
    const of = (...places: [number, number][]) => {
      const entries = places.map(([begin, end], i) => [
        `t${i}`,
        { dtype: 'U8', shape: [end - begin], data_offsets: [begin, end] },
      ]);
      const [last, ...others] = entries.reverse();
      return file(last![1] as object, new Uint8Array(8), Object.fromEntries(others));
    };
    expect(() => readSafetensors(of([0, 3], [5, 8]))).toThrow(
      /2 bytes between 't0' and 't' belong to no tensor/,
    );
    expect(() => readSafetensors(of([1, 8]))).toThrow(
      /1 bytes between the header and 't' belong to no tensor/,
    );
    expect(() => readSafetensors(of([0, 2], [2, 5]))).toThrow(/3 bytes at the end belong to no tensor/);
    expect(Object.keys(readSafetensors(of([0, 8], [8, 8])))).toHaveLength(2);
  });

  it('refuses a name that comes twice, of which one would be lost', () => {
    const entry = (begin: number) => `{"dtype":"U8","shape":[1],"data_offsets":[${begin},${begin + 1}]}`;
    const of = (json: string) => {
      const bytes = new Uint8Array(8 + json.length + 2);
      bytes.set([json.length & 255, json.length >> 8]);
      bytes.set(new TextEncoder().encode(json), 8);
      return bytes;
    };
    expect(() => readSafetensors(of(`{"a":${entry(0)},"a":${entry(1)}}`))).toThrow(/has the name 'a' twice/);
    // the same name, otherwise written
    expect(() => readSafetensors(of(`{"a":${entry(0)},"\\u0061" :${entry(1)}}`))).toThrow(/name 'a' twice/);
    expect(() => readSafetensors(of(`{"a":${entry(0).replace('}', ',"dtype":"I8"}')}}`))).toThrow(
      /name 'dtype' twice/,
    );
    expect(Object.keys(readSafetensors(of(`{"a":${entry(0)},"b\\":":${entry(1)}}`)))).toEqual(['a', 'b":']);
  });

  it.each([
    ['a PyTorch checkpoint', 'PK\x03\x04 archive/data.pkl', /PyTorch checkpoint \(\.pth\).*save_file/],
    [
      'an old PyTorch checkpoint',
      '\x80\x02\x8a\x0al\xfc\x9cF\xf9 j',
      /PyTorch checkpoint \(\.pth\) in the old/,
    ],
    [
      'a Git LFS pointer',
      'version https://git-lfs.github.com/spec/v1\noid sha256:12',
      /Git LFS pointer.*git lfs pull/,
    ],
    ['an HTML page', '\n<!DOCTYPE html><title>Sign in</title>', /an HTML page in place of the file/],
    ['an HDF5 file', '\x89HDF\r\n\x1a\n and more', /an HDF5 file/],
  ])('names %s for what it is', (_, content, message) => {
    const bytes = Uint8Array.from(content, (character) => character.charCodeAt(0));
    expect(() => readSafetensors(bytes)).toThrow(CheckpointError);
    expect(() => readSafetensors(bytes)).toThrow(message);
  });

  it('reads a file whose length of the header looks like the beginning of a pickle', () => {
    const data = new Uint8Array([7]);
    const entry = { dtype: 'U8', shape: [1], data_offsets: [0, 1] };
    const short = file(entry, data, { __metadata__: { note: '' } }).length - 9;
    const bytes = file(entry, data, { __metadata__: { note: ' '.repeat(0x280 - short) } });
    expect([...bytes.subarray(0, 2)]).toEqual([0x80, 0x02]);
    expect([...readSafetensors(bytes)['t']!.dataSync()]).toEqual([7]);
  });

  it('leaves no tensor behind when a later one is refused', () => {
    const good = { dtype: 'U8', shape: [8], data_offsets: [0, 8] };
    const large = { dtype: 'I64', shape: [1], data_offsets: [8, 16] };
    const bytes = file(large, new Uint8Array(16).fill(0x7f), { s: good });
    const before = tf.memory().numTensors;
    expect(() => readSafetensors(bytes)).toThrow(/does not fit 32 bits/);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('leaks nothing', () => {
    const bytes = readFileSync(new URL('../golden/fbeta.safetensors', import.meta.url));
    expectNoLeak(() => readSafetensors(bytes));
  });
});
