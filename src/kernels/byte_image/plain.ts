import * as tf from '@tensorflow/tfjs';
import { hasKernel } from '../has_kernel';
import { registerInMemoryKernel } from '../in_memory';
import { BYTE_IMAGE_KERNEL, type ByteImageAttrs } from './contract';

/** A byte as a 255th; looking it up is faster than dividing. */
const UNIT_OF_BYTE = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/** Writes bytes as 255ths. */
export function unitsOfBytes(bytes: Uint8Array, out: Float32Array): void {
  for (let i = 0; i < bytes.length; i++) out[i] = UNIT_OF_BYTE[bytes[i]!]!;
}

// on `wasm` a compiled kernel may stand under the first name, which falls back on the second
for (const name of [BYTE_IMAGE_KERNEL, `${BYTE_IMAGE_KERNEL}.plain`]) {
  registerInMemoryKernel<object, ByteImageAttrs>(name, ({ attrs: { bytes, shape }, backend }) => {
    const result = backend.make(shape);
    unitsOfBytes(bytes, backend.values([result])[0] as Float32Array);
    return result;
  });
}

/** A tensor of bytes as 255ths. */
export function byteImage<T extends tf.Tensor>(bytes: Uint8Array, shape: number[]): T {
  if (hasKernel(BYTE_IMAGE_KERNEL)) {
    const attrs = { bytes, shape } satisfies ByteImageAttrs;
    return tf.engine().runKernel<T>(BYTE_IMAGE_KERNEL, {}, attrs as unknown as tf.NamedAttrMap);
  }
  const values = new Float32Array(bytes.length);
  unitsOfBytes(bytes, values);
  return tf.tensor(values, shape) as T;
}
