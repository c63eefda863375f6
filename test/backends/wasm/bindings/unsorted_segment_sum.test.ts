import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { registerWasmTrainingKernels } from '../../../../src/backends/wasm/training_kernels';
import { expectClose } from '../../../support/matchers';
import { noise, valuesOn } from '../support';

beforeAll(() => {
  registerWasmTrainingKernels();
});

const cases = fc.record({
  ids: fc.array(fc.integer({ min: -2, max: 6 }), { minLength: 1, maxLength: 8 }),
  rest: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
  numSegments: fc.integer({ min: 1, max: 5 }),
});

describe('unsortedSegmentSum on wasm', () => {
  it('adds the rows of a segment', async () => {
    const [sums] = await valuesOn('wasm', () => [
      tf.unsortedSegmentSum(
        tf.tensor2d([
          [1, 2],
          [10, 20],
          [100, 200],
        ]),
        tf.tensor1d([2, 0, 2], 'int32'),
        3,
      ),
    ]);
    expect([...sums!]).toEqual([10, 20, 0, 0, 101, 202]);
  });

  it('matches the cpu backend, strays left out', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ ids, rest, numSegments }) => {
        const compute = () => [
          tf.unsortedSegmentSum(noise([ids.length, ...rest], 3), tf.tensor1d(ids, 'int32'), numSegments),
        ];
        const [actual] = await valuesOn('wasm', compute);
        const [expected] = await valuesOn('cpu', compute);
        expectClose(actual!, expected!);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps int32', async () => {
    await tf.setBackend('wasm');
    const sums = tf.tidy(() =>
      tf.unsortedSegmentSum(tf.tensor1d([1, 2, 3], 'int32'), tf.tensor1d([0, 0, 1], 'int32'), 2),
    );
    expect(sums.dtype).toBe('int32');
    expect([...sums.dataSync()]).toEqual([3, 3]);
    sums.dispose();
  });

  it('gives tf.gather its gradient along any axis', async () => {
    for (const axis of [0, 1, 2]) {
      const compute = () => [
        tf.grad((x: tf.Tensor) => tf.sum(tf.square(tf.gather(x, tf.tensor1d([1, 0, 1], 'int32'), axis))))(
          noise([2, 3, 4], 5),
        ),
      ];
      const [actual] = await valuesOn('wasm', compute);
      const [expected] = await valuesOn('cpu', compute);
      expectClose(actual!, expected!);
    }
  });
});
