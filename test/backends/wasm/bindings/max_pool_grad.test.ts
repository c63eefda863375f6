import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { maxPoolGrad as composed } from '../../../../src/backends/wasm/composed/max_pool_grad';
import { maxPoolGrad as compiled } from '../../../../src/backends/wasm/bindings/pooling_kernels';
import { expectClose } from '../../../support/matchers';
import { noise, register, valuesOn } from '../support';

const poolings = fc
  .record({
    shape: fc.tuple(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 10 }),
    ),
    window: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
    strides: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    pad: fc.constantFrom('same' as const, 'valid' as const),
  })
  .filter(({ shape, window, pad }) => pad === 'same' || (shape[1] >= window[0] && shape[2] >= window[1]));

describe.each([
  ['composed', composed],
  ['compiled', compiled],
])('gradient of max pooling on wasm, %s', (_, kernel) => {
  beforeAll(() => register(kernel));

  it('goes to the largest pixel of each window, also over the edge', async () => {
    // windows of 2 at stride 2 over three pixels: {-3, -1} and {-2, past the edge}
    const [dx] = await valuesOn('wasm', () => [
      tf.grad((x: tf.Tensor) =>
        tf.sum(tf.mul(tf.maxPool(x as tf.Tensor4D, [1, 2], [1, 2], 'same'), [[[[5], [7]]]])),
      )(tf.tensor4d([-3, -1, -2], [1, 1, 3, 1])),
    ]);
    expect([...dx!]).toEqual([0, 5, 7]);
  });

  it('goes to the first of equals', async () => {
    const [dx] = await valuesOn('wasm', () => [
      tf.grad((x: tf.Tensor) => tf.sum(tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid')))(tf.zeros([1, 2, 2, 1])),
    ]);
    expect([...dx!]).toEqual([1, 0, 0, 0]);
  });

  it('goes to the first pixel where that is NaN, and does not spread it', async () => {
    const [dx] = await valuesOn('wasm', () => [
      tf.grad((x: tf.Tensor) => tf.sum(tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid')))(
        tf.tensor4d(
          [NaN, 1, 2, 3].flatMap((value) => [value, 1, 1, 1, 1]),
          [1, 2, 2, 5],
        ),
      ),
    ]);
    expect([...dx!]).toEqual([...[1, 1, 1, 1, 1], ...new Array<number>(15).fill(0)]);
  });

  it('matches the cpu backend', async () => {
    await fc.assert(
      fc.asyncProperty(poolings, async ({ shape, window, strides, pad }) => {
        const compute = () => [
          tf.grad((x: tf.Tensor) => tf.sum(tf.square(tf.maxPool(x as tf.Tensor4D, window, strides, pad))))(
            noise(shape, 21),
          ),
        ];
        const [actual] = await valuesOn('wasm', compute);
        const [expected] = await valuesOn('cpu', compute);
        expectClose(actual!, expected!);
      }),
      { numRuns: 80 },
    );
  });
});
