import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { colorJitter } from '../../src/transforms/color_jitter';
import { onBackends } from '../support/backends';
import { readGolden, toTensor } from '../support/golden';
import { expectClose, expectNoLeak } from '../support/matchers';
import { expectImagesChecked, expectSliceBySlice, randomImages, valuesWithoutKernel } from './support';

const { tensors: golden, meta } = readGolden('augment');
const cases = (JSON.parse(meta['cases']!) as { out: string; brightness: number; contrast: number }[]).filter(
  ({ out }) => out.startsWith('jitter'),
);

onBackends(['cpu', 'wasm'], 'colorJitter', () => {
  it.each(cases)(
    'is torchvision at brightness $brightness, contrast $contrast',
    ({ out, brightness, contrast }) => {
      expectClose(colorJitter(toTensor(golden['x']!), { brightness, contrast }), golden[out]!.data, 1e-6);
    },
  );

  it('takes each rank, slice by slice', () => {
    expectSliceBySlice((x) => colorJitter(x, { brightness: 0.9, contrast: 1.3 }));
  });

  it('leaves no tensor behind', () => {
    const x = randomImages([2, 4, 4, 3]);
    expectNoLeak(() => [colorJitter(x, { brightness: 0.9, contrast: 1.3 }), colorJitter(x)]);
  });
});

describe('colorJitter', () => {
  it('takes the luminance of three channels for the mean', () => {
    const x = tf.tensor3d([[[0.2, 0.4, 0.6]]]);
    const mean = 0.2989 * 0.2 + 0.587 * 0.4 + 0.114 * 0.6;
    expectClose(colorJitter(x, { contrast: 0 }), [mean, mean, mean], 1e-6);
    expectClose(colorJitter(tf.tensor3d([[[0.2, 0.4]]]), { contrast: 0 }), [0.3, 0.3], 1e-6);
  });

  it('has a gradient', () => {
    // far from both clips: y = c b x + (1 - c) mean(b x)
    const x = tf.tensor2d([[0.4, 0.5, 0.6]]);
    const options = { brightness: 1.1, contrast: 0.8 };
    const gradient = tf.grad((y) => tf.sum(tf.slice(colorJitter(y, options), [0, 0], [1, 1])))(x);
    const shared = (1.1 * 0.2) / 3;
    expectClose(gradient, [0.88 + shared, shared, shared], 1e-5);
  });

  it('is the same as tensor operations, in value and in gradient', () => {
    const factor = fc.oneof(fc.constant(1), fc.double({ min: 0, max: 2, noNaN: true }));
    fc.assert(
      fc.property(
        factor,
        factor,
        fc.integer({ min: 1, max: 4 }),
        fc.integer(),
        (brightness, contrast, c, seed) => {
          tf.tidy(() => {
            const x = randomImages([2, 5, 3, c], seed);
            const cotangent = randomImages([2, 5, 3, c], seed + 1);
            const value = () => colorJitter(x, { brightness, contrast });
            const gradient = () =>
              tf.grad((y) => tf.sum(tf.mul(colorJitter(y, { brightness, contrast }), cotangent)))(x);
            expectClose(value(), valuesWithoutKernel('CtColorJitter', value), 1e-6);
            expectClose(gradient(), valuesWithoutKernel('CtColorJitter', gradient), 1e-5);
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('stays in 0..1, keeps order, and factors of 1 change nothing', () => {
    const factor = fc.double({ min: 0, max: 3, noNaN: true });
    fc.assert(
      fc.property(factor, factor, fc.integer(), (brightness, contrast, seed) => {
        tf.tidy(() => {
          const x = randomImages([6, 5], seed);
          const before = x.dataSync();
          const after = colorJitter(x, { brightness, contrast }).dataSync();
          const order = [...before.keys()].sort((i, j) => before[i]! - before[j]!);
          order.forEach((i, rank) => {
            expect(after[i]).toBeGreaterThanOrEqual(0);
            expect(after[i]).toBeLessThanOrEqual(1);
            if (rank > 0) expect(after[i]).toBeGreaterThanOrEqual(after[order[rank - 1]!]!);
          });
          expect(colorJitter(x).dataSync()).toEqual(before);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('refuses bad arguments', () => {
    const x = tf.zeros([4, 4]);
    expect(() => colorJitter(x, { brightness: -0.1 })).toThrow(
      'colorJitter: brightness: expected a factor of at least 0, received -0.1',
    );
    expect(() => colorJitter(x, { contrast: NaN })).toThrow('colorJitter: contrast');
    expectImagesChecked('colorJitter', (images) => colorJitter(images));
  });
});
