import { readdirSync, readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../../src/base/errors';
import { readSafetensors, writeSafetensors } from '../../src/interop/safetensors';
import { joinBytes } from '../support/dicom_bytes';
import { fuzz, growthOf, itHasReadAll, MUTANTS, watched } from './fuzz';
import { byteChanges, changeBytes, changeJson, jsonChanges, mutantsOf } from './mutations';

watched('safetensors');

const folder = new URL('../golden/', import.meta.url);
const files: Record<string, Uint8Array> = {};
for (const name of readdirSync(folder).filter((file) => file.endsWith('.safetensors'))) {
  const bytes = readFileSync(new URL(name, folder));
  if (bytes.length < 20_000) files[name] = new Uint8Array(bytes);
}
const ours = { a: tf.ones([2, 3]), b: tf.tensor([1, 2], [2], 'int32'), c: tf.scalar(true) };
files['ours'] = await writeSafetensors(ours);
tf.dispose(ours);
files['types'] = everyType();
const names = Object.keys(files);

function read(bytes: Uint8Array): void {
  tf.dispose(readSafetensors(bytes));
}

describe('readSafetensors', () => {
  it('of changed bytes', async () => {
    await fuzz({
      mutants: mutantsOf(
        names,
        byteChanges(['{', '}', '"', '[', ',', ':', '\\u0000', '1e999', '-', 'I64', 'null']),
      ),
      count: MUTANTS.safetensors * 0.6,
      read: ({ source, changes }) => read(changeBytes(files[source]!, changes, Object.values(files))),
      refusal: CheckpointError,
    });
  });

  it('of a changed header', async () => {
    const { accepted } = await fuzz({
      mutants: mutantsOf(names, jsonChanges()),
      count: MUTANTS.safetensors * 0.4,
      read: ({ source, changes }) => {
        const { header, data } = parts(files[source]!);
        read(file(JSON.stringify(changeJson(header, changes)) ?? '', data));
      },
      refusal: CheckpointError,
    });
    expect(accepted).toBeGreaterThan(0);
  });

  it('of a header that lies about sizes allocates nothing', async () => {
    const data = new Uint8Array(64);
    const entry = (shape: unknown, offsets: unknown = [0, 64], dtype = 'F32') =>
      file(JSON.stringify({ t: { dtype, shape, data_offsets: offsets } }), data);
    const lies = [
      ...[0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n].map((length) => {
        const bytes = entry([16]);
        new DataView(bytes.buffer).setBigUint64(0, length, true);
        return bytes;
      }),
      ...[2 ** 31, 2 ** 32 - 1, 2 ** 53 - 1, -1].flatMap((size) => [
        entry([size]),
        entry([size, size]),
        entry([size], [0, size]),
        entry([16], [size, size + 64]),
      ]),
      entry([2 ** 32, 2 ** 32]), // overflows 64 bits to 0
      entry([2 ** 33, 2 ** 31, 16]),
      entry(new Array(40).fill(2 ** 52)),
    ];
    const growth = await growthOf(() => {
      for (const bytes of lies) expect(() => read(bytes)).toThrow(CheckpointError);
    });
    expect(growth).toBeLessThan(64 * 2 ** 20);
  });

  it('of the same bytes under many names allocates nothing', async () => {
    const data = new Uint8Array(2 ** 20);
    const shared = { dtype: 'U8', shape: [data.length], data_offsets: [0, data.length] };
    const header = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`t${i}`, shared]));
    const bytes = file(JSON.stringify(header), data);
    const growth = await growthOf(() => expect(() => read(bytes)).toThrow(CheckpointError));
    expect(growth).toBeLessThan(64 * 2 ** 20);
  });
});

itHasReadAll('safetensors');

/** A tensor of each dtype that is read. */
function everyType(): Uint8Array {
  const sizes = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 };
  let end = 0;
  const header = Object.entries(sizes).map(([dtype, size]) => {
    const begin = end;
    end += 4 * size;
    return [dtype, { dtype, shape: [2, 2], data_offsets: [begin, end] }];
  });
  return file(JSON.stringify(Object.fromEntries(header)), new Uint8Array(end));
}

function parts(bytes: Uint8Array): { header: unknown; data: Uint8Array } {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  return { header, data: bytes.subarray(8 + length) };
}

function file(json: string, data: Uint8Array): Uint8Array {
  const header = new TextEncoder().encode(json);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  return joinBytes(length, header, data);
}
