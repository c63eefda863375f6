import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { registerWasmTrainingKernels } from '../../../../src/backends/wasm/training_kernels';
import { noise, valuesOn } from '../support';

const edge = fc.nat({ max: 3 });
const images = fc.record({
  shape: fc.tuple(
    fc.constantFrom(1, 3),
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 9 }),
    fc.constantFrom(1, 3, 8),
  ),
  padding: fc.tuple(
    fc.tuple(fc.constant(0), edge),
    fc.tuple(edge, edge),
    fc.tuple(edge, edge),
    fc.tuple(fc.constant(0), edge),
  ),
  onlyImages: fc.boolean(),
  value: fc.constantFrom(0, 0, 0, -1.5),
});

describe('padding and cutting images on wasm', () => {
  beforeAll(async () => {
    await tf.setBackend('wasm');
    registerWasmTrainingKernels();
  });

  it('is that of cpu, along all axes and with any value', async () => {
    await fc.assert(
      fc.asyncProperty(images, async ({ shape, padding, onlyImages, value }) => {
        const paddings = padding.map((pair, axis) => (onlyImages && axis % 3 === 0 ? [0, 0] : [...pair])) as [
          number,
          number,
        ][];
        const begin = paddings.map(([before]) => before);
        const compute = () => {
          const x = noise(shape, 1);
          const [padded, back] = [tf.pad(x, paddings, value), tf.slice(tf.pad(x, paddings, 7), begin, shape)];
          return [padded, back, tf.pad(tf.cast(tf.mul(x, 10), 'int32'), paddings)];
        };
        const [ours, expected] = [await valuesOn('wasm', compute), await valuesOn('cpu', compute)];
        expect(ours).toEqual(expected);
        expect(ours[1]).toEqual((await valuesOn('cpu', () => [noise(shape, 1)]))[0]);
      }),
      { numRuns: 100 },
    );
  });
});
