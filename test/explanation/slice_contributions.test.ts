import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { sliceContributions } from '../../src/explanation/slice_contributions';
import { backboneOf } from '../../src/models/model_parts';
import type { CtBrainModelOptions } from '../../src/models/options';
import { built, stack } from '../support/explained';
import { expectClose, expectNoLeak } from '../support/matchers';

const predicted = (model: tf.LayersModel, images: tf.Tensor4D) =>
  model.predict(tf.expandDims(images)) as tf.Tensor;
const ofLabel = (logits: tf.Tensor, label: number) => {
  const { shape } = logits;
  return tf.slice(logits, [...shape.slice(1).map(() => 0), label], [...shape.slice(0, -1), 1]).flatten();
};

describe('sliceContributions', () => {
  it('is features times weights on the diagonal, of a linear head without a slice layer', () => {
    const model = built({ sliceDependency: 'none', labelDecoder: 'linear' });
    const images = stack(4);
    const features = backboneOf(model).predict(images) as tf.Tensor2D;
    const weights = tf.slice(model.getLayer('classifier').getWeights()[0]!, [0, 1], [-1, 1]) as tf.Tensor2D;
    const expected = tf.mul(tf.eye(4), tf.matMul(features, weights));
    expectClose(sliceContributions(model, images, { label: 1 }), expected, 1e-5);
  });

  it('adds up to the logits without the bias, in the band of a convolution', () => {
    const model = built({
      sliceDependency: { type: 'conv1d', kernelSize: 3 },
      neck: 'none',
      labelDecoder: 'linear',
    });
    const images = stack(6);
    const matrix = sliceContributions(model, images, { label: 0 }) as tf.Tensor2D;
    const ofBias = ofLabel(predicted(model, tf.zeros([6, 16, 16, 1])), 0); // black has no features
    expectClose(tf.sum(matrix, 1), tf.sub(ofLabel(predicted(model, images), 0), ofBias), 1e-4);
    (matrix.arraySync() as number[][]).forEach((row, target) =>
      row.forEach((value, source) => {
        if (Math.abs(target - source) > 1) expect(value).toBe(0);
        else expect(value).not.toBe(0);
      }),
    );
  });

  it('is each logit alone, also where the copies of a long stack go through the head in turns', () => {
    const model = built();
    const images = stack(40); // 25 copies at once
    const matrix = (sliceContributions(model, images, { label: 1 }) as tf.Tensor2D).arraySync();
    // how a logit follows all features of a slice, as they grow by a small share
    const features = backboneOf(model).predict(images) as tf.Tensor2D;
    const backbone = identity(features.shape[1]);
    const head = built({ backbone });
    head.setWeights(model.getWeights().slice(backboneOf(model).getWeights().length));
    const share = 2e-2;
    for (const source of [3, 30]) {
      const grown = (factor: number) => {
        const factors = tf.tensor1d(Array.from({ length: 40 }, (_, s) => (s === source ? factor : 1)));
        const x = tf.reshape(tf.mul(features, tf.expandDims(factors, 1)), [40, 1, 1, -1]);
        return ofLabel(predicted(head, x as tf.Tensor4D), 1);
      };
      const slope = tf.div(tf.sub(grown(1 + share), grown(1 - share)), 2 * share);
      expectClose(tf.tensor1d(matrix.map((row) => row[source]!)), slope, 2e-2);
    }
  });

  it.each(['max', 'attention'] as const)('is one row for a patient, pooled by %s', (pooling) => {
    const model = built({ output: 'patient', pooling, maskValue: -1 });
    const row = sliceContributions(model, stack(5), { label: 0 });
    expect(row.shape).toEqual([5]);
    expect(row.dataSync().some((value) => value !== 0)).toBe(true);
    expectPaddingLeftOut(model, [3], [2]);
  });

  it.each<[string, CtBrainModelOptions]>([
    ['GRU', { order: 'label-then-slice' }],
    ['convolution', { sliceDependency: 'conv1d' }],
  ])('leaves padding out: %s', (_, options) => {
    expectPaddingLeftOut(built({ maskValue: -1, ...options }), [3, 3], [2, 2]);
  });

  function expectPaddingLeftOut(model: tf.LayersModel, real: number[], padding: number[]): void {
    const images = stack(3);
    const padded = tf.concat([images, tf.fill([2, 16, 16, 1], -1)]) as tf.Tensor4D;
    const alone = sliceContributions(model, images, { label: 0 });
    const expected = tf.pad(
      alone,
      padding.map((n) => [0, n] as [number, number]),
    );
    expect(alone.shape).toEqual(real);
    expectClose(sliceContributions(model, padded, { label: 0 }), expected, 1e-5);
  }

  it('takes one slice, any chunks, and leaks nothing', () => {
    const model = built();
    expect(sliceContributions(model, stack(1), { label: 0 }).shape).toEqual([1, 1]);
    const whole = sliceContributions(model, stack(5), { label: 0 });
    expectClose(sliceContributions(model, stack(5), { label: 0, chunkSlices: 2 }), whole, 1e-6);
    const images = stack(4);
    expectNoLeak(() => sliceContributions(model, images, { label: 0, memoryBudget: 1 }));
  });

  it('refuses bad arguments', () => {
    const model = built();
    expect(() => sliceContributions(model, stack(2), { label: -1 })).toThrow('sliceContributions: label');
    expect(() => sliceContributions(model, tf.zeros([2, 4, 4, 1]), { label: 0 })).toThrow(
      'sliceContributions: images',
    );
    expect(() => sliceContributions(model, stack(2), { label: 0, chunkSlices: 0 })).toThrow('chunkSlices');
    expect(() => sliceContributions(model, stack(2), { label: 0, slice: 1 } as never)).toThrow(
      "option 'slice'",
    );
  });
});

/** A backbone that hands on features `[n, 1, 1, f]`. */
function identity(features: number): tf.LayersModel {
  const input = tf.input({ shape: [1, 1, features] });
  return tf.model({ inputs: input, outputs: tf.layers.flatten({}).apply(input) as tf.SymbolicTensor });
}
