import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { affine, type AffineOptions } from '../../src/transforms/affine';
import { onBackends } from '../support/backends';
import { readGolden, toTensor } from '../support/golden';
import { expectClose, expectNoLeak } from '../support/matchers';
import { expectImagesChecked, expectSliceBySlice, randomImages, sizes, valuesWithoutKernel } from './support';

const { tensors: golden, meta } = readGolden('augment');
const cases = (
  JSON.parse(meta['cases']!) as { out: string; angleDegreesClockwise: number; scale: number }[]
).filter(({ out }) => out.startsWith('affine'));

onBackends(['cpu', 'wasm'], 'affine', () => {
  it.each(cases)('is torchvision at $angleDegreesClockwise degrees, scale $scale', (c) => {
    const result = affine(toTensor(golden['x']!), { angle: c.angleDegreesClockwise, scale: c.scale });
    const expected = golden[c.out]!.data;
    const difference = result.dataSync().map((value, i) => Math.abs(value - expected[i]!));
    expect(Math.max(...difference)).toBeLessThan(1e-4);
  });

  it('takes each rank, slice by slice', () => {
    expectSliceBySlice((x) => affine(x, { angle: 20, scale: 1.1, translate: [1, -2] }));
  });

  it('without a change is the identity', () => {
    const x = randomImages([3, 9, 7, 2]);
    expect(affine(x).dataSync()).toEqual(x.dataSync());
  });

  it('leaves no tensor behind', () => {
    const x = randomImages([2, 9, 7, 2]);
    expectNoLeak(() => affine(x, { angle: 10 }));
  });
});

describe('affine', () => {
  it('turns clockwise and shifts right and down', () => {
    const x = tf.tensor2d([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ]);
    expectClose(affine(x, { angle: 90 }), [7, 4, 1, 8, 5, 2, 9, 6, 3], 1e-6);
    expectClose(affine(x, { translate: [1, 0], fill: -1 }), [-1, 1, 2, -1, 4, 5, -1, 7, 8], 1e-6);
    expectClose(affine(x, { translate: [0, 1], fill: -1 }), [-1, -1, -1, 1, 2, 3, 4, 5, 6], 1e-6);
    // rotation first, then the shift
    expectClose(affine(x, { angle: 90, translate: [1, 0] }), [0, 7, 4, 0, 8, 5, 0, 9, 6], 1e-6);
  });

  it('reads nearest pixels when asked', () => {
    const x = tf.tensor2d([[1, 2, 3, 4]]);
    expect([...affine(x, { translate: [0.6, 0], interpolation: 'nearest' }).dataSync()]).toEqual([
      0, 1, 2, 3,
    ]);
    expectClose(affine(x, { translate: [0.6, 0] }), [0.4, 1.4, 2.4, 3.4], 1e-6);
  });

  it('four quarter turns of a square are the identity', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 24 }), fc.constantFrom(90, -90), (side, angle) => {
        tf.tidy(() => {
          const x = randomImages([side, side, 2], side);
          let turned = x;
          for (let i = 0; i < 4; i++) turned = affine(turned, { angle });
          expectClose(turned, x, 1e-5);
        });
      }),
      { numRuns: 30 },
    );
  });

  it('stays between fill and the values that came in', () => {
    fc.assert(
      fc.property(
        sizes,
        fc.double({ min: -400, max: 400, noNaN: true }),
        fc.double({ min: 0.2, max: 3, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (size, angle, scale, fill) => {
          tf.tidy(() => {
            const values = affine(randomImages(size), { angle, scale, fill }).dataSync();
            expect(Math.min(...values)).toBeGreaterThanOrEqual(-1e-6);
            expect(Math.max(...values)).toBeLessThanOrEqual(1 + 1e-6);
            // a constant equal to the fill stays
            expectClose(affine(tf.fill(size, fill), { angle, scale, fill }), tf.fill(size, fill), 1e-5);
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is the same as tf.image.transform', () => {
    fc.assert(
      fc.property(
        sizes,
        fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
        fc.double({ min: -400, max: 400, noNaN: true }),
        fc.double({ min: 0.2, max: 3, noNaN: true }),
        fc.tuple(fc.double({ min: -3, max: 3, noNaN: true }), fc.double({ min: -3, max: 3, noNaN: true })),
        fc.double({ min: -1, max: 1, noNaN: true }),
        (size, [count, channels], angle, scale, translate, fill) => {
          tf.tidy(() => {
            const x = randomImages([count, ...size, channels]);
            const value = () => affine(x, { angle, scale, translate, fill });
            const difference = tf.sub(value(), tf.tensor(valuesWithoutKernel('CtWarp', value), x.shape));
            expect(tf.max(tf.abs(difference)).dataSync()[0]).toBeLessThan(1e-5);
          });
        },
      ),
      { numRuns: 100 },
    );
  });

  it('refuses bad arguments', () => {
    const bad = (options: object) => () => affine(tf.zeros([4, 4]), options as AffineOptions);
    expect(bad({ angle: NaN })).toThrow('affine: angle: expected a number of degrees, received NaN');
    expect(bad({ scale: 0 })).toThrow('affine: scale');
    expect(bad({ translate: [1] })).toThrow('affine: translate');
    expect(bad({ fill: '0' })).toThrow('affine: fill');
    expect(bad({ interpolation: 'cubic' })).toThrow('affine: interpolation');
    expectImagesChecked('affine', (images) => affine(images));
  });
});
