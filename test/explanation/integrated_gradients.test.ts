import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  attributions,
  integratedGradients,
  type IntegratedGradientsOptions,
} from '../../src/explanation/integrated_gradients';
import { surroundings } from '../../src/explanation/surroundings';
import { modelParts } from '../../src/models/model_parts';
import { outputLevel } from '../../src/models/output_level';
import type { CtBrainModelOptions } from '../../src/models/options';
import { built, SIZE, stack } from '../support/explained';
import { expectClose } from '../support/matchers';

/** Without a kink, so that few steps come close to the integral. */
function smoothBackbone(): tf.LayersModel {
  const input = tf.input({ shape: [SIZE, SIZE, 1] });
  const kernelInitializer = tf.initializers.heNormal({ seed: 3 });
  const conv = tf.layers.conv2d({
    filters: 6,
    kernelSize: 5,
    strides: 3,
    activation: 'tanh',
    kernelInitializer,
  });
  const maps = conv.apply(input) as tf.SymbolicTensor;
  const mean = tf.layers.globalAveragePooling2d({}).apply(maps) as tf.SymbolicTensor;
  return tf.model({ inputs: input, outputs: mean });
}

/** A linear head on the mean over space of `x`, or of `max(0, x - from)`: the first label rises with it, the second falls. */
function brightness(from?: number): tf.LayersModel {
  const input = tf.input({ shape: [SIZE, SIZE, 1] });
  const activation = from === undefined ? 'linear' : 'relu';
  const conv = tf.layers.conv2d({ filters: 1, kernelSize: 1, activation });
  const maps = conv.apply(input) as tf.SymbolicTensor;
  const mean = tf.layers.globalAveragePooling2d({}).apply(maps) as tf.SymbolicTensor;
  conv.setWeights([tf.ones([1, 1, 1, 1]), tf.tensor1d([-(from ?? 0)])]);
  const backbone = tf.model({ inputs: input, outputs: mean });
  const model = built({ backbone, sliceDependency: 'none', labelDecoder: 'linear' });
  model.getLayer('classifier').setWeights([tf.tensor2d([[1, -1]]), tf.zeros([2])]);
  return model;
}

