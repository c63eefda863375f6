import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import { AsymmetricLoss, asymmetricLoss, type AsymmetricLossOptions } from '../../src/losses/asymmetric_loss';
import { composedLoss } from '../../src/kernels/asymmetric_loss/composed';
import { seededRandom } from '../../src/base/random';
import { onBackends } from '../support/backends';
import { readGolden, toTensor } from '../support/golden';
import { expectClose, expectNoLeak, relativeError } from '../support/matchers';

const NONE = { reduction: 'none' } as const;

/** Loss and gradient of one call as plain numbers. */
function evaluate(options: AsymmetricLossOptions, y: tf.Tensor, x: tf.Tensor, mask?: tf.Tensor) {
  const loss = asymmetricLoss(options);
  const { value, grad } = tf.valueAndGrad((logits: tf.Tensor) => tf.sum(loss(y, logits, mask)))(x);
  const numbers = { value: value.dataSync()[0]!, grad: Array.from(grad.dataSync()) };
  tf.dispose([value, grad]);
  return numbers;
}

/** The formula in doubles, straight from the paper, for logits where it needs no care. */
function formula(x: number, y: number, { gammaNeg = 4, gammaPos = 1, clip = 0.05 }: AsymmetricLossOptions) {
  const p = 1 / (1 + Math.exp(-x));
  const q = Math.max(p - clip, 0);
  return -(y * (1 - p) ** gammaPos * Math.log(p) + (1 - y) * q ** gammaNeg * Math.log(1 - q));
}

/** Equal to about float32's precision, of the largest value or of 1/20: a small `p - clip` keeps no more digits. */
function expectAlike(actual: tf.Tensor, expected: tf.Tensor, label: string) {
  const [a, e] = [actual, expected].map((tensor) => [...tensor.dataSync(), 0.05]);
  expectClose(a!, e!, 2e-5, label);
}

const gamma = fc.oneof(fc.constantFrom(0, 0.5, 1, 2, 4), fc.double({ min: 0, max: 8, noNaN: true }));
const margin = fc.oneof(fc.constantFrom(0, 0.05, 1e-7), fc.double({ min: 0, max: 0.99, noNaN: true }));
const anyOptions = fc.record({ gammaNeg: gamma, gammaPos: gamma, clip: margin });
const anyLogit = fc.oneof(
  fc.constantFrom(-1e4, 1e4, 0, -104, 104, -88, 17),
  fc.double({ min: -1e4, max: 1e4, noNaN: true }),
  fc.double({ min: -20, max: 20, noNaN: true }),
);
/** [batch, slices, 3 labels] of logits and 0/1 labels. */
const stack = fc
  .record({ batch: fc.integer({ min: 1, max: 3 }), slices: fc.integer({ min: 1, max: 5 }) })
  .chain(({ batch, slices }) => {
    const size = batch * slices * 3;
    return fc.record({
      shape: fc.constant<number[]>([batch, slices, 3]),
      x: fc.array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: size, maxLength: size }),
      y: fc.array(fc.constantFrom(0, 1), { minLength: size, maxLength: size }),
      mask: fc.array(fc.boolean(), { minLength: batch * slices, maxLength: batch * slices }),
    });
  });

