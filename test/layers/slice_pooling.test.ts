import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { registerWasmTrainingKernels } from '../../src/backends/wasm/training_kernels';
import { ArgumentError } from '../../src/base/errors';
import { loadTorchWeights } from '../../src/interop/torch_weights';
import { SlicePooling, type SlicePoolingArgs } from '../../src/layers/slice_pooling';
import { seededRandom, shuffled } from '../../src/base/random';
import { onBackends } from '../support/backends';
import { readGolden, toTensor } from '../support/golden';
import { itKeepsTheLayerContract } from '../support/layer_contract';
import { expectClose, expectNoLeak } from '../support/matchers';
import { expectTorchGradients, stateDictOf } from '../support/torch';

registerWasmTrainingKernels();

const MODES: [string, SlicePoolingArgs][] = [
  ['max', { mode: 'max' }],
  ['attention', { mode: 'attention', units: 4, seed: 1 }],
  ['gated attention', { mode: 'attention', units: 4, gated: true, seed: 1 }],
];

describe.each<[string, SlicePoolingArgs, number]>([
  [...MODES[0]!, 0],
  [...MODES[1]!, 3 * 4 + 4 + 4],
  [...MODES[2]!, 2 * (3 * 4 + 4) + 4],
])('SlicePooling, %s', (_, args, parameters) => {
  const contract = { layerClass: SlicePooling, args, parameters, pooled: true };
  describe('of slices', () => {
    itKeepsTheLayerContract({ ...contract, inputShape: [2, 6, 3], outputShape: [2, 3] });
  });
  describe('of labels', () => {
    itKeepsTheLayerContract({ ...contract, inputShape: [2, 6, 5, 3], outputShape: [2, 5, 3] });
  });
});

/** Stacks of 1 to 7 slices, of rank 3 or 4. */
const anyStack = fc
  .record({
    slices: fc.integer({ min: 1, max: 7 }),
    rest: fc.constantFrom([3], [2, 3]),
    seed: fc.nat(1e6),
  })
  .map(({ slices, rest, seed }) => ({
    x: tf.randomNormal([2, slices, ...rest], 0, 1, 'float32', seed),
    seed,
  }));