describe('integratedGradients', () => {
  const convolution = {
    sliceDependency: { type: 'conv1d', activation: 'tanh' },
    labelDecoder: 'linear',
  } as const;
  it.each<[string, CtBrainModelOptions, number]>([
    ['GRU', { order: 'label-then-slice', neck: 'none' }, 1e-3],
    ['convolution', { ...convolution, neck: 'none' }, 1e-3],
    ['a patient', { output: 'patient', pooling: 'attention', neck: 'none' }, 1e-3],
    // the kink of the neck's ReLU needs many more steps
    ['neck', convolution, 5e-2],
  ])('divides the difference to the baseline among the pixels: %s', (_, options, tolerance) => {
    const model = built({ backbone: smoothBackbone(), ...options });
    const parts = modelParts(model);
    fc.assert(
      fc.property(
        fc.record({
          slices: fc.integer({ min: 1, max: 4 }),
          label: fc.integer({ min: 0, max: 1 }),
          chunkSlices: fc.integer({ min: 1, max: 4 }),
          alone: fc.boolean(),
          seed: fc.integer({ min: 1, max: 1000 }),
        }),
        ({ slices, label, chunkSlices, alone, seed }) => {
          const slice = alone && outputLevel(model) === 'slices' ? slices - 1 : undefined;
          const [images, baseline] = [stack(slices, seed), stack(slices, seed + 1)];
          const explained = (x: tf.Tensor) => {
            const logits = model.predict(tf.expandDims(x)) as tf.Tensor;
            const rows = tf.reshape(logits, [-1, 2]).arraySync() as number[][];
            return rows.reduce((sum, row, s) => sum + (s === (slice ?? s) ? row[label]! : 0), 0);
          };
          const difference = explained(images) - explained(baseline);
          const a = attributions(model, parts, images, baseline, { label, slice, steps: 16, chunkSlices });
          const [added, size] = [tf.sum(a).dataSync()[0]!, tf.sum(tf.abs(a)).dataSync()[0]!];
          expect(Math.abs(added - difference)).toBeLessThan(tolerance * size);
        },
      ),
      { numRuns: 6 },
    );
  });

  it('is the smoothed difference to the surroundings, where a logit is the mean of the pixels', async () => {
    const images = stack(2);
    const median = tf.tensor4d(surroundings(images.dataSync(), images.shape, 3), images.shape);
    const way = tf.sub(images, median) as tf.Tensor4D;
    const options = { reach: 3, smooth: 2, bone: Infinity };
    for (const [label, sign] of [
      [0, 1],
      [1, -1],
    ] as const) {
      const mean = tf.relu(tf.avgPool(tf.mul(way, sign) as tf.Tensor4D, 5, 1, 'same'));
      const expected = tf.squeeze(tf.div(mean, tf.max(mean)), [3]);
      for (const steps of [1, 3]) {
        const maps = await integratedGradients(brightness(), images, { label, ...options, steps });
        expectClose(maps, expected, 1e-4);
      }
    }
  });

  it('points at a spot that a label stands for, and not at bone, which may be as thin', async () => {
    // a bright rim, as a skull is, and a spot on the second slice
    const spot = [[9, 11], [9, 12], [10, 11], [10, 12]] as const; // prettier-ignore
    const images = tf.buffer([2, SIZE, SIZE, 1]);
    for (let s = 0; s < 2; s++) {
      for (let y = 0; y < SIZE; y++) {
        for (let x = 0; x < SIZE; x++) images.set(x < 2 ? 1 : 0.3, s, y, x, 0);
      }
    }
    for (const [y, x] of spot) images.set(0.7, 1, y, x, 0);
    const options = { reach: 2, smooth: 0 };
    const [up, down] = await Promise.all(
      [0, 1].map((label) => integratedGradients(brightness(0.5), images.toTensor() as tf.Tensor4D, { label, ...options })), // prettier-ignore
    );
    const hot = [...up!.dataSync()].flatMap((value, i) => (value > 0.01 ? [i] : []));
    expect(hot).toEqual(spot.map(([y, x]) => (SIZE + y) * SIZE + x));
    expect([...new Set(down!.dataSync())]).toEqual([0]); // nothing there speaks for the other label
  });

  it('is the same in chunks', async () => {
    const model = built();
    const images = stack(5);
    const whole = await integratedGradients(model, images, { label: 0 });
    for (const options of [{ chunkSlices: 1 }, { chunkSlices: 3 }, { memoryBudget: 1 }]) {
      expectClose(await integratedGradients(model, images, { label: 0, ...options }), whole, 1e-4);
    }
  });

  it('explains one slice alone', async () => {
    const model = built({ sliceDependency: 'none' });
    const maps = await integratedGradients(model, stack(3), { label: 0, slice: 1 });
    const largest = (tf.max(maps, [1, 2]).arraySync() as number[]).map((value) => value > 0);
    expect(largest).toEqual([false, true, false]);
  });

  it.each<[string, CtBrainModelOptions]>([
    ['GRU', {}],
    ['patient', { output: 'patient', pooling: 'attention' }],
  ])('leaves padding out: %s', async (_, options) => {
    const model = built({ maskValue: -1, ...options });
    const images = stack(2);
    const padded = tf.concat([images, tf.fill([2, SIZE, SIZE, 1], -1)]) as tf.Tensor4D;
    const maps = await integratedGradients(model, padded, { label: 0 });
    expectClose(tf.slice(maps, [0], [2]), await integratedGradients(model, images, { label: 0 }), 1e-4);
    expect(tf.max(tf.slice(maps, [2], [2])).dataSync()[0]).toBe(0);
  });

  it('leaves a map of nothing at zero, and no tensor but the map behind', async () => {
    const model = built();
    const images = tf.zeros([2, SIZE, SIZE, 1]) as tf.Tensor4D;
    (await integratedGradients(model, images, { label: 0 })).dispose();
    const before = tf.memory().numTensors;
    const maps = await integratedGradients(model, images, { label: 0 });
    expect(maps.shape).toEqual([2, SIZE, SIZE]);
    expect([...new Set(maps.dataSync())]).toEqual([0]);
    expect(tf.memory().numTensors).toBe(before + 1);
  });

  it.each<[string, Partial<IntegratedGradientsOptions>, string | RegExp]>([
    ['an invalid label', { label: 2 }, 'label: expected the index of a label, 0 to 1'],
    ['an invalid slice', { slice: 2 }, 'slice: expected the index of a slice, 0 to 1'],
    ['surroundings of nothing', { reach: 0 }, 'reach: expected a positive integer'],
    ['bone that is black', { bone: 0 }, 'bone: expected a number above 0'],
    ['half a pixel', { smooth: 0.5 }, 'smooth: expected an integer of at least 0'],
    ['no steps', { steps: 0 }, 'steps: expected a positive integer'],
    ['no slices at once', { chunkSlices: 0 }, 'chunkSlices: expected at least 1'],
    ['a name it does not know', { step: 4 } as never, "did you mean 'steps'?"],
  ])('refuses %s', async (_, options, message) => {
    await expect(integratedGradients(built(), stack(2), { label: 0, ...options })).rejects.toThrow(message);
  });
});
