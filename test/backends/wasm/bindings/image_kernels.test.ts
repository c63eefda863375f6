import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { registerWasmTrainingKernels } from '../../../../src/backends/wasm/training_kernels';
import { clahe } from '../../../../src/transforms/clahe';
import { colorJitter } from '../../../../src/transforms/color_jitter';
import { affine } from '../../../../src/transforms/affine';
import { applyAugmentation, drawAugmentation } from '../../../../src/transforms/random_augment';
import { resize } from '../../../../src/transforms/resize';
import { expectClose } from '../../../support/matchers';
import { CLAHE_FILES, expectOpenCvClahe, randomImages } from '../../../transforms/support';
import { valuesOn } from '../support';

beforeAll(() => {
  registerWasmTrainingKernels();
});

/** Images wide enough for vectors and what is left over. */
const shapes = fc.tuple(
  fc.integer({ min: 1, max: 3 }),
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 1, max: 4 }),
);

/** Checks that compiled kernels and those in JavaScript give values no further apart than `tolerance`. */
async function expectSame(compute: () => tf.Tensor[], tolerance: number): Promise<void> {
  const expected = await valuesOn('cpu', compute);
  const actual = await valuesOn('wasm', compute);
  actual.forEach((values, i) => {
    if (tolerance === 0) expect(values).toEqual(expected[i]);
    else expectClose(values, expected[i]!, tolerance);
  });
}

