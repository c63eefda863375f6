import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { registerWasmTrainingKernels } from '../../../../src/backends/wasm/training_kernels';
import { expectClose } from '../../../support/matchers';
import { noise, valuesOn } from '../support';

describe('sum on wasm', () => {
  beforeAll(() => {
    registerWasmTrainingKernels();
  });

  const sums = fc
    .record({
      shape: fc.array(fc.constantFrom(1, 2, 3, 5, 8, 21, 70), { minLength: 1, maxLength: 4 }),
      count: fc.nat({ max: 4 }),
      leading: fc.boolean(),
      keepDims: fc.boolean(),
      seed: fc.integer(),
    })
    .filter(({ shape }) => tf.util.sizeFromShape(shape) < 200_000);

  it('is that of cpu, over leading axes and others, in any order and counted from either end', async () => {
    await fc.assert(
      fc.asyncProperty(sums, async ({ shape, count, leading, keepDims, seed }) => {
        const all = shape.map((_, axis) => axis);
        const some = Math.min(count, shape.length);
        const axes = leading ? all.slice(0, some).reverse() : all.slice(shape.length - some);
        const fromEnd = axes.map((axis, i) => (i % 2 ? axis - shape.length : axis));
        let outShape: number[][] = [];
        const compute = () => {
          const x = noise(shape, seed);
          const results = [
            tf.sum(x, fromEnd, keepDims),
            tf.sum(x),
            tf.sum(tf.cast(tf.mul(x, 10), 'int32'), fromEnd),
          ];
          outShape = [...outShape, results[0]!.shape];
          return results;
        };
        const [ours, expected] = [await valuesOn('wasm', compute), await valuesOn('cpu', compute)];
        expect(outShape[0]).toEqual(outShape[1]);
        // relative to the size of what is summed, since sums of noise are small; partial sums are rounded to float32
        const scale = Math.sqrt(tf.util.sizeFromShape(shape));
        ours.forEach((values, i) => expectClose([...values, scale], [...expected[i]!, scale], 1e-5));
      }),
      { numRuns: 60 },
    );
  });

  it('does not drift over millions of values', async () => {
    const [rows, all] = await valuesOn('wasm', () => {
      const x = tf.fill([2 ** 20, 4], 0.1);
      return [tf.sum(x, 0), tf.sum(x)];
    });
    expectClose(rows!, new Float32Array(4).fill(2 ** 20 * Math.fround(0.1)), 1e-6);
    expectClose(all!, [2 ** 22 * Math.fround(0.1)], 1e-6);
  });

  it('is 0 of nothing, and keeps NaN and infinity', async () => {
    const [none, nothing, bad] = await valuesOn('wasm', () => [
      tf.sum(tf.zeros([0, 3]), 0),
      tf.sum(tf.zeros([0])),
      tf.sum(tf.tensor2d([1, NaN, Infinity, 2, 0, 1], [2, 3]), 0),
    ]);
    expect([...none!]).toEqual([0, 0, 0]);
    expect([...nothing!]).toEqual([0]);
    expect([...bad!]).toEqual([3, NaN, Infinity]);
  });
});
