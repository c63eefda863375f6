import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deriveSeed } from '../../src/base/random';
import { affine } from '../../src/transforms/affine';
import { colorJitter } from '../../src/transforms/color_jitter';
import { flip } from '../../src/transforms/flip';
import {
  applyAugmentation,
  drawAugmentation,
  randomAugment,
  type AugmentationRanges,
  type RandomAugmentOptions,
} from '../../src/transforms/random_augment';
import type { AugmentationDraw } from '../../src/base/types';
import { resize } from '../../src/transforms/resize';
import { onBackends } from '../support/backends';
import { expectClose, expectNoLeak } from '../support/matchers';
import {
  expectImagesChecked,
  expectSliceBySlice,
  randomImages,
  shapesOf,
  sizes,
  valuesWithoutKernel,
} from './support';

onBackends(['cpu', 'wasm'], 'randomAugment', () => {
  it('equal seeds give equal pixels, other seeds and later calls others', () => {
    const stack = randomImages([3, 12, 10, 1]);
    const first = randomAugment({ seed: 5 });
    const second = randomAugment({ seed: 5 });
    const other = randomAugment({ seed: 6 });
    const pixels = [first, first, second, second, other].map((augment) => augment(stack).dataSync());
    expect(pixels[0]).toEqual(pixels[2]);
    expect(pixels[1]).toEqual(pixels[3]);
    expect(pixels[0]).not.toEqual(pixels[1]);
    expect(pixels[0]).not.toEqual(pixels[4]);
  });

  it('draws once per stack, whatever the rank, and keeps the shape', () => {
    // a fresh augmenter draws the same each time: slices alone come out as in their stack
    for (const shape of shapesOf(9, 7).filter(({ length }) => length < 5)) {
      const images = randomImages(shape);
      const result = randomAugment({ seed: 11 })(images);
      expect(result.shape).toEqual(shape);
      if (shape.length === 4) {
        const slices = tf.unstack(images).map((slice) => randomAugment({ seed: 11 })(slice));
        expectClose(result, tf.stack(slices), 1e-6);
      }
    }
  });

  it('draws once per patient of a batch, as if they came one by one', () => {
    const batch = randomImages([3, 2, 9, 7, 1]);
    const together = randomAugment({ seed: 3 })(batch);
    const single = randomAugment({ seed: 3 });
    expect(together.shape).toEqual(batch.shape);
    expectClose(together, tf.stack(tf.unstack(batch).map((stack) => single(stack))), 1e-6);
    // the same patient twice in a batch is augmented in two ways
    const twice = tf.unstack(
      randomAugment({ seed: 3 })(tf.tile(randomImages([1, 2, 9, 7, 1]), [2, 1, 1, 1, 1])),
    );
    expect(twice[0]!.dataSync()).not.toEqual(twice[1]!.dataSync());
  });

  it('leaves no tensor behind', () => {
    const augment = randomAugment({ seed: 1 });
    for (const shape of shapesOf(9, 7)) {
      const images = randomImages(shape);
      expectNoLeak(() => augment(images));
    }
    const stack = randomImages([2, 6, 6, 1]);
    expectNoLeak(() => applyAugmentation(stack, drawAugmentation({}, 1)));
  });
});