onBackends(['cpu', 'wasm', 'wasm, compiled', 'cpu, without kernels'], 'asymmetricLoss', () => {
  const { tensors, meta } = readGolden('asymmetric_loss');
  const cases = JSON.parse(meta.cases!) as (AsymmetricLossOptions & { i: number })[];

  it.each(cases)("equals the authors' loss and gradient, case $i", ({ i, ...options }) => {
    const { value, grad } = evaluate(options, toTensor(tensors.target!), toTensor(tensors.logits!));
    expectClose([value], tensors[`loss${i}`]!.data, 1e-5, 'loss');
    expectClose(grad, tensors[`grad${i}`]!.data, 1e-4, 'gradient');
  });

  it('has all six golden cases', () => expect(cases).toHaveLength(6));

  it('follows the formula for hard and for smoothed labels', () => {
    fc.assert(
      fc.property(
        anyOptions,
        fc.double({ min: -12, max: 12, noNaN: true }).map(Math.fround),
        fc.double({ min: 0, max: 1, noNaN: true }).map(Math.fround),
        (options, x, y) => {
          const value = evaluate(options, tf.tensor1d([y]), tf.tensor1d([x])).value;
          const expected = formula(x, y, options);
          expect(Math.abs(value - expected)).toBeLessThanOrEqual(1e-6 + 2e-5 * expected);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('is the sigmoid cross entropy without focusing and margin', () => {
    fc.assert(
      fc.property(stack, ({ shape, x, y }) => {
        const [labels, logits] = [tf.tensor(y, shape), tf.tensor(x, shape)];
        const options = { gammaNeg: 0, gammaPos: 0, clip: 0 };
        const peer = tf.valueAndGrad((z: tf.Tensor) =>
          tf.losses.sigmoidCrossEntropy(labels, z, undefined, 0, tf.Reduction.MEAN),
        )(logits);
        const ours = evaluate(options, labels, logits);
        expectClose([ours.value], peer.value, 1e-5);
        expectClose(ours.grad, peer.grad, 1e-5);
      }),
      { numRuns: 25 },
    );
  });

  it('is finite, and so is its gradient, for every logit, gamma and margin', () => {
    fc.assert(
      fc.property(anyOptions, anyLogit, fc.boolean(), (options, x, focusWeightIsConstant) => {
        const logits = tf.tensor1d([x, x, x]);
        const { value, grad } = evaluate(
          { ...options, focusWeightIsConstant, ...NONE },
          tf.tensor1d([0, 1, 0.3]),
          logits,
        );
        expect(Number.isFinite(value)).toBe(true);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(grad.every(Number.isFinite)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it.each([0, 1e-45, 1e-12, 0.05, 0.999])('has the exact limits at ±1e4, clip %s', (clip) => {
    const options = { gammaNeg: 0, gammaPos: 0, clip, ...NONE };
    const at = (x: number, y: number) => evaluate(options, tf.tensor1d([y]), tf.tensor1d([x]));
    expect(at(-1e4, 1)).toEqual({ value: 1e4, grad: [-1] });
    expect(at(1e4, 1).value).toBe(0);
    expect(at(1e4, 1).grad[0]).toBeCloseTo(0);
    expect(at(-1e4, 0).value).toBe(0);
    expect(at(-1e4, 0).grad[0]).toBeCloseTo(0);
    // 1 - 0.999 keeps five digits in float32
    expectClose([at(1e4, 0).value], [clip < 1e-40 ? 1e4 : -Math.log(clip)], 2e-5);
    // with a margin the negative's loss saturates at -log(clip)
    expect(at(1e4, 0).grad[0]).toBeCloseTo(clip < 1e-40 ? 1 : 0);
  });

  it.each([0, 0.5, 1, 4])('costs a negative below the margin nothing, gammaNeg %s', (gammaNeg) => {
    const logits = tf.tensor1d([-1e4, -20, -5, Math.log(0.2 / 0.8) - 1e-3]);
    const { value, grad } = evaluate({ gammaNeg, clip: 0.2, ...NONE }, tf.zeros([4]), logits);
    expect(value).toBe(0);
    expect(grad.every((g) => g === 0)).toBe(true);
  });

  it('never rises with the logit of a positive, never falls with that of a negative', () => {
    fc.assert(
      fc.property(anyOptions, anyLogit, anyLogit, (options, a, b) => {
        const x = tf.tensor1d([Math.min(a, b), Math.max(a, b)]);
        const loss = asymmetricLoss({ ...options, ...NONE });
        const [posLow, posHigh] = loss(tf.ones([2]), x).dataSync() as unknown as [number, number];
        const [negLow, negHigh] = loss(tf.zeros([2]), x).dataSync() as unknown as [number, number];
        expect(posHigh).toBeLessThanOrEqual(posLow * (1 + 1e-5) + 1e-7);
        expect(negLow).toBeLessThanOrEqual(negHigh * (1 + 1e-5) + 1e-7);
      }),
      { numRuns: 100 },
    );
  });

  it('does not care about the order of slices', () => {
    fc.assert(
      fc.property(stack, anyOptions, ({ shape, x, y }, options) => {
        const [labels, logits] = [tf.tensor(y, shape), tf.tensor(x, shape)];
        const straight = evaluate(options, labels, logits);
        const turned = evaluate(options, tf.reverse(labels, 1), tf.reverse(logits, 1));
        expectClose([turned.value], [straight.value], 1e-5);
        expectClose(tf.reverse(tf.tensor(turned.grad, shape), 1), straight.grad, 1e-5);
      }),
      { numRuns: 20 },
    );
  });

  it('leaves out masked slices, by -1 and by the mask alike, whatever they hold', () => {
    fc.assert(
      fc.property(
        stack,
        fc.constantFrom('mean' as const, 'sum' as const),
        fc.constantFrom(0, 7, -1e4, NaN),
        ({ shape, x, y, mask }, reduction, junk) => {
          const kept = mask.flatMap((keep) => [keep, keep, keep]);
          const junkX = tf.tensor(
            x.map((v, i) => (kept[i] ? v : junk)),
            shape,
          );
          const unlabelled = tf.tensor(
            y.map((v, i) => (kept[i] ? v : -1)),
            shape,
          );
          const only = (values: number[]) => values.filter((_, i) => kept[i]);
          const byLabel = evaluate({ reduction }, unlabelled, junkX);
          const byMask = evaluate(
            { reduction },
            tf.tensor(y, shape),
            junkX,
            tf.tensor(mask, shape.slice(0, 2), 'bool'),
          );
          const byNumbers = evaluate(
            { reduction },
            tf.tensor(y, shape),
            junkX,
            tf.tensor(mask.map(Number), shape.slice(0, 2)),
          );
          const rest = only(x).length;
          const alone =
            rest === 0
              ? { value: 0, grad: [] }
              : evaluate({ reduction }, tf.tensor1d(only(y)), tf.tensor1d(only(x)));
          for (const { value, grad } of [byLabel, byMask, byNumbers]) {
            expect(Math.abs(value - alone.value)).toBeLessThanOrEqual(1e-5 * Math.abs(alone.value));
            expect(relativeError(only(grad), alone.grad)).toBeLessThanOrEqual(1e-5);
            expect(grad.every((g, i) => kept[i] || g === 0)).toBe(true);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('equals tensor operations in value and gradient, whatever the number of entries, kind of labels and mask', () => {
    fc.assert(
      fc.property(
        anyOptions,
        fc.record({
          reduction: fc.constantFrom('mean' as const, 'sum' as const, 'none' as const),
          focusWeightIsConstant: fc.boolean(),
        }),
        fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 })),
        fc.constantFrom('float32' as const, 'int32' as const, 'bool' as const),
        fc.constantFrom(undefined, 'float32' as const, 'int32' as const, 'bool' as const),
        fc.integer(),
        (options, more, shape, labelType, maskType, seed) => {
          fc.pre(options.clip === 0 || options.clip > 1e-30);
          const random = seededRandom(seed);
          const [slices, labels] = shape;
          const fill = (size: number, draw: () => number) => Array.from({ length: size }, draw);
          const soft = labelType === 'float32' ? [0, 1, -1, random()] : [0, 1];
          const draws = fill(slices * labels, () => soft[Math.floor(random() * soft.length)]!);
          const y = tf.tensor(draws, shape, labelType);
          const x = tf.tensor(
            fill(slices * labels, () => 40 * (random() - 0.5) ** 3 * 8),
            shape,
          );
          const mask = maskType && tf.tensor(fill(slices, () => Number(random() < 0.6)), [slices], maskType); // prettier-ignore
          const all = { ...options, ...more };
          const dy = more.reduction === 'none' ? tf.ones(shape) : tf.scalar(1);
          const ours = tf.valueAndGrad((z: tf.Tensor) => asymmetricLoss(all)(y, z, mask))(x, dy);
          const peer = tf.valueAndGrad((z: tf.Tensor) => composedLoss(all, y, z, mask))(x, dy);
          expect(ours.value.shape).toEqual(peer.value.shape);
          expectAlike(ours.value, peer.value, 'loss');
          expectAlike(ours.grad, peer.grad, 'gradient');
          expectClose(asymmetricLoss(all)(y, x, mask), ours.value, 1e-7, 'loss without a gradient');
        },
      ),
      { numRuns: 150 },
    );
  });

  it('multiplies its gradient by what comes from above', () => {
    const y = tf.tensor2d([1, 0, 0, -1, 1, 0], [2, 3]);
    const x = tf.tensor2d([0.5, 1, -1, 2, -2, 0.1], [2, 3]);
    const weights = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
    const whole = tf.grad((z: tf.Tensor) => tf.sum(asymmetricLoss(NONE)(y, z)))(x);
    const weighted = tf.grad((z: tf.Tensor) => tf.sum(tf.mul(weights, asymmetricLoss(NONE)(y, z))))(x);
    expectClose(weighted, tf.mul(weights, whole), 1e-6);
    const mean = tf.grad((z: tf.Tensor) => tf.mul(asymmetricLoss()(y, z), 3))(x);
    expectClose(mean, tf.div(tf.mul(whole, 3), 5), 1e-6);
  });

  it('is 0, not NaN, where nothing is kept', () => {
    const y = tf.fill([2, 3], -1);
    expect(evaluate({}, y, tf.ones([2, 3]))).toEqual({ value: 0, grad: [0, 0, 0, 0, 0, 0] });
  });

  it('gives every entry its value for none, 0 where left out', () => {
    const y = tf.tensor2d([
      [1, -1],
      [0, 1],
    ]);
    const x = tf.tensor2d([
      [0.5, 3],
      [1, -2],
    ]);
    const out = asymmetricLoss(NONE)(y, x, tf.tensor1d([1, 0]));
    expect(out.shape).toEqual([2, 2]);
    expectClose(out, [formula(0.5, 1, {}), 0, 0, 0], 1e-5);
  });

  it("lets neither gamma touch the other kind's loss", () => {
    fc.assert(
      fc.property(gamma, gamma, fc.double({ min: -20, max: 20, noNaN: true }), (one, other, x) => {
        const at = (y: number, options: AsymmetricLossOptions) =>
          evaluate(options, tf.tensor1d([y]), tf.tensor1d([x]));
        expect(at(0, { gammaPos: one })).toEqual(at(0, { gammaPos: other }));
        expect(at(1, { gammaNeg: one })).toEqual(at(1, { gammaNeg: other }));
        expect(at(1, { clip: 0.3 })).toEqual(at(1, { clip: 0 }));
      }),
      { numRuns: 40 },
    );
  });

  it.each([false, true])('has the gradient of the composed formula, constant weight %s', (constant) => {
    fc.assert(
      fc.property(
        fc.record({
          gammaNeg: fc.constantFrom(0, 0.5, 1, 2.5, 4),
          gammaPos: fc.constantFrom(0, 0.5, 1, 3),
          clip: fc.constantFrom(0, 0.05, 0.3),
        }),
        fc.double({ min: -6, max: 6, noNaN: true }),
        fc.constantFrom(0, 1, 0.2),
        (options, x, y) => {
          // central difference in doubles; a constant weight is held at x
          const { gammaNeg, gammaPos, clip } = options;
          const p = 1 / (1 + Math.exp(-x));
          fc.pre(Math.abs(p - clip) > 1e-3);
          const held = (z: number) =>
            y * (1 - p) ** gammaPos * formula(z, 1, { gammaPos: 0 }) +
            (1 - y) * Math.max(p - clip, 0) ** gammaNeg * formula(z, 0, { gammaNeg: 0, clip });
          const f = (z: number) => (constant ? held(z) : formula(z, y, options));
          const expected = (f(x + 1e-5) - f(x - 1e-5)) / 2e-5;
          const { grad } = evaluate(
            { ...options, focusWeightIsConstant: constant, ...NONE },
            tf.tensor1d([y]),
            tf.tensor1d([x]),
          );
          expect(Math.abs(grad[0]! - expected)).toBeLessThanOrEqual(1e-6 + 1e-4 * Math.abs(expected));
        },
      ),
      { numRuns: 120 },
    );
  });

  it('does not hide NaN', () => {
    const x = tf.tensor1d([NaN, 1]);
    for (const y of [tf.tensor1d([0, 0]), tf.tensor1d([1, 0])]) {
      for (const clip of [0, 0.05]) {
        const { value, grad } = evaluate({ clip }, y, x);
        expect(value).toBeNaN();
        expect(grad[0]).toBeNaN();
        expect(grad[1]).not.toBeNaN();
      }
    }
    expect(evaluate({}, tf.tensor1d([NaN, 0]), tf.zeros([2])).value).toBeNaN();
  });

  it('takes integer and boolean labels', () => {
    const x = tf.tensor1d([0.3, -2, 1]);
    const expected = evaluate({}, tf.tensor1d([1, 0, 1]), x);
    expect(evaluate({}, tf.tensor1d([1, 0, 1], 'int32'), x)).toEqual(expected);
    expect(evaluate({}, tf.tensor1d([true, false, true], 'bool'), x)).toEqual(expected);
  });

  it('leaves no tensor behind, with and without a gradient', () => {
    const y = tf.tensor2d([
      [1, 0],
      [-1, 1],
    ]);
    const x = tf.ones([2, 2]);
    const mask = tf.tensor1d([1, 0]);
    for (const reduction of ['mean', 'sum', 'none'] as const) {
      expectNoLeak(() => asymmetricLoss({ reduction })(y, x, mask));
    }
    const buffers = tf.backend().numDataIds();
    expectNoLeak(() => tf.valueAndGrad((z: tf.Tensor) => asymmetricLoss()(y, z, mask))(x));
    expect(tf.backend().numDataIds()).toBe(buffers);
  });

  it('trains a model through compile and fit', async () => {
    const random = seededRandom(5);
    const x = tf.tensor3d(
      Array.from({ length: 8 * 3 * 4 }, () => random() - 0.5),
      [8, 3, 4],
    );
    // two labels, each the sign of one feature; the last slice is padding
    const real = tf.cast(tf.greater(tf.slice(x, [0, 0, 0], [8, 2, 2]), 0), 'float32');
    const y = tf.concat([real, tf.fill([8, 1, 2], -1)], 1);
    const model = tf.sequential({
      layers: [tf.layers.dense({ units: 2, inputShape: [null, 4], kernelInitializer: 'zeros' })],
    });
    model.compile({ optimizer: tf.train.adam(0.1), loss: asymmetricLoss() });
    const before = tf.memory().numTensors;
    const { history } = await model.fit(x, y, { epochs: 30, batchSize: 4, verbose: 0 });
    const losses = history.loss as number[];
    expect(losses[29]).toBeLessThan(losses[0]! / 2);
    const after = tf.memory().numTensors;
    await model.fit(x, y, { epochs: 2, batchSize: 4, verbose: 0 });
    expect(tf.memory().numTensors).toBe(after);
    expect(after).toBeGreaterThanOrEqual(before); // Adam's moments stay
    model.dispose();
  });
});

describe('a loss of a model', () => {
  const head = (activation?: 'sigmoid') =>
    tf.sequential({
      layers: [
        tf.layers.dense({ units: 2, inputShape: [3], ...(activation && { activation }) }),
        tf.layers.reshape({ targetShape: [2] }),
      ],
    });
  const data = () => [tf.ones([4, 3]), tf.ones([4, 2])] as const;

  it('is also what new AsymmetricLoss() makes: compiled, saved, and the same as asymmetricLoss()', async () => {
    const [x, y] = data();
    const loss = new AsymmetricLoss({ gammaNeg: 2 });
    expect(loss).toBeInstanceOf(AsymmetricLoss);
    expect(loss.getClassName()).toBe('asymmetricLoss');
    const model = head();
    model.compile({ optimizer: tf.train.sgd(0.1), loss: loss as never });
    const value = model.evaluate(x, y) as tf.Scalar;
    expectClose(value, asymmetricLoss({ gammaNeg: 2 })(y, model.predict(x) as tf.Tensor), 1e-6);
    const { history } = await model.fit(x, y, { verbose: 0 });
    expect(Number.isFinite(history.loss![0])).toBe(true);
  });

  it('refuses a sigmoid head, which would train on sigmoid(sigmoid(x))', async () => {
    const [x, y] = data();
    const model = head('sigmoid');
    model.compile({ optimizer: tf.train.sgd(0.1), loss: asymmetricLoss() });
    await expect(model.fit(x, y, { verbose: 0 })).rejects.toThrow(
      'asymmetricLoss: logits: expected scores before the sigmoid',
    );
    // a sigmoid further below is none of the head
    const deeper = tf.sequential({
      layers: [
        tf.layers.dense({ units: 2, inputShape: [3], activation: 'sigmoid' }),
        tf.layers.dense({ units: 2 }),
      ],
    });
    deeper.compile({ optimizer: tf.train.sgd(0.1), loss: asymmetricLoss() });
    await expect(deeper.fit(x, y, { verbose: 0 })).resolves.toBeDefined();
  });
});

describe('AsymmetricLoss', () => {
  it('equals the function and survives its config', () => {
    const loss = new AsymmetricLoss({ gammaNeg: 2, clip: 0.1 });
    const [y, x] = [tf.tensor2d([[1, 0, 1]]), tf.tensor2d([[0.2, 1.5, -3]])];
    const expected = asymmetricLoss({ gammaNeg: 2, clip: 0.1 })(y, x).dataSync();
    expect(loss.apply(y, x).dataSync()).toEqual(expected);
    const config = JSON.parse(JSON.stringify(loss.getConfig())) as AsymmetricLossOptions;
    expect(config).toEqual({
      gammaNeg: 2,
      gammaPos: 1,
      clip: 0.1,
      reduction: 'mean',
      focusWeightIsConstant: false,
    });
    expect(new AsymmetricLoss(config).apply(y, x).dataSync()).toEqual(expected);
    expect(new AsymmetricLoss(config).apply(y, x, tf.zeros([1])).dataSync()[0]).toBe(0);
    expectNoLeak(() => loss.apply(y, x));
  });
});

describe('asymmetricLoss: how it was made', () => {
  it('is told by the function, in a copy', () => {
    const options = { gammaNeg: 2, clip: 0.1, focusWeightIsConstant: true };
    const loss = asymmetricLoss(options);
    expect(loss.getClassName()).toBe('asymmetricLoss');
    expect(loss.getConfig()).toEqual({ ...options, gammaPos: 1, reduction: 'mean' });
    loss.getConfig().clip = 0;
    expect(asymmetricLoss(loss.getConfig()).getConfig()).toEqual(new AsymmetricLoss(options).getConfig());
  });
});

describe('asymmetricLoss: arguments', () => {
  it.each([
    [{ gammaNeg: -1 }, 'gammaNeg: expected a finite number of at least 0, received -1'],
    [{ gammaPos: NaN }, 'gammaPos'],
    [{ gammaPos: 1e39 }, 'gammaPos'],
    [{ gammaNeg: '4' }, 'gammaNeg'],
    [{ clip: 1 }, 'clip: expected a number in [0, 1), received 1'],
    [{ clip: -0.1 }, 'clip'],
    [{ reduction: 'avg' }, `reduction: expected one of 'mean', 'sum', 'none', received "avg"`],
    [{ focusWeightIsConstant: 1 }, 'focusWeightIsConstant'],
    [{ gamma: 2 }, "unknown option 'gamma'; did you mean 'gammaNeg'?"],
    [{ toString: 2 }, "unknown option 'toString'"],
    [null, 'options: expected an object, received null'],
  ])('refuses %j', (options, message) => {
    expect(() => asymmetricLoss(options as AsymmetricLossOptions)).toThrow(ArgumentError);
    expect(() => asymmetricLoss(options as AsymmetricLossOptions)).toThrow(message);
    expect(() => new AsymmetricLoss(options as AsymmetricLossOptions)).toThrow(ArgumentError);
  });

  it('refuses shapes that do not fit', () => {
    const loss = asymmetricLoss();
    const x = tf.zeros([2, 3, 5]);
    expect(() => loss(tf.zeros([2, 3, 4]), x)).toThrow(
      'yTrue: expected a tensor of the shape of the logits, [2, 3, 5], received float32 tensor of shape [2, 3, 4]',
    );
    expect(() => loss(x, x, tf.zeros([2, 3, 5]))).toThrow('mask: expected');
    expect(() => loss(x, x, tf.zeros([2]))).toThrow('[2, 3]');
    expect(() => loss(tf.scalar(1), tf.scalar(1))).toThrow('logits: expected');
    expect(() => loss(tf.zeros([0, 5]), tf.zeros([0, 5]))).toThrow('not empty');
    expect(() => loss(undefined as unknown as tf.Tensor, x)).toThrow('received undefined');
  });

  it('treats undefined as the default', () => {
    expect(new AsymmetricLoss({ clip: undefined }).getConfig().clip).toBe(0.05);
  });
});
