import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { predictStack } from '../../src/prediction/predict';
import { flip } from '../../src/transforms/flip';
import { expectClose, expectNoLeak, relativeError } from '../support/matchers';
import { tinyBackbone } from '../support/memory_source';

const stacks = (batch: number, slices: number) =>
  tf.randomUniform([batch, slices, 16, 16, 1], 0, 1, 'float32', 1);

describe('predictStack', () => {
  it('equals model.predict in any chunks, and leaks nothing', () => {
    const model = buildCtBrainModel({ backbone: tinyBackbone({ batchNorm: true }), maskValue: -1, seed: 1 });
    const images = stacks(2, 5);
    const whole = model.predict(images) as tf.Tensor;
    for (const chunkSlices of [1, 4, 100]) {
      expectClose(predictStack(model, images, { chunkSlices }), whole, 1e-6);
      expectNoLeak(() => predictStack(model, images, { chunkSlices }));
    }
  });

  it('needs only one byte of budget: slices then run one by one', () => {
    const model = buildCtBrainModel({ backbone: tinyBackbone(), seed: 1 });
    const images = stacks(1, 3);
    expectClose(predictStack(model, images, { memoryBudget: 1 }), model.predict(images) as tf.Tensor, 1e-6);
  });

  it('averages the logits of the images and of their flipped copies', () => {
    const model = buildCtBrainModel({ backbone: tinyBackbone(), seed: 1 });
    const images = stacks(1, 3);
    const logits = (x: tf.Tensor) => model.predict(x) as tf.Tensor;
    const [plain, mirrored, upside] = [
      logits(images),
      logits(flip(images, 'horizontal')),
      logits(flip(images, 'vertical')),
    ];
    const mean = (...all: tf.Tensor[]) => tf.div(tf.addN(all), all.length);
    expectClose(predictStack(model, images, { flips: ['horizontal'] }), mean(plain, mirrored), 1e-6);
    const both = predictStack(model, images, { flips: ['horizontal', 'vertical'], chunkSlices: 2 });
    expectClose(both, mean(plain, mirrored, upside), 1e-6);
    expect(relativeError(mirrored, plain)).toBeGreaterThan(0.001);
    expectNoLeak(() => predictStack(model, images, { flips: ['horizontal'] }));
  });

  it('refuses another direction, images of another size, and flips of features', () => {
    const model = buildCtBrainModel({ backbone: tinyBackbone() });
    const images = stacks(1, 2);
    expect(() => predictStack(model, images, { flips: ['sideways' as never] })).toThrow(ArgumentError);
    expect(() => predictStack(model, tf.zeros([1, 2, 20, 16, 1]))).toThrow(
      'predictStack: images: expected [batch, slices, 16, 16, 1]',
    );
    const [width] = model.getLayer('backbone').getWeights().at(-1)!.shape as [number];
    const features = tf.zeros([1, 2, 1, 1, width]);
    expect(() => predictStack(model, features, { flips: ['horizontal'], fromFeatures: true })).toThrow(
      'predictStack: flips: expected none, for features, received',
    );
  });
});
