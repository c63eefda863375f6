import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { conv2DBackpropFilter } from '../../../../src/backends/wasm/composed/conv2d_backprop_filter';
import { conv2DBackpropInput } from '../../../../src/backends/wasm/composed/conv2d_backprop_input';
import { ArgumentError } from '../../../../src/base/errors';
import { expectClose } from '../../../support/matchers';
import {
  type Convolution,
  convolutionGradients,
  convolutions,
  NAMED_CONVOLUTIONS,
  noise,
  register,
  valuesOn,
} from '../support';

beforeAll(() => {
  register(conv2DBackpropFilter, conv2DBackpropInput);
});

async function expectSameGradients(convolution: Convolution): Promise<void> {
  const [dx, dw] = await valuesOn('wasm', () => convolutionGradients(convolution));
  const [expectedDx, expectedDw] = await valuesOn('cpu', () => convolutionGradients(convolution));
  expectClose(dx!, expectedDx!, 1e-4, 'dx');
  expectClose(dw!, expectedDw!, 1e-4, 'dW');
}

describe("gradients of a convolution composed of the host's kernels", () => {
  it('match the cpu backend on any geometry and leave nothing behind', async () => {
    await fc.assert(fc.asyncProperty(convolutions, expectSameGradients), { numRuns: 150 });
  });

  it.each(NAMED_CONVOLUTIONS)('match for %s', async (_, convolution) => {
    await expectSameGradients(convolution);
  });

  it('add up where the images are taken in several groups', async () => {
    // about 22 MiB of intermediates an image, against a budget of 64 MiB a group
    const shape: [number, number, number, number] = [3, 224, 224, 16];
    const [together, apart] = await valuesOn('wasm', () => {
      const x = noise(shape, 1) as tf.Tensor4D;
      const dy = noise([3, 224, 224, 1], 2) as tf.Tensor4D;
      const gradient = (first: number, count: number) =>
        tf.grad((w: tf.Tensor) => {
          const images = tf.slice(x, [first, 0, 0, 0], [count, 224, 224, 16]);
          const y = tf.conv2d(images, w as tf.Tensor4D, 1, 'same');
          return tf.sum(tf.mul(y, tf.slice(dy, [first, 0, 0, 0], [count, 224, 224, 1])));
        })(tf.zeros([1, 7, 16, 1]));
      return [gradient(0, 3), tf.addN([0, 1, 2].map((n) => gradient(n, 1)))];
    });
    expect(together!.some((value) => value !== 0)).toBe(true);
    expectClose(together!, apart!, 1e-4);
  });

  it('match a fused convolution with bias and relu, as tf.layers runs it', async () => {
    const compute = () => {
      const layer = tf.layers.conv2d({
        filters: 4,
        kernelSize: 3,
        strides: 2,
        activation: 'relu',
        padding: 'same',
      });
      const x = tf.reshape(tf.sin(tf.range(0, 2 * 9 * 9 * 3)), [2, 9, 9, 3]);
      layer.build(x.shape);
      layer.setWeights(layer.getWeights().map((w) => tf.reshape(tf.cos(tf.range(0, w.size)), w.shape)));
      const { grads } = tf.variableGrads(() => tf.sum(tf.square(layer.apply(x) as tf.Tensor)) as tf.Scalar);
      const result = Object.values(grads).map((g) => tf.clone(g));
      layer.weights.forEach((w) => w.dispose());
      return result;
    };
    const actual = await valuesOn('wasm', compute);
    const expected = await valuesOn('cpu', compute);
    expect(actual).toHaveLength(2);
    actual.forEach((values, i) => expectClose(values, expected[i]!));
  });

  it.each([
    ['Conv2DBackpropFilter', { filterShape: [1, 1, 2, 2] }],
    ['Conv2DBackpropInput', { inputShape: [1, 2, 3, 3] }],
  ])('%s refuses NCHW by name', async (name, shape) => {
    await tf.setBackend('wasm');
    const before = tf.backend().numDataIds();
    const images = tf.zeros([1, 2, 3, 3]);
    const filter = tf.zeros([1, 1, 2, 2]);
    const attrs = { strides: 1, pad: 'valid', dataFormat: 'NCHW', ...shape };
    const run = () =>
      tf.getKernel(name, 'wasm').kernelFunc({
        inputs: { x: images, dy: images, filter },
        backend: tf.backend(),
        attrs,
      });
    expect(run).toThrow(ArgumentError);
    expect(run).toThrow(/dataFormat: expected 'NHWC', received "NCHW"/);
    tf.dispose([images, filter]);
    expect(tf.backend().numDataIds()).toBe(before);
  });

  it('leaves dilation to the host, which refuses its gradient', async () => {
    await tf.setBackend('wasm');
    const gradient = tf.grad((x: tf.Tensor) =>
      tf.sum(tf.conv2d(x as tf.Tensor4D, tf.ones([2, 2, 1, 1]), 1, 'valid', 'NHWC', 2)),
    );
    expect(() => tf.tidy(() => gradient(tf.ones([1, 5, 5, 1])))).toThrow(/[Dd]ilation/);
  });
});