describe('drawAugmentation', () => {
  it('is in its ranges, plain data, and a function of its seed', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const draw = drawAugmentation({}, seed);
        expect(Math.abs(draw.angle)).toBeLessThanOrEqual(180);
        expect(draw.scale).toBeGreaterThanOrEqual(0.8);
        expect(draw.scale).toBeLessThanOrEqual(1.4);
        expect(Math.abs(draw.brightness - 1)).toBeLessThanOrEqual(0.2);
        expect(Math.abs(draw.contrast - 1)).toBeLessThanOrEqual(0.2);
        expect(drawAugmentation({}, seed)).toEqual(draw);
        expect(JSON.parse(JSON.stringify(draw))).toEqual(draw);
      }),
    );
  });

  it('follows the probabilities and fills its ranges', () => {
    const draws = Array.from({ length: 2000 }, (_, patient) =>
      drawAugmentation({}, deriveSeed(1, 0, patient)),
    );
    const mean = (value: (draw: AugmentationDraw) => number) =>
      draws.reduce((sum, draw) => sum + value(draw), 0) / draws.length;
    // standard errors are about 0.011, 0.011, 2.3, 0.004 and 0.0026
    expect(Math.abs(mean((d) => +d.horizontalFlip) - 0.5)).toBeLessThan(0.05);
    expect(Math.abs(mean((d) => +d.verticalFlip) - 0.5)).toBeLessThan(0.05);
    expect(Math.abs(mean((d) => d.angle))).toBeLessThan(10);
    expect(Math.abs(mean((d) => d.scale) - 1.1)).toBeLessThan(0.02);
    expect(Math.abs(mean((d) => d.brightness) - 1)).toBeLessThan(0.012);
    expect(Math.max(...draws.map((d) => d.angle))).toBeGreaterThan(175);
    expect(Math.min(...draws.map((d) => d.contrast))).toBeLessThan(0.805);
    // both flips together as often as independence says
    expect(Math.abs(mean((d) => +(d.horizontalFlip && d.verticalFlip)) - 0.25)).toBeLessThan(0.05);
  });

  it('changes only what a changed range governs', () => {
    const { angle, ...rest } = drawAugmentation({}, 9);
    const { angle: smaller, ...same } = drawAugmentation({ rotation: 18, scale: undefined }, 9);
    expect(same).toEqual(rest);
    expect(smaller).toBeCloseTo(angle / 10, 10);
    expect(drawAugmentation({ horizontalFlip: 0 }, 9).horizontalFlip).toBe(false);
    expect(drawAugmentation({ horizontalFlip: 1 }, 9).horizontalFlip).toBe(true);
  });

  it('refuses bad ranges, in randomAugment at once', () => {
    const bad: [string, object][] = [
      ['horizontalFlip', { horizontalFlip: 1.1 }],
      ['verticalFlip', { verticalFlip: '0.5' }],
      ['rotation', { rotation: -1 }],
      ['rotation', { rotation: 181 }],
      ['scale', { scale: [1.4, 0.8] }],
      ['scale', { scale: [0, 1] }],
      ['scale', { scale: 1 }],
      ['brightness', { brightness: 2 }],
      ['contrast', { contrast: NaN }],
      ['fill', { fill: -1 }],
    ];
    for (const [name, ranges] of bad) {
      expect(() => drawAugmentation(ranges as AugmentationRanges, 1)).toThrow(
        `drawAugmentation: ${name}: expected`,
      );
      expect(() => randomAugment({ ...ranges, seed: 1 } as RandomAugmentOptions)).toThrow(
        `randomAugment: ${name}: expected`,
      );
    }
    expect(() => drawAugmentation({}, 0.5)).toThrow(
      'drawAugmentation: seed: expected an integer, received 0.5',
    );
    expect(() => randomAugment({} as RandomAugmentOptions)).toThrow('randomAugment: seed');
    expect(() => randomAugment(undefined as unknown as RandomAugmentOptions)).toThrow(
      'randomAugment: options',
    );
    expectImagesChecked('randomAugment', (images) => randomAugment({ seed: 1 })(images));
  });
});