describe('compiled image kernels', () => {
  it('stand in the place of those in JavaScript', () => {
    for (const name of ['CtClahe', 'CtWarp', 'CtResize', 'CtColorJitter']) {
      const [compiled, plain] = [name, `${name}.plain`].map((each) => tf.getKernel(each, 'wasm'));
      expect(plain).toBeDefined();
      expect(compiled!.kernelFunc).not.toBe(plain!.kernelFunc);
    }
  });

  it.each(CLAHE_FILES)('clahe is OpenCV bit for bit on %s', async (file) => {
    await tf.setBackend('wasm');
    expectOpenCvClahe(file, (images, options) => clahe(images, options).dataSync());
  });

  it('clahe gives the same bits', async () => {
    await fc.assert(
      fc.asyncProperty(
        shapes,
        fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })),
        fc.constantFrom(0, 0.5, 2, 40, 1e9),
        fc.constantFrom<[number, number]>([0, 1], [0.1, 0.7], [-3, 2]),
        fc.integer(),
        async (shape, tileGridSize, clipLimit, valueRange, seed) => {
          const options = { tileGridSize, clipLimit, valueRange };
          const [low, high] = valueRange;
          const images = () =>
            tf.add(tf.mul(tf.clipByValue(randomImages(shape, seed), 0, 1), high - low), low);
          await expectSame(() => [clahe(tf.clipByValue(images(), low, high), options)], 0);
        },
      ),
      { numRuns: 80 },
    );
  });

  it('clahe refuses values that are not finite, and says where', async () => {
    const odd = (value: number) => () => {
      const images = tf.buffer([2, 3, 40, 5], 'float32');
      images.set(value, 1, 2, 37, 3);
      return [clahe(images.toTensor())];
    };
    await tf.setBackend('wasm');
    const { numTensors } = tf.memory();
    const buffers = tf.backend().numDataIds();
    for (const value of [NaN, Infinity, -Infinity]) {
      expect(() => tf.tidy(odd(value))).toThrow(new RegExp(`received .*${value} at`));
    }
    const wide = tf.buffer([4, 40], 'float32');
    wide.set(NaN, 3, 5);
    expect(() => tf.tidy(() => clahe(wide.toTensor()))).toThrow('row 3, column 5, channel 0');
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(tf.backend().numDataIds()).toBe(buffers);
  });

  it('affine reads the same places', async () => {
    await fc.assert(
      fc.asyncProperty(
        shapes,
        fc.double({ min: -400, max: 400, noNaN: true }),
        fc.double({ min: 0.2, max: 3, noNaN: true }),
        fc.double({ min: -1, max: 1, noNaN: true }),
        async (shape, angle, scale, fill) => {
          const translate: [number, number] = [shape[1] / 7, -shape[2] / 5];
          await expectSame(() => [affine(randomImages(shape), { angle, scale, translate, fill })], 1e-5);
          const nearest = { angle, scale, translate, fill, interpolation: 'nearest' as const };
          await expectSame(() => [affine(randomImages(shape), nearest)], 1e-6);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('affine leaves what is wholly outside out of it', async () => {
    const run = () => [affine(tf.fill([9, 9], NaN), { translate: [4, 0] })];
    const [values] = await valuesOn('wasm', run);
    values!.forEach((value, i) => expect(i % 9 < 4 ? value === 0 : Number.isNaN(value)).toBe(true));
  });

  it('an augmentation enlarges alike', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.integer(), async ([n, height, width, channels], seed) => {
        const draw = { ...drawAugmentation({}, seed), fill: 0.3 };
        await expectSame(() => {
          const stack = randomImages([n, height, width, channels], seed);
          return [applyAugmentation(stack, draw, { size: [height + 5, width + 9] })];
        }, 1e-5);
      }),
      { numRuns: 40 },
    );
  });

  it('resizing weighs alike, in value and in gradient', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, shapes, fc.boolean(), async (shape, [, ...to], antialias) => {
        const size: [number, number] = [to[0], to[1]];
        await expectSame(() => {
          const images = randomImages(shape);
          const run = (x: tf.Tensor) => resize(x, size, { antialias });
          return [run(images), tf.grad((x) => tf.sum(tf.square(run(x))))(images)];
        }, 1e-5);
      }),
      { numRuns: 60 },
    );
  });

  it('lighting is alike, in value and in gradient', async () => {
    const factor = fc.oneof(fc.constant(1), fc.double({ min: 0, max: 2, noNaN: true }));
    await fc.assert(
      fc.asyncProperty(shapes, factor, factor, async (shape, brightness, contrast) => {
        await expectSame(() => {
          const images = randomImages(shape);
          const run = (x: tf.Tensor) => colorJitter(x, { brightness, contrast });
          return [run(images), tf.grad((x) => tf.sum(tf.square(run(x))))(images)];
        }, 1e-4);
      }),
      { numRuns: 60 },
    );
  });

  it('hand over where the inside of the backend cannot be reached', async () => {
    const compute = () => [affine(randomImages([2, 9, 7, 1]), { angle: 20 })];
    const [expected] = await valuesOn('cpu', compute);
    await tf.setBackend('wasm');
    const hidden = withoutInside(tf.backend());
    const { kernelFunc, ...rest } = tf.getKernel('CtWarp', 'wasm');
    tf.unregisterKernel('CtWarp', 'wasm');
    tf.registerKernel({ ...rest, kernelFunc: (args) => kernelFunc({ ...args, backend: hidden }) });
    try {
      const [actual] = await valuesOn('wasm', compute);
      expectClose(actual!, expected!, 1e-6);
    } finally {
      tf.unregisterKernel('CtWarp', 'wasm');
      tf.registerKernel({ ...rest, kernelFunc });
    }
  });

  it('give their working memory back', async () => {
    await tf.setBackend('wasm');
    const { wasm } = tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } };
    const images = randomImages([4, 96, 96, 1]);
    const run = () =>
      tf.tidy(() => {
        resize(clahe(applyAugmentation(images, drawAugmentation({}, 3))), [50, 40]);
      });
    run();
    const { length } = wasm.HEAPU8;
    for (let i = 0; i < 300; i++) run();
    expect(wasm.HEAPU8.length).toBe(length);
    images.dispose();
  });
});

/** The same backend, whose memory is not where it is looked for. */
function withoutInside(backend: tf.KernelBackend): tf.KernelBackend {
  const { wasm } = backend as unknown as { wasm: object };
  const hidden = Object.create(wasm, { asm: { value: undefined } }) as object;
  return new Proxy(backend, {
    get: (target, key) => (key === 'wasm' ? hidden : Reflect.get(target, key)),
  });
}
