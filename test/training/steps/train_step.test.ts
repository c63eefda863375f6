import * as tf from '@tensorflow/tfjs';
import { describe, expect, it, vi } from 'vitest';
import { squeezenet1_1 } from '../../../src/backbones/squeezenet1_1';
import { ArgumentError, NonFiniteError } from '../../../src/base/errors';
import type { LossFn } from '../../../src/base/types';
import { asymmetricLoss } from '../../../src/losses/asymmetric_loss';
import { buildCtBrainModel } from '../../../src/models/ct_brain_model';
import type { PosterVariant } from '../../../src/models/options';
import { predictStack } from '../../../src/prediction/predict';
import { computeGradients, trainStep } from '../../../src/training/steps/train_step';
import { expectClose, expectNoLeak, relativeError } from '../../support/matchers';
import { tinyBackbone } from '../../support/memory_source';

const loss = asymmetricLoss();
const data = (batch: number, slices: number) => ({
  images: tf.randomUniform([batch, slices, 16, 16, 1], 0, 1, 'float32', 1),
  labels: tf.cast(tf.greater(tf.randomUniform([batch, slices, 5], 0, 1, 'float32', 2), 0.6), 'float32'),
});

describe('computeGradients', () => {
  it('refuses images of another size, labels of another kind and a pixel that is not finite', () => {
    const model = buildCtBrainModel({ backbone: tinyBackbone(), seed: 1 });
    const { images, labels } = data(2, 3);
    const step = (x: tf.Tensor, y: tf.Tensor) => () => computeGradients(model, x, y, { loss });
    expect(step(tf.zeros([2, 3, 20, 16, 1]), labels)).toThrow(
      'trainStep: images: expected [batch, slices, 16, 16, 1], as the model expects',
    );
    expect(step(images, tf.zeros([2, 3, 4]))).toThrow(/labels: expected .* = \[2, 3, 5\]/);
    const odd = labels.arraySync() as number[][][];
    for (const value of [2, 0.5, NaN]) {
      odd[1]![2]![4] = value;
      expect(step(images, tf.tensor3d(odd))).toThrow(
        `trainStep: labels: expected 0, 1 or -1, received ${value} at [1, 2, 4] of [batch, slices, labels]`,
      );
    }
    const pixels = images.dataSync().slice();
    pixels[(1 * 3 + 2) * 256 + 5 * 16 + 7] = -Infinity;
    expect(step(tf.tensor(pixels, images.shape), labels)).toThrow(
      new NonFiniteError(
        'trainStep: images: the value -Infinity at row 5, column 7, channel 0 of slice 3 of 3, stack 2 of 2 is not finite',
      ),
    );
  });

  it('refuses images out of 0..1 for a model that normalises them, and takes them for another', () => {
    const images = tf.fill([1, 1, 32, 32, 1], 200);
    const labels = tf.zeros([1, 1, 5]);
    const model = (normalize: boolean) =>
      buildCtBrainModel({
        variant: 'VGG16',
        backbone: squeezenet1_1({ inputShape: [32, 32, 1], normalize, seed: 1 }),
        seed: 1,
      });
    expect(() => computeGradients(model(true), images, labels, { loss })).toThrow(
      'trainStep: images: expected values in 0..1, which the model normalises, received 200 at row 0',
    );
    expect(() => computeGradients(model(false), images, labels, { loss })).not.toThrow();
  });

  it('refuses a gradient that is not finite before any weight has it, and names the weight (case 20)', () => {
    const model = buildCtBrainModel({ backbone: tinyBackbone(), seed: 1 });
    const { images, labels } = data(1, 2);
    const before = model.getWeights().map((weight) => [...weight.dataSync()]);
    // a loss of a finite value whose derivative is infinite
    const steep = (yTrue: tf.Tensor, logits: tf.Tensor) =>
      tf.mul(loss(yTrue, logits), tf.sqrt(tf.mul(logits, 0)));
    const step = () => trainStep(model, images, labels, tf.train.sgd(0.1), { loss: steep });
    expect(step).toThrow(NonFiniteError);
    expect(step).toThrow(/^the gradient of \S+ has the value NaN, while the loss is 0$/);
    expect(model.getWeights().map((weight) => [...weight.dataSync()])).toEqual(before);
  });

  it.each([undefined, 1])('leaves nothing behind after an exception, chunks of %s', (chunkSlices) => {
    const model = buildCtBrainModel({ backbone: tinyBackbone({ batchNorm: true }), seed: 1 });
    const { images, labels } = data(1, 4);
    const options = { updateBatchNorm: true, ...(chunkSlices && { chunkSlices }) };
    const optimizer = tf.train.sgd(0.1);
    const failures = [
      () => {
        throw new Error('in the loss');
      },
      (yTrue: tf.Tensor, logits: tf.Tensor) =>
        tf.mul(
          loss(yTrue, logits),
          tf.customGrad((x) => ({
            value: tf.sum(x as tf.Tensor),
            gradFunc: () => {
              throw new Error('in its gradient');
            },
          }))(logits),
        ),
      (yTrue: tf.Tensor, logits: tf.Tensor) => tf.mul(loss(yTrue, logits), NaN),
    ];
    const statistics = model.getWeights().map((weight) => [...weight.dataSync()]);
    const before = tf.memory();
    for (const failing of failures) {
      expect(() => trainStep(model, images, labels, optimizer, { ...options, loss: failing })).toThrow();
      expect(tf.memory().numTensors).toBe(before.numTensors);
      expect(tf.memory().numBytes).toBe(before.numBytes);
    }
    expect(model.getWeights().map((weight) => [...weight.dataSync()])).toEqual(statistics);
    tf.dispose(trainStep(model, images, labels, optimizer, { ...options, loss }));
    expect(tf.memory().numTensors).toBe(before.numTensors);
  });

  it.each<[PosterVariant, boolean]>([
    ['VGG16', false],
    ['VGG16 + SDL(1Dconv) + LRNN', true],
    ['VGG16 + LRNN + SDL(GRU)', true],
  ])('in chunks equals one pass: %s, batch norm %s', (variant, batchNorm) => {
    const model = buildCtBrainModel({ variant, backbone: tinyBackbone({ batchNorm }), seed: 1 });
    const { images, labels } = data(2, 7);
    const whole = computeGradients(model, images, labels, { loss });
    for (const chunkSlices of [1, 3, 13]) {
      const chunked = computeGradients(model, images, labels, { loss, chunkSlices });
      expectClose(chunked.loss, whole.loss, 1e-6);
      expectClose(chunked.logits, whole.logits, 1e-6);
      expect(Object.keys(chunked.gradients)).toEqual(Object.keys(whole.gradients));
      for (const [name, gradient] of Object.entries(whole.gradients)) {
        expectClose(chunked.gradients[name]!, gradient, 1e-5, name);
      }
    }
  });

  it.each(['mean', 'sum', 'none'] as const)(
    'in groups of patients equals one pass: reduction %s, entries without a label',
    (reduction) => {
      const model = buildCtBrainModel({
        backbone: tinyBackbone({ batchNorm: true }),
        sliceClassifier: true,
        seed: 1,
      });
      const { images, labels } = data(5, 3);
      const known = tf.less(tf.randomUniform(labels.shape, 0, 1, 'float32', 3), 0.7);
      const options = { loss: asymmetricLoss({ reduction }), sliceClassifierWeight: 0.5 };
      for (const truth of [labels, tf.where(known, labels, -1), tf.fill(labels.shape, -1)]) {
        const whole = computeGradients(model, images, truth, options);
        // one, two and four patients to a group, and the loss as a function of which nothing is known
        for (const chunkSlices of [3, 7, 13]) {
          const unknown = (yTrue: tf.Tensor, logits: tf.Tensor) => options.loss(yTrue, logits);
          for (const loss of [options.loss, unknown]) {
            const divided = computeGradients(model, images, truth, { ...options, loss, chunkSlices });
            expectClose(divided.loss, whole.loss, 1e-6);
            expectClose(divided.logits, whole.logits, 1e-6);
            for (const [name, gradient] of Object.entries(whole.gradients)) {
              expectClose(divided.gradients[name]!, gradient, 1e-5, name);
            }
          }
        }
      }
    },
  );

  it('runs each slice through the backbone once where patients fit, else twice', () => {
    const backbone = tinyBackbone();
    const model = buildCtBrainModel({ backbone, seed: 1 });
    const { images, labels } = data(4, 2);
    const call = vi.spyOn(backbone, 'call');
    const seen = (chunkSlices: number, loss: LossFn) => {
      call.mockClear();
      const { gradients, ...result } = computeGradients(model, images, labels, { loss, chunkSlices });
      tf.dispose([gradients, result]);
      return call.mock.calls.reduce((sum, [slices]) => sum + (slices as tf.Tensor).shape[0]!, 0);
    };
    expect(seen(2, loss)).toBe(8);
    expect(seen(1, loss)).toBe(16);
    expect(seen(2, (yTrue, logits) => loss(yTrue, logits))).toBe(16);
  });

  it('equals what tfjs computes for the same model and loss', () => {
    const model = buildCtBrainModel({ backbone: tinyBackbone(), seed: 1 });
    const { images, labels } = data(1, 4);
    const { gradients } = computeGradients(model, images, labels, { loss });
    const reference = tf.variableGrads(
      () => loss(labels, model.apply(images, { training: true }) as tf.Tensor) as tf.Scalar,
      model.trainableWeights.map((weight) => weight.read() as tf.Variable),
    ).grads;
    expect(Object.keys(gradients).sort()).toEqual(Object.keys(reference).sort());
    for (const [name, gradient] of Object.entries(reference))
      expectClose(gradients[name]!, gradient, 1e-5, name);
  });

  it('leaves stored batch statistics alone, or moves them once, in chunks or not', () => {
    const statistics = (options: object) => {
      const model = buildCtBrainModel({
        variant: 'VGG16',
        backbone: tinyBackbone({ batchNorm: true }),
        seed: 1,
      });
      const { images, labels } = data(1, 4);
      computeGradients(model, images, labels, { loss, ...options });
      return model.nonTrainableWeights.map((weight) => [...weight.read().dataSync()]);
    };
    expect(statistics({})).toEqual([[0, 0, 0, 0], [1, 1, 1, 1]]); // prettier-ignore
    const [once] = statistics({ updateBatchNorm: true });
    const [inOneChunk] = statistics({ updateBatchNorm: true, chunkSlices: 4 });
    const [inTwo] = statistics({ updateBatchNorm: true, chunkSlices: 2 });
    expect(once).not.toEqual([0, 0, 0, 0]);
    expect(inOneChunk).toEqual(once);
    // two chunks move the mean twice: 0.99 m1 + m2 instead of (m1 + m2) / 2, all times 0.01
    expect(relativeError(inTwo!, once!.map((m) => 2 * m))).toBeLessThan(0.02); // prettier-ignore
  });

  it('respects padding slices, with maskValue and labels of -1', () => {
    const model = buildCtBrainModel({ backbone: tinyBackbone(), maskValue: -1, seed: 1 });
    const { images, labels } = data(1, 3);
    const padded = {
      images: tf.concat([images, tf.fill([1, 2, 16, 16, 1], -1)], 1),
      labels: tf.concat([labels, tf.fill([1, 2, 5], -1)], 1),
    };
    const plain = computeGradients(model, images, labels, { loss });
    const withPadding = computeGradients(model, padded.images, padded.labels, { loss, chunkSlices: 2 });
    expectClose(withPadding.loss, plain.loss, 1e-6);
    for (const [name, gradient] of Object.entries(plain.gradients)) {
      expectClose(withPadding.gradients[name]!, gradient, 1e-5, name);
    }
  });

  describe.each(['max', 'attention'] as const)('of a model of patients, pooled by %s', (pooling) => {
    const patientModel = () =>
      buildCtBrainModel({ output: 'patient', pooling, backbone: tinyBackbone(), maskValue: -1, seed: 1 });
    const ofPatients = (batch: number) => tf.slice(data(batch, 1).labels, [0, 0, 0]).reshape([batch, 5]);

    it('in chunks, and by tfjs, equals one pass, padding or not', () => {
      const model = patientModel();
      const { images } = data(2, 4);
      const labels = ofPatients(2);
      const whole = computeGradients(model, images, labels, { loss });
      expect(whole.logits.shape).toEqual([2, 5]);
      const reference = tf.variableGrads(
        () => loss(labels, model.apply(images, { training: true }) as tf.Tensor) as tf.Scalar,
        model.trainableWeights.map((weight) => weight.read() as tf.Variable),
      ).grads;
      const padded = tf.concat([images, tf.fill([2, 2, 16, 16, 1], -1)], 1);
      const chunked = computeGradients(model, padded, labels, { loss, chunkSlices: 5 });
      expectClose(chunked.loss, whole.loss, 1e-6);
      expectClose(chunked.logits, whole.logits, 1e-5);
      expect(Object.keys(whole.gradients).sort()).toEqual(Object.keys(reference).sort());
      for (const [name, gradient] of Object.entries(reference)) {
        expectClose(whole.gradients[name]!, gradient, 1e-5, name);
        expectClose(chunked.gradients[name]!, gradient, 1e-5, name);
      }
      expectClose(predictStack(model, padded, { chunkSlices: 5 }), model.predict(padded) as tf.Tensor, 1e-6);
    });

    it('takes labels of patients only, and leaks nothing', () => {
      const model = patientModel();
      const { images, labels } = data(1, 3);
      expect(() => computeGradients(model, images, labels, { loss })).toThrow(
        /labels: expected \[batch, labels\] = \[1, 5\], received float32 tensor of shape \[1, 3, 5\]/,
      );
      expect(() => computeGradients(model, images, ofPatients(2), { loss })).toThrow(ArgumentError);
      const optimizer = tf.train.adam(1e-3);
      const target = ofPatients(1);
      expectNoLeak(() => trainStep(model, images, target, optimizer, { loss }));
    });
  });

  describe('with a slice classifier', () => {
    const supervised = () => buildCtBrainModel({ sliceClassifier: true, backbone: tinyBackbone(), seed: 1 });

    it('adds its loss, so many times, in chunks or not', () => {
      const model = supervised();
      const { images, labels } = data(1, 4);
      const plain = computeGradients(model, images, labels, { loss });
      const weighted = computeGradients(model, images, labels, { loss, sliceClassifierWeight: 0.5 });
      // the classifier by itself, with the same weights
      const alone = buildCtBrainModel({ variant: 'VGG16', backbone: tinyBackbone(), seed: 1 });
      const own = model.getLayer('backbone').getWeights();
      alone.getLayer('backbone').setWeights(own);
      alone.getLayer('classifier').setWeights(model.getLayer('slice_classifier').getWeights());
      const below = computeGradients(alone, images, labels, { loss });
      expectClose(weighted.loss, tf.add(plain.loss, tf.mul(below.loss, 0.5)), 1e-6);
      const ofBackbone = Object.keys(plain.gradients).slice(0, own.length);
      ofBackbone.forEach((name, i) => {
        const added = tf.mul(Object.values(below.gradients)[i]!, 0.5);
        expectClose(weighted.gradients[name]!, tf.add(plain.gradients[name]!, added), 1e-5, name);
      });
      const chunked = computeGradients(model, images, labels, {
        ...{ loss, sliceClassifierWeight: 0.5, chunkSlices: 3 },
      });
      for (const [name, gradient] of Object.entries(weighted.gradients)) {
        expectClose(chunked.gradients[name]!, gradient, 1e-5, name);
      }
    });

    it('refuses a weight below 0, and models that have none, or that are of patients', () => {
      const { images, labels } = data(1, 2);
      const run = (model: tf.LayersModel, weight: number, truth: tf.Tensor = labels) =>
        computeGradients(model, images, truth, { loss, sliceClassifierWeight: weight });
      expect(() => run(supervised(), -1)).toThrow(/sliceClassifierWeight/);
      expect(() => run(supervised(), NaN)).toThrow(/sliceClassifierWeight/);
      expect(() => run(buildCtBrainModel({ backbone: tinyBackbone() }), 1)).toThrow(/sliceClassifier: true/);
      const ofPatients = buildCtBrainModel({
        ...{ output: 'patient', sliceClassifier: true, backbone: tinyBackbone() },
      });
      expect(() => run(ofPatients, 1, tf.zeros([1, 5]))).toThrow(/per patient/);
    });
  });

  it('takes a frozen backbone: only the head has gradients', () => {
    const backbone = tinyBackbone();
    backbone.trainable = false;
    const model = buildCtBrainModel({ variant: 'VGG16', backbone, seed: 1 });
    const { images, labels } = data(1, 3);
    const { gradients } = computeGradients(model, images, labels, { loss, chunkSlices: 1 });
    expect(Object.keys(gradients)).toHaveLength(2);
  });

  it('says what does not belong together', () => {
    const model = buildCtBrainModel({ backbone: tinyBackbone() });
    const { images, labels } = data(1, 3);
    const short = tf.slice(labels, [0, 0, 0], [1, 2, 5]);
    expect(() => computeGradients(model, images, short, { loss })).toThrow(
      /labels: expected \[batch, slices, labels\]/,
    );
    expect(() => computeGradients(model, tf.squeeze(images), labels, { loss })).toThrow(ArgumentError);
    const other = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [3] })] });
    expect(() => computeGradients(other, images, labels, { loss })).toThrow(/starts with PerSlice/);
  });

  it('leaks nothing', () => {
    const model = buildCtBrainModel({ backbone: tinyBackbone({ batchNorm: true }), maskValue: -1 });
    const { images, labels } = data(1, 5);
    for (const chunkSlices of [2, 5]) {
      expectNoLeak(() => ({
        ...computeGradients(model, images, labels, { loss, chunkSlices, updateBatchNorm: true }),
      }));
    }
    const optimizer = tf.train.adam(1e-3);
    expectNoLeak(() => trainStep(model, images, labels, optimizer, { loss }));
  });
});
