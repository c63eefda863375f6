import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { registerWasmTrainingKernels } from '../../../../src/backends/wasm/training_kernels';
import { runHostKernel } from '../../../../src/kernels/host_kernel';
import { WITHIN_KERNEL } from '../../../../src/kernels/within/contract';
import { checkValueRange } from '../../../../src/transforms/images';
import { valuesOn, withoutHeap } from '../support';

describe('the kernel that checks a range', () => {
  beforeAll(async () => {
    await tf.setBackend('wasm');
    registerWasmTrainingKernels();
  });

  const within = async (values: number[], low: number, high: number) => {
    const compute = () => [runHostKernel(WITHIN_KERNEL, tf.tensor1d(values), { low, high })!];
    return (await valuesOn('wasm', compute))[0]![0];
  };

  it('finds one value outside, or NaN, wherever it is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.nat(),
        fc.constantFrom(-0.25, 1.25, NaN, Infinity, -Infinity),
        async (count, place, odd) => {
          const values = Array.from({ length: count }, (_, i) => (i % 5) / 4);
          expect(await within(values, 0, 1)).toBe(1);
          values[place % count] = odd;
          expect(await within(values, 0, 1)).toBe(0);
          expect(await within(values, -1, 2)).toBe(Number.isFinite(odd) ? 1 : 0);
        },
      ),
    );
  });

  it('leaves what it refuses, or cannot see, to the search, which allows for rounding', async () => {
    await tf.setBackend('wasm');
    const check = (values: number[]) => () =>
      tf.tidy(() => checkValueRange('f', tf.tensor2d(values, [1, values.length]), [0, 1]));
    const all = () => {
      expect(check([0, 0.5, 1.0005])).not.toThrow();
      expect(check([0, 0.5, 1.5])).toThrow(
        /f: images: expected values in 0\.\.1, .*received "1\.5 at position 2/,
      );
    };
    all();
    await withoutHeap(async () => all());
  });
});
