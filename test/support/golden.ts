import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';

export interface GoldenTensor {
  shape: number[];
  dtype: 'F32' | 'I32' | 'U8';
  data: Float32Array | Int32Array | Uint8Array;
}

/** Reference vectors from `test/golden/NAME.safetensors`, read without the library's own reader. */
export function readGolden(name: string): {
  tensors: Record<string, GoldenTensor>;
  meta: Record<string, string>;
} {
  const file = readFileSync(new URL(`../golden/${name}.safetensors`, import.meta.url));
  const headerLength = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + headerLength).toString()) as Record<string, unknown>;
  const { __metadata__: meta = {}, ...entries } = header;
  const tensors: Record<string, GoldenTensor> = {};
  for (const [key, entry] of Object.entries(entries)) {
    const { dtype, shape, data_offsets } = entry as {
      dtype: GoldenTensor['dtype'];
      shape: number[];
      data_offsets: [number, number];
    };
    const bytes = new Uint8Array(
      file.subarray(8 + headerLength + data_offsets[0], 8 + headerLength + data_offsets[1]),
    );
    const view = { F32: Float32Array, I32: Int32Array, U8: Uint8Array }[dtype];
    tensors[key] = { shape, dtype, data: new view(bytes.buffer) };
  }
  return { tensors, meta: meta as Record<string, string> };
}

/** One golden tensor as a float32 (or int32) tensor. */
export function toTensor({ shape, data, dtype }: GoldenTensor): tf.Tensor {
  return tf.tensor(data, shape, dtype === 'I32' ? 'int32' : 'float32');
}
