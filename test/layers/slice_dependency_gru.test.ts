import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { registerWasmTrainingKernels } from '../../src/backends/wasm/training_kernels';
import { loadTorchWeights } from '../../src/interop/torch_weights';
import { SliceDependencyGRU } from '../../src/layers/slice_dependency_gru';
import { onBackends } from '../support/backends';
import { readGolden, toTensor } from '../support/golden';
import { itKeepsTheLayerContract } from '../support/layer_contract';
import { expectClose, relativeError } from '../support/matchers';
import { expectTorchGradients, stateDictOf } from '../support/torch';

// on wasm the compiled kernels are tested, on cpu what is composed of tfjs's operations
beforeAll(async () => {
  await tf.setBackend('wasm');
  expect(registerWasmTrainingKernels()).toBe(true);
});

describe('SliceDependencyGRU', () => {
  itKeepsTheLayerContract({
    layerClass: SliceDependencyGRU,
    args: { units: 4, numLayers: 2 },
    inputShape: [2, 6, 3],
    outputShape: [2, 6, 8],
    parameters: 2 * (3 * 12 + 4 * 12 + 24) + 2 * (8 * 12 + 4 * 12 + 24),
    masked: true,
  });

  onBackends(['cpu', 'wasm'], 'reference', () => {
    it.each([
      ['gru_1layer', { units: 16 }],
      ['gru_4layer', { units: 8, numLayers: 4 }],
      ['gru_one_slice', { units: 8 }],
    ])('equals PyTorch: %s, output and gradients', (name, args) => {
      const { tensors } = readGolden(name);
      const layer = new SliceDependencyGRU(args);
      const x = toTensor(tensors['x']!);
      layer.build(x.shape);
      loadTorchWeights(layer, stateDictOf(tensors));
      expectClose(layer.apply(x) as tf.Tensor, tensors['y']!.data, 1e-5);
      expectTorchGradients(layer, tensors, 1e-4);
    });

    it('equals PyTorch on a packed sequence: each patient ends at its own last slice', () => {
      const { tensors } = readGolden('gru_masked');
      const layer = new SliceDependencyGRU({ units: 8 });
      const x = toTensor(tensors['x']!);
      layer.build(x.shape);
      loadTorchWeights(layer, stateDictOf(tensors));
      const y = layer.apply(x, { mask: toTensor(tensors['mask']!) }) as tf.Tensor;
      expectClose(y, tensors['y']!.data, 1e-5);
    });
  });

  it('is blind to what padding holds, for any lengths', () => {
    const layer = new SliceDependencyGRU({ units: 3, seed: 1 });
    const slices = 5;
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: slices }), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 0, max: 1000 }),
        (lengths, seed) => {
          tf.tidy(() => {
            const mask = tf.tensor2d(
              lengths.map((n) => Array.from({ length: slices }, (_, s) => (s < n ? 1 : 0))),
            );
            const x = tf.randomNormal([lengths.length, slices, 2], 0, 1, 'float32', seed);
            const noise = tf.mul(
              tf.randomNormal([lengths.length, slices, 2], 0, 100, 'float32', seed + 1),
              tf.expandDims(tf.sub(1, mask), 2),
            );
            const padded = layer.apply(tf.add(tf.mul(x, tf.expandDims(mask, 2)), noise), {
              mask,
            }) as tf.Tensor;
            lengths.forEach((n, i) => {
              const alone = layer.apply(tf.slice(x, [i, 0, 0], [1, n, 2])) as tf.Tensor;
              expectClose(tf.slice(padded, [i, 0, 0], [1, n, 6]), alone, 1e-6);
            });
          });
        },
      ),
      { numRuns: 20 },
    );
  });

  it('gives padded patients the gradients they have alone, inputs and weights', () => {
    const layer = new SliceDependencyGRU({ units: 3, numLayers: 2, seed: 1 });
    const lengths = [4, 1, 3];
    const x = tf.randomNormal([3, 5, 2], 0, 1, 'float32', 7);
    const mask = tf.tensor2d(lengths.map((n) => Array.from({ length: 5 }, (_, s) => (s < n ? 1 : 0))));
    const cotangent = tf.randomNormal([3, 5, 6], 0, 1, 'float32', 8);
    layer.apply(x);
    const variables = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
    const loss = (input: tf.Tensor, c: tf.Tensor, kwargs = {}) =>
      tf.sum(tf.mul(layer.apply(input, kwargs) as tf.Tensor, c)) as tf.Scalar;

    const masked = tf.variableGrads(() => loss(x, cotangent, { mask }), variables).grads;
    const byInput = tf.grad((input) => loss(input, cotangent, { mask }))(x);
    const alone = lengths.map((n, i) => {
      const [input, c] = [tf.slice(x, [i, 0, 0], [1, n, 2]), tf.slice(cotangent, [i, 0, 0], [1, n, 6])];
      const expected = tf.pad(
        tf.grad((y) => loss(y, c))(input),
        [[0, 0], [0, 5 - n], [0, 0]], // prettier-ignore
      );
      expectClose(tf.slice(byInput, [i, 0, 0], [1, 5, 2]), expected, 1e-5, `x of patient ${i}`);
      return tf.variableGrads(() => loss(input, c), variables).grads;
    });
    for (const [name, gradient] of Object.entries(masked)) {
      expectClose(gradient, tf.addN(alone.map((grads) => grads[name]!)), 1e-5, name);
    }
  });

  it('adds what comes into a layer to what leaves it, from the second layer on', () => {
    const x = tf.randomNormal([2, 4, 3], 0, 1, 'float32', 3);
    const args = { units: 2, seed: 5 };
    const stacked = new SliceDependencyGRU({ ...args, numLayers: 3, residual: true });
    const y = stacked.apply(x) as tf.Tensor;
    // each layer by itself, with the same weights
    const weights = stacked.getWeights();
    const layerOf = (n: number, input: tf.Tensor) => {
      const layer = new SliceDependencyGRU(args);
      layer.build(input.shape);
      layer.setWeights(weights.slice(8 * n, 8 * n + 8));
      return layer.apply(input) as tf.Tensor;
    };
    const first = layerOf(0, x);
    const second = tf.add(first, layerOf(1, first));
    expectClose(y, tf.add(second, layerOf(2, second)), 1e-6);
  });

  it('has the config of before where nothing is residual', () => {
    expect(new SliceDependencyGRU({ units: 2 }).getConfig()).not.toHaveProperty('residual');
    expect(new SliceDependencyGRU({ units: 2, residual: true }).getConfig()).toMatchObject({
      residual: true,
    });
    expect(() => new SliceDependencyGRU({ units: 2, residual: 1 as never })).toThrow(/residual/);
  });

  it("sums the directions with mergeMode 'sum'", () => {
    const x = tf.randomNormal([1, 4, 3], 0, 1, 'float32', 3);
    const both = new SliceDependencyGRU({ units: 2, seed: 5 }).apply(x) as tf.Tensor;
    const sum = new SliceDependencyGRU({ units: 2, seed: 5, mergeMode: 'sum' }).apply(x) as tf.Tensor;
    const [forward, backward] = tf.split(both, 2, 2) as [tf.Tensor, tf.Tensor];
    expect(relativeError(sum, tf.add(forward, backward))).toBeLessThan(1e-6);
  });

  it('looks only back with bidirectional false', () => {
    const layer = new SliceDependencyGRU({ units: 2, bidirectional: false });
    const x = tf.randomNormal([1, 4, 3]);
    const changed = tf.concat([tf.slice(x, [0, 0, 0], [1, 3, 3]), tf.ones([1, 1, 3])], 1);
    const [a, b] = [layer.apply(x) as tf.Tensor, layer.apply(changed) as tf.Tensor];
    expect(a.shape).toEqual([1, 4, 2]);
    expect(relativeError(tf.slice(a, [0, 0, 0], [1, 3, 2]), tf.slice(b, [0, 0, 0], [1, 3, 2]))).toBe(0);
  });

  it('draws equal weights from equal seeds', () => {
    const x = tf.randomNormal([1, 3, 2]);
    const run = (seed: number) => new SliceDependencyGRU({ units: 2, seed }).apply(x) as tf.Tensor;
    expect(relativeError(run(1), run(1))).toBe(0);
    expect(relativeError(run(1), run(2))).toBeGreaterThan(0);
  });

  it('says what is wrong with its options', () => {
    expect(() => new SliceDependencyGRU({ units: 0 })).toThrow(
      /units: expected a positive integer, received 0/,
    );
    expect(() => new SliceDependencyGRU({ units: 1, mergeMode: 'mul' as never })).toThrow(/mergeMode.*"mul"/);
    expect(() => new SliceDependencyGRU({ units: 1 }).apply(tf.zeros([2, 3]))).toThrow(
      /\[batch, slices, features\]/,
    );
  });
});