describe('applyAugmentation', () => {
  const still: AugmentationDraw = {
    horizontalFlip: false,
    verticalFlip: false,
    angle: 0,
    scale: 1,
    brightness: 1,
    contrast: 1,
    fill: 0,
  };

  const stepsApart = (stack: tf.Tensor, draw: AugmentationDraw) => {
    const { horizontalFlip, verticalFlip, angle, scale, fill, brightness, contrast } = draw;
    let current = stack;
    if (horizontalFlip) current = flip(current, 'horizontal');
    if (verticalFlip) current = flip(current, 'vertical');
    return colorJitter(affine(current, { angle, scale, fill }), { brightness, contrast });
  };

  it('does nothing for a draw that says nothing', () => {
    const stack = randomImages([2, 6, 5, 1]);
    expect(applyAugmentation(stack, still).dataSync()).toEqual(stack.dataSync());
  });

  it('is flips, affine, jitter, in that order', () => {
    const stack = randomImages([2, 6, 5, 1]);
    const draw = {
      ...still,
      verticalFlip: true,
      angle: 25,
      scale: 1.2,
      brightness: 1.1,
      contrast: 0.9,
      fill: 0.3,
    };
    const expected = colorJitter(affine(flip(stack, 'vertical'), { angle: 25, scale: 1.2, fill: 0.3 }), {
      brightness: 1.1,
      contrast: 0.9,
    });
    expectClose(applyAugmentation(stack, draw), expected, 1e-6);
  });

  it('is the steps apart for any draw, edges included, with and without the kernel', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.boolean(),
        fc.boolean(),
        sizes,
        fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (seed, horizontalFlip, verticalFlip, size, [count, channels], fill) => {
          const draw = { ...drawAugmentation({}, seed), horizontalFlip, verticalFlip, fill };
          tf.tidy(() => {
            const stack = randomImages([count, ...size, channels], seed);
            const expected = stepsApart(stack, draw).dataSync();
            expectClose(applyAugmentation(stack, draw), expected, 1e-5);
            expectClose(
              valuesWithoutKernel('CtWarp', () => applyAugmentation(stack, draw)),
              expected,
              1e-5,
            );
          });
        },
      ),
      { numRuns: 100 },
    );
  });

  it('enlarges in the same warp', () => {
    fc.assert(
      fc.property(
        fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
        fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 })),
        fc.boolean(),
        fc.constantFrom(0, 180, 360),
        ([height, width], [moreRows, moreColumns], verticalFlip, angle) => {
          // a pixel of the result lies on one of the enlarged image: reading once and reading twice are the same
          const draw = { ...still, angle: angle + 1e-9, verticalFlip, fill: 0.4 };
          const size: [number, number] = [height + moreRows, width + moreColumns];
          tf.tidy(() => {
            const stack = randomImages([2, height, width, 2]);
            const expected = stepsApart(resize(stack, size, { antialias: false }), draw).dataSync();
            expectClose(applyAugmentation(stack, draw, { size }), expected, 1e-5);
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('gives the same pixels by tensor operations when it enlarges', () => {
    fc.assert(
      fc.property(fc.integer(), sizes, (seed, [height, width]) => {
        const draw = { ...drawAugmentation({}, seed), fill: 0.3 };
        tf.tidy(() => {
          const stack = randomImages([2, height, width, 1], seed);
          const run = () => applyAugmentation(stack, draw, { size: [height + 3, width + 5] });
          expectClose(run(), valuesWithoutKernel('CtWarp', run), 1e-5);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('shrinks first, antialiased', () => {
    const stack = randomImages([2, 12, 10, 1]);
    const draw = drawAugmentation({}, 4);
    const expected = stepsApart(resize(stack, [6, 5]), draw).dataSync();
    expectClose(applyAugmentation(stack, draw, { size: [6, 5] }), expected, 1e-5);
    expect(randomAugment({ seed: 1, size: [6, 20] })(stack).shape).toEqual([2, 6, 20, 1]);
    expectNoLeak(() => applyAugmentation(stack, draw, { size: [6, 20] }));
  });

  it('takes each rank slice by slice, and stays in 0..1', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const draw = drawAugmentation({}, seed);
        expectSliceBySlice((x) => applyAugmentation(x, draw));
        tf.tidy(() => {
          const values = applyAugmentation(randomImages([8, 8], seed), draw).dataSync();
          expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
          expect(Math.max(...values)).toBeLessThanOrEqual(1);
        });
      }),
      { numRuns: 10 },
    );
  });

  it('refuses bad arguments', () => {
    const stack = tf.zeros([2, 6, 5, 1]);
    expect(() => applyAugmentation(stack, {} as AugmentationDraw)).toThrow('applyAugmentation: draw');
    expect(() => applyAugmentation(stack, undefined as unknown as AugmentationDraw)).toThrow(
      'applyAugmentation: draw',
    );
    expect(() => applyAugmentation(stack, { ...still, scale: -1 })).toThrow('applyAugmentation: draw.scale');
    expect(() => applyAugmentation(stack, { ...still, angle: NaN })).toThrow('applyAugmentation: draw.angle');
    expect(() => applyAugmentation(stack, { ...still, fill: NaN })).toThrow('applyAugmentation: draw.fill');
    expect(() => applyAugmentation(stack, still, { size: [0, 4] })).toThrow('applyAugmentation: size');
    expect(() => randomAugment({ seed: 1, size: [4, 0.5] })).toThrow('randomAugment: size');
    expectImagesChecked('applyAugmentation', (images) => applyAugmentation(images, still));
  });
});
