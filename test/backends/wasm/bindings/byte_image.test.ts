import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { beforeAll, describe, expect, it } from 'vitest';
import { registerWasmTrainingKernels } from '../../../../src/backends/wasm/training_kernels';
import { byteImage } from '../../../../src/kernels/byte_image/plain';
import { valuesOn, withoutHeap } from '../support';

describe('an image of bytes', () => {
  beforeAll(async () => {
    await tf.setBackend('wasm');
    registerWasmTrainingKernels();
  });

  it('is 255ths to the last bit, of any length', async () => {
    for (const length of [1, 2, 15, 16, 17, 256, 1000]) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 7) % 256);
      const expected = Float32Array.from(bytes, (byte) => byte / 255);
      const image = () => [byteImage(bytes, [length, 1, 1])];
      expect((await valuesOn('cpu', image))[0]).toEqual(expected);
      expect((await valuesOn('wasm', image))[0]).toEqual(expected);
      await withoutHeap(async () => expect((await valuesOn('wasm', image))[0]).toEqual(expected));
    }
  });
});
