import * as tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { prepareWasmBackend } from '../../src/backends/prepare_wasm_backend';

it('prepares what is there: nothing, the kernels, then the active backend too', async () => {
  expect(await prepareWasmBackend()).toEqual({
    trainingKernels: false,
    compiledKernels: false,
    memoryGuard: false,
  });
  await import('@tensorflow/tfjs-backend-wasm');
  expect(await prepareWasmBackend()).toEqual({
    trainingKernels: true,
    compiledKernels: false,
    memoryGuard: false,
  });
  await tf.setBackend('wasm');
  expect(await prepareWasmBackend()).toEqual({
    trainingKernels: true,
    compiledKernels: true,
    memoryGuard: true,
  });
  expect(await prepareWasmBackend()).toEqual({
    trainingKernels: true,
    compiledKernels: true,
    memoryGuard: true,
  });
  const gradient = tf.tidy(() =>
    tf.grad((w: tf.Tensor) =>
      tf.sum(tf.conv2d(tf.ones([1, 2, 2, 1]) as tf.Tensor4D, w as tf.Tensor4D, 1, 'valid')),
    )(tf.ones([2, 2, 1, 1])),
  );
  expect([...gradient.dataSync()]).toEqual([1, 1, 1, 1]);
});
