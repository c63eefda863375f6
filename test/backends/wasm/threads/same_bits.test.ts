import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { hostWorkspace } from '../../../../src/backends/wasm/runtime/engine';
import { asymmetricLoss } from '../../../../src/losses/asymmetric_loss';
import { FusedBatchNorm } from '../../../../src/layers/fused/fused_batch_norm';
import { FusedConv2D } from '../../../../src/layers/fused/fused_conv2d';
import { LabelRNNDecoder } from '../../../../src/layers/label_rnn_decoder';
import { SliceDependencyGRU } from '../../../../src/layers/slice_dependency_gru';
import { adam } from '../../../../src/optimizers/adam';
import { affine } from '../../../../src/transforms/affine';
import { clahe } from '../../../../src/transforms/clahe';
import { colorJitter } from '../../../../src/transforms/color_jitter';
import { resize } from '../../../../src/transforms/resize';
import { useBackend } from '../../../../src/node/backend/backend';
import { noise } from '../support';

afterAll(() => useBackend('wasm', { threads: 1 }));

/** Values of a computation on so many threads. */
async function on(threads: number, compute: () => tf.Tensor[]): Promise<Float32Array[]> {
  await useBackend('wasm', { threads });
  expect(hostWorkspace(tf.backend())?.threads).toBe(threads);
  const results = tf.tidy(compute);
  const values = results.map((result) => Float32Array.from(result.dataSync()));
  tf.dispose(results);
  return values;
}

async function expectSameBits(compute: () => tf.Tensor[]): Promise<void> {
  const alone = await on(1, compute);
  expect(alone.every((values) => values.every(Number.isFinite))).toBe(true);
  for (const threads of [2, 5]) expect(await on(threads, compute)).toEqual(alone);
}

/** What a layer gives, and the gradients of its input and weights. */
function passes(layer: tf.layers.Layer, x: tf.Tensor, mask?: tf.Tensor): tf.Tensor[] {
  const y = layer.apply(x, { mask }) as tf.Tensor;
  const weights = layer.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const loss = () => tf.mean(tf.square(layer.apply(x, { mask }) as tf.Tensor)) as tf.Scalar;
  const { grads } = tf.variableGrads(loss, weights);
  return [y, ...Object.values(grads)];
}

describe('the same bits on any number of threads', () => {
  it('of recurrences over slices, both ways, masked and not', async () => {
    const sizes = fc.record({
      batch: fc.integer({ min: 1, max: 21 }),
      steps: fc.integer({ min: 1, max: 6 }),
      units: fc.integer({ min: 1, max: 9 }),
      masked: fc.boolean(),
    });
    const compute = async ({
      batch,
      steps,
      units,
      masked,
    }: {
      batch: number;
      steps: number;
      units: number;
      masked: boolean;
    }) => {
      const layer = new SliceDependencyGRU({ units, seed: 1 });
      const ends = Array.from({ length: batch }, (_, b) => 1 + (b % steps));
      await expectSameBits(() => {
        const mask = tf.tensor2d(
          ends.flatMap((end) => Array.from({ length: steps }, (_, t) => Number(t < end))),
          [batch, steps],
          'bool',
        );
        return passes(layer, noise([batch, steps, 5], 2), masked ? mask : undefined);
      });
      layer.dispose();
    };
    await fc.assert(fc.asyncProperty(sizes, compute), { numRuns: 8 });
  });

  it('of the label decoder, whose rows they share', async () => {
    for (const [rows, bidirectional] of [
      [1, false],
      [7, true],
      [32, false],
      [45, true],
    ] as const) {
      const layer = new LabelRNNDecoder({ labels: 5, units: 11, bidirectional, seed: 1 });
      await expectSameBits(() => passes(layer, noise([1, rows, 6], 3)));
      layer.dispose();
    }
  });

  it('of what stands between convolutions, in more units than threads', async () => {
    const x = () => noise([3, 44, 30, 33], 7) as tf.Tensor4D;
    for (const training of [true, false]) {
      const layer = new FusedBatchNorm({ epsilon: 1e-5 });
      layer.build(x().shape);
      await expectSameBits(() => {
        const moving = layer.nonTrainableWeights.map((weight) => weight.read().clone());
        const of = (images: tf.Tensor) => layer.apply(images, { training }) as tf.Tensor;
        const { value, grad } = tf.valueAndGrad(of)(x());
        layer.nonTrainableWeights.forEach((weight, i) => weight.write(moving[i]!));
        return [value, grad];
      });
      layer.weights.forEach((weight) => weight.dispose());
    }
    await expectSameBits(() => {
      const images = x();
      const pooled = (input: tf.Tensor) => tf.maxPool(input as tf.Tensor4D, 3, 2, 'same');
      const joined = tf.concat([images, images], -1);
      return [
        tf.relu(images),
        tf.clipByValue(images, -0.5, 0.25),
        tf.maximum(images, tf.reverse(images, 0)),
        tf.minimum(images, 0.1),
        pooled(images),
        tf.avgPool(images, 3, 2, 'same'),
        tf.grad(pooled)(images),
        tf.grad((input) => tf.mul(tf.relu(input), tf.square(images)))(images),
        joined,
        ...tf.split(joined, [20, 46], -1),
        tf.sum(joined, [0, 1, 2]),
        tf.sum(joined),
      ];
    });
  });

  it('of a convolution with bias and ReLU, and of Adam', async () => {
    await expectSameBits(() => {
      const layer = new FusedConv2D({
        filters: 40,
        kernelSize: 3,
        padding: 'same',
        activation: 'relu',
        kernelInitializer: tf.initializers.heNormal({ seed: 1 }),
      });
      const optimizer = adam(1e-3);
      const images = noise([3, 44, 30, 33], 7);
      layer.build(images.shape);
      const cost = () => tf.mean(tf.square(layer.apply(images) as tf.Tensor)) as tf.Scalar;
      const costs = [1, 2, 3].map(() => optimizer.minimize(cost, true)!);
      const weights = layer.getWeights().map((weight) => weight.clone());
      optimizer.dispose();
      return [...costs, ...weights];
    });
  });

  it('of images and of the loss', async () => {
    await expectSameBits(() => {
      const images = tf.sigmoid(noise([7, 40, 36, 1], 4)) as tf.Tensor4D;
      const [labels, logits] = [tf.step(noise([7, 5], 5)), noise([7, 5], 6)];
      return [
        clahe(images, { tileGridSize: [4, 4] }),
        affine(images, { angle: 13, scale: 1.2 }),
        colorJitter(images, { brightness: 1.1, contrast: 0.8 }),
        resize(images, [17, 23]),
        asymmetricLoss()(labels, logits),
      ];
    });
  });
});
