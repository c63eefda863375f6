import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { beforeAll, describe, expect, it } from 'vitest';
import { registerWasmTrainingKernels } from '../../../../src/backends/wasm/training_kernels';
import { noise, valuesOn } from '../support';

describe('the gradient of ReLU', () => {
  beforeAll(async () => {
    await tf.setBackend('wasm');
    registerWasmTrainingKernels();
  });

  it('equals the cpu backend’s, in any number of units, and keeps NaN', async () => {
    for (const size of [1, 3, 37, 2 ** 14, 2 ** 15 + 5]) {
      const compute = () => {
        const x = noise([size], 1);
        const values = x.dataSync().slice();
        values.set([0], Math.floor(size / 2));
        if (size > 3) values.set([NaN], size - 2);
        return [tf.grad((input) => tf.mul(tf.relu(input), noise([size], 2)))(tf.tensor1d(values))];
      };
      const [expected] = await valuesOn('cpu', compute);
      const [actual] = await valuesOn('wasm', compute);
      // where a gradient is 0 its sign may differ
      expect(actual!.map((value) => value + 0)).toEqual(expected!.map((value) => value + 0));
    }
  });

  it('has a gradient of its own', async () => {
    const compute = () => {
      const cube = (x: tf.Tensor) => tf.pow(tf.relu(x), 3);
      return [tf.grad((x) => tf.grad(cube)(x))(tf.tensor1d([-2, -0.5, 0.5, 2, 3]))];
    };
    const [expected] = await valuesOn('cpu', compute);
    expect([...(await valuesOn('wasm', compute))[0]!]).toEqual([...expected!]);
    expect(expected![4]).toBeCloseTo(18);
  });
});
