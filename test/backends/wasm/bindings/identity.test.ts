import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { beforeAll, describe, expect, it } from 'vitest';
import { registerWasmTrainingKernels } from '../../../../src/backends/wasm/training_kernels';

describe('casting', () => {
  beforeAll(async () => {
    await tf.setBackend('wasm');
    registerWasmTrainingKernels();
  });

  it('shares the data of a tensor that has the type already, which outlives it', () => {
    const before = { tensors: tf.memory().numTensors, data: tf.backend().numDataIds() };
    const x = tf.tensor1d([1.5, -2]);
    const same = tf.cast(x, 'float32');
    expect(tf.backend().numDataIds()).toBe(before.data + 1);
    x.dispose();
    expect([...same.dataSync()]).toEqual([1.5, -2]);
    same.dispose();
    expect({ tensors: tf.memory().numTensors, data: tf.backend().numDataIds() }).toEqual(before);
  });

  it('converts others', () => {
    tf.tidy(() => {
      const whole = tf.cast(tf.tensor1d([1.5, -2.5]), 'int32');
      expect([whole.dtype, ...whole.dataSync()]).toEqual(['int32', 1, -2]);
      expect([...tf.cast(whole, 'float32').dataSync()]).toEqual([1, -2]);
    });
  });
});