onBackends(['cpu', 'wasm'], 'SlicePooling', () => {
  it.each(['attention', 'attention_gated'])('equals PyTorch: %s, output and gradients', (name) => {
    const { tensors, meta } = readGolden(name);
    const config = JSON.parse(meta.config!) as { units: number; gated: boolean };
    const layer = new SlicePooling({ mode: 'attention', ...config });
    const x = toTensor(tensors['x']!);
    layer.build(x.shape);
    loadTorchWeights(layer, stateDictOf(tensors));
    expectClose(layer.apply(x) as tf.Tensor, tensors['y']!.data, 1e-5);
    expectTorchGradients(layer, tensors, 1e-4);
  });

  it('takes the largest of each feature', () => {
    const x = tf.tensor3d([[[1, -5], [3, -7], [2, -6]]]); // prettier-ignore
    expect([...(new SlicePooling({ mode: 'max' }).apply(x) as tf.Tensor).dataSync()]).toEqual([3, -5]);
  });

  it('hands the gradient of a maximum to the first of equal slices, once', () => {
    const layer = new SlicePooling({ mode: 'max' });
    const gradient = tf.grad((x) => tf.sum(tf.mul(layer.apply(x) as tf.Tensor, tf.tensor2d([[5, 7]]))));
    const x = tf.tensor3d([[[1, 0], [2, 0], [2, 0], [0, -1]]]); // prettier-ignore
    expect(gradient(x).arraySync()).toEqual([[[0, 7], [5, 0], [0, 0], [0, 0]]]); // prettier-ignore
    const mask = tf.tensor2d([[1, 0, 1, 1]]);
    const masked = tf.grad((t) => tf.sum(layer.apply(t, { mask }) as tf.Tensor));
    expect(masked(x).arraySync()).toEqual([[[0, 1], [0, 0], [1, 0], [0, 0]]]); // prettier-ignore
  });

  it.each(MODES)('has the gradient that differences have, with and without mask: %s', (_, args) => {
    const layer = new SlicePooling(args);
    const x = tf.randomNormal([2, 4, 2, 3], 0, 1, 'float32', 3);
    const cotangent = tf.randomNormal([2, 2, 3], 0, 1, 'float32', 4);
    layer.build(x.shape);
    for (const kwargs of [
      {},
      {
        mask: tf.tensor2d([
          [1, 1, 0, 1],
          [0, 1, 1, 0],
        ]),
      },
    ]) {
      // prettier-ignore
      const value = (t: tf.Tensor) => tf.sum(tf.mul(layer.apply(t, kwargs) as tf.Tensor, cotangent));
      const gradient = tf.grad(value)(x).dataSync();
      const values = x.dataSync();
      const step = 1e-2;
      const numeric = values.map((_, i) => {
        const at = (d: number) =>
          value(tf.tensor(values.map((v, j) => (j === i ? v + d : v)), x.shape)).dataSync()[0]!; // prettier-ignore
        return (at(step) - at(-step)) / (2 * step);
      });
      expectClose(gradient, numeric, 3e-3);
    }
  });

  it.each(MODES)('does not depend on the order of the slices: %s', (_, args) => {
    fc.assert(
      fc.property(anyStack, ({ x, seed }) => {
        const layer = new SlicePooling(args);
        const order = shuffled([...Array(x.shape[1]!).keys()], seededRandom(seed));
        const y = layer.apply(x) as tf.Tensor;
        expectClose(layer.apply(tf.gather(x, order, 1)) as tf.Tensor, y, 1e-5);
      }),
      { numRuns: 20 },
    );
  });

  it.each(MODES)('gives a padded patient what it gets alone, whatever the padding holds: %s', (_, args) => {
    const padding = fc.constantFrom(0, 1e30, -1e30, NaN, Infinity);
    fc.assert(
      fc.property(anyStack, padding, fc.integer({ min: 1, max: 3 }), ({ x, seed }, junk, extra) => {
        const layer = new SlicePooling(args);
        const [batch, slices, ...rest] = x.shape as [number, number, ...number[]];
        const padded = tf.concat([x, tf.fill([batch, extra, ...rest], junk)], 1);
        const order = shuffled([...Array(slices + extra).keys()], seededRandom(seed));
        const mask = tf.tensor2d(Array(batch).fill(order.map((i) => (i < slices ? 1 : 0))));
        const input = tf.gather(padded, order, 1);
        const cotangent = tf.randomNormal([batch, ...rest], 0, 1, 'float32', seed);
        const value = (kwargs: object) => (t: tf.Tensor) =>
          tf.sum(tf.mul(layer.apply(t, kwargs) as tf.Tensor, cotangent));
        expectClose(layer.apply(input, { mask }) as tf.Tensor, layer.apply(x) as tf.Tensor, 1e-5);
        const gradient = tf.grad(value({ mask }))(input);
        const alone = tf.concat([tf.grad(value({}))(x), tf.zeros([batch, extra, ...rest])], 1);
        expectClose(gradient, tf.gather(alone, order, 1), 1e-5);
      }),
      { numRuns: 20 },
    );
  });

  it.each(MODES)('gives back a single slice: %s', (_, args) => {
    const x = tf.randomNormal([2, 1, 5, 3], 0, 1, 'float32', 2);
    expectClose(new SlicePooling(args).apply(x) as tf.Tensor, tf.squeeze(x, [1]), 1e-6);
  });

  it.each(MODES)('gives 0 and no gradient where all slices are masked: %s', (_, args) => {
    const layer = new SlicePooling(args);
    const x = tf.randomNormal([2, 3, 3], 0, 1, 'float32', 2);
    const mask = tf.tensor2d([[0, 0, 0], [1, 1, 1]]); // prettier-ignore
    const y = layer.apply(x, { mask }) as tf.Tensor;
    expect((y.arraySync() as number[][])[0]).toEqual([0, 0, 0]);
    expectClose(tf.slice(y, [1], [1]), layer.apply(tf.slice(x, [1], [1])) as tf.Tensor, 1e-6);
    const gradient = tf.grad((t) => tf.sum(layer.apply(t, { mask }) as tf.Tensor))(x);
    expect([...tf.slice(gradient, [0], [1]).dataSync()]).toEqual(Array(9).fill(0));
    expect(gradient.dataSync().every(Number.isFinite)).toBe(true);
  });

  it.each(MODES)('weighs the slices for each label by itself, alike: %s', (_, args) => {
    const layer = new SlicePooling(args);
    const x = tf.randomNormal([2, 4, 3, 5], 0, 1, 'float32', 2);
    const mask = tf.tensor2d([[1, 1, 0, 1], [1, 1, 1, 1]]); // prettier-ignore
    const y = layer.apply(x, { mask }) as tf.Tensor;
    for (let label = 0; label < 3; label++) {
      const of = (t: tf.Tensor, axis: number) => tf.squeeze(tf.gather(t, [label], axis), [axis]);
      expectClose(of(y, 1), layer.apply(of(x, 2), { mask }) as tf.Tensor, 1e-6);
    }
  });

  it.each(MODES)('shows a NaN of a real slice: %s', (_, args) => {
    const x = tf.tensor3d([[[1, 2], [NaN, 3]]]); // prettier-ignore
    expect((new SlicePooling(args).apply(x) as tf.Tensor).dataSync()[0]).toBeNaN();
  });

  it.each(MODES)('leaks nothing with a mask, gradient included: %s', (_, args) => {
    const layer = new SlicePooling(args);
    const x = tf.randomNormal([2, 3, 4]);
    const mask = tf.ones([2, 3], 'bool');
    layer.apply(x);
    expectNoLeak(() => layer.call(x, { mask }));
    expectNoLeak(() => tf.grad((t) => tf.sum(layer.call(t, { mask })))(x));
  });
});

describe('SlicePooling', () => {
  it.each([
    [{ mode: 'mean' }, /mode: expected 'max' or 'attention', received "mean"/],
    [{}, /mode/],
    [{ mode: 'attention', units: 0 }, /units: expected a positive integer/],
    [{ mode: 'attention', gated: 1 }, /gated: expected a boolean/],
  ])('refuses %j', (args, message) => {
    expect(() => new SlicePooling(args as SlicePoolingArgs)).toThrow(ArgumentError);
    expect(() => new SlicePooling(args as SlicePoolingArgs)).toThrow(message);
  });

  it('refuses inputs that are no stack', () => {
    const layer = new SlicePooling({ mode: 'max' });
    expect(() => layer.build([2, 3])).toThrow(/expected input \[batch, slices, \.\.\., features\]/);
    expect(() => layer.build([2, 3, null])).toThrow(/fixed number of features/);
  });
});
