import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { guardWasmMemory } from '../../../../src/backends/wasm/runtime/memory_guard';
import { registerWasmTrainingKernels } from '../../../../src/backends/wasm/training_kernels';
import { OutOfMemoryError } from '../../../../src/base/errors';
import { expectClose } from '../../../support/matchers';
import { noise, valuesOn, withoutHeap } from '../support';

beforeAll(() => {
  expect(registerWasmTrainingKernels()).toBe(true);
});

/** Sizes around the tiles of 4 rows and 8 columns, and beyond the block of 256 in depth and 128 rows. */
const size = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 20 }) },
  fc.constantFrom(31, 32, 33, 64, 257),
);

const products = fc.record({
  rows: size,
  depth: size,
  columns: size,
  transposeA: fc.boolean(),
  transposeB: fc.boolean(),
  batch: fc.constantFrom<[number[], number[]]>(
    [[], []],
    [[3], [3]],
    [[1], [3]],
    [[3], [1]],
    [[2, 3], [2, 3]], // prettier-ignore
    [[2, 2], [1, 1]], // prettier-ignore
  ),
});
type Product = typeof products extends fc.Arbitrary<infer T> ? T : never;

function operands({ rows, depth, columns, transposeA, transposeB, batch }: Product): [tf.Tensor, tf.Tensor] {
  return [
    noise([...batch[0], ...(transposeA ? [depth, rows] : [rows, depth])], 1),
    noise([...batch[1], ...(transposeB ? [columns, depth] : [depth, columns])], 2),
  ];
}

/** Fails unless `compute` gives on wasm what it gives on cpu. */
async function expectSameOnWasm(compute: () => tf.Tensor[]): Promise<void> {
  const [expected, actual] = [await valuesOn('cpu', compute), await valuesOn('wasm', compute)];
  expected.forEach((values, i) => expectClose(actual[i]!, values, 1e-5, `result ${i}`));
}

describe('matrix products on wasm', () => {
  it('equal those of cpu for any shape, transposed or not, with a batch on either side', async () => {
    await fc.assert(
      fc.asyncProperty(products, async (product) => {
        await expectSameOnWasm(() => {
          const [a, b] = operands(product);
          return [tf.matMul(a, b, product.transposeA, product.transposeB)];
        });
      }),
      { numRuns: 200 },
    );
  });

  it('have the gradients of cpu', async () => {
    const together = products.filter(({ batch: [a, b] }) => `${a}` === `${b}`);
    await fc.assert(
      fc.asyncProperty(together, async (product) => {
        await expectSameOnWasm(() => {
          const [a, b] = operands(product);
          const { rows, columns, transposeA, transposeB, batch } = product;
          const dy = noise([...batch[0], rows, columns], 3);
          return tf.grads((x: tf.Tensor, y: tf.Tensor) => tf.matMul(x, y, transposeA, transposeB))(
            [a, b],
            dy,
          );
        });
      }),
      { numRuns: 50 },
    );
  });

  it('take bias and activation along, ours and those left to the host', async () => {
    const activations = fc.constantFrom('linear', 'relu', 'relu6', 'sigmoid');
    await fc.assert(
      fc.asyncProperty(products, activations, fc.boolean(), async (product, activation, biased) => {
        const fused: Product = { ...product, batch: [[], []] };
        await expectSameOnWasm(() => {
          const [a, b] = operands(fused) as [tf.Tensor2D, tf.Tensor2D];
          const { transposeA, transposeB } = fused;
          const bias = biased ? noise([product.columns], 4) : undefined;
          return [
            tf.fused.matMul({ a, b, transposeA, transposeB, bias: bias!, activation: activation as 'relu' }),
          ];
        });
      }),
      { numRuns: 100 },
    );
  });

  it('go to the host, transposed beforehand, where its heap cannot be reached', async () => {
    await withoutHeap(() =>
      fc.assert(
        fc.asyncProperty(products, async (product) => {
          await expectSameOnWasm(() => {
            const [a, b] = operands(product);
            return [tf.matMul(a, b, product.transposeA, product.transposeB)];
          });
        }),
        { numRuns: 50 },
      ),
    );
  });

  it('broadcast batches on both sides at once', async () => {
    const compute = () => {
      const [a, b] = [noise([2, 1, 3, 4], 1), noise([1, 3, 4, 5], 2)];
      const product = tf.matMul(a, b);
      const parts = tf.unstack(a).flatMap((x) => tf.unstack(tf.squeeze(b, [0])).map((y) => tf.matMul(tf.squeeze(x, [0]), y))); // prettier-ignore
      return [product, tf.reshape(tf.stack(parts), [2, 3, 3, 5])];
    };
    const [product, parts] = await valuesOn('wasm', compute);
    expectClose(product!, parts!, 1e-6);
  });

  it('keep what is not a number, and infinities', async () => {
    const compute = () => {
      const a = tf.tensor2d([[NaN, 1, 2], [Infinity, 1, 1], [1, 1, 1], [1, -Infinity, 1], [0, 0, 1]]); // prettier-ignore
      return [tf.fused.matMul({ a, b: tf.ones([3, 9]), activation: 'relu' }), tf.matMul(a, tf.ones([3, 9]))];
    };
    const [relu, linear] = await valuesOn('wasm', compute);
    const column = (values: Float32Array) => Array.from({ length: 5 }, (_, i) => values[9 * i + 8]);
    expect(column(relu!)).toEqual([NaN, Infinity, 3, 0, 1]);
    expect(column(linear!)).toEqual([NaN, Infinity, 3, -Infinity, 1]);
  });

  it('of nothing are empty, and of unfit shapes an error, as on the host', async () => {
    await tf.setBackend('wasm');
    expect(tf.matMul(tf.zeros([0, 3]), tf.zeros([3, 2])).shape).toEqual([0, 2]);
    expect(() => tf.matMul(tf.zeros([2, 3]), tf.zeros([4, 2]))).toThrow(/inner shapes/);
    expect(() => tf.matMul(tf.zeros([2, 3], 'int32'), tf.zeros([3, 2], 'int32'))).toThrow();
  });

  it('that do not fit in memory are an error that says so', async () => {
    await tf.setBackend('wasm');
    guardWasmMemory();
    const [column, row] = [tf.zeros([32_000, 1]), tf.zeros([1, 32_000])];
    const before = tf.backend().numDataIds();
    expect(() => tf.matMul(column, row)).toThrow(OutOfMemoryError);
    expect(tf.backend().numDataIds()).toBe(before);
    tf.dispose([column, row]);
  });
});
