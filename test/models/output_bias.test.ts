import type * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import type { CtBrainModelOptions } from '../../src/models/options';
import { setOutputBias } from '../../src/models/output_bias';
import { tinyBackbone } from '../support/memory_source';

const counts = [
  { positives: 10, negatives: 30 },
  { positives: 0, negatives: 40 },
];
const odds = counts.map(({ positives, negatives }) => Math.log((positives + 0.5) / (negatives + 0.5)));
const pooled = Math.log(10.5 / 70.5);
const biasesOf = (options: CtBrainModelOptions) => {
  const model = buildCtBrainModel({ backbone: tinyBackbone(), labels: ['a', 'b'], seed: 1, ...options });
  setOutputBias(model, counts);
  const biases = model.weights.filter(({ originalName }) =>
    /(classifier\/bias|head_bias)$/.test(originalName),
  );
  return Object.fromEntries(
    biases.map((weight) => [weight.originalName, [...(weight.read() as tf.Tensor).dataSync()]]),
  );
};
const expectBiases = (options: CtBrainModelOptions, expected: Record<string, number[]>) => {
  const found = biasesOf(options);
  expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, values] of Object.entries(expected)) {
    values.forEach((value, i) => expect(found[name]![i]).toBeCloseTo(value, 6));
  }
};

describe('setOutputBias', () => {
  it('sets one bias per label where the output layer has that', () => {
    expectBiases({ variant: 'VGG16' }, { 'classifier/bias': odds });
    expectBiases({ variant: 'VGG16 + LRNN + SDL(GRU)' }, { 'classifier/bias': odds });
  });

  it("sets the pooled log-odds in a decoder's shared head", () => {
    expectBiases({ variant: 'VGG16 + SDL(GRU) + LRNN' }, { 'label_decoder/head_bias': [pooled] });
  });

  it('sets one of two outputs that are added, and clears the other', () => {
    expectBiases(
      { variant: 'VGG16 + SDL(GRU) + LRNN', sliceClassifier: true },
      { 'label_decoder/head_bias': [0], 'slice_classifier/bias': odds },
    );
  });

  it('refuses counts of another number of labels', () => {
    const model = buildCtBrainModel({ variant: 'VGG16', backbone: tinyBackbone(), labels: ['a', 'b'] });
    expect(() => setOutputBias(model, counts.slice(1))).toThrow(
      /setOutputBias: counts: expected one per label, 2/,
    );
  });
});
