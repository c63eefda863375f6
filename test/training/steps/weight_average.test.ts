import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../../src/base/errors';
import { WeightAverage } from '../../../src/training/steps/weight_average';
import { expectNoLeak } from '../../support/matchers';

const model = () => tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [1] })] });
const values = (of: tf.LayersModel) => of.getWeights().map((weight) => [...weight.dataSync()]);
const give = (to: tf.LayersModel, kernel: number[], bias: number[]) =>
  tf.tidy(() => to.setWeights([tf.tensor2d([kernel]), tf.tensor1d(bias)]));

describe('WeightAverage', () => {
  it('gives the mean of the weights it took', () => {
    const trained = model();
    const average = new WeightAverage(trained);
    give(trained, [1, 2], [0, 4]);
    average.add();
    give(trained, [3, 6], [1, 0]);
    average.add();
    give(trained, [100, 100], [100, 100]);
    average.apply();
    expect(values(trained)).toEqual([[2, 4], [0.5, 2]]); // prettier-ignore
    expect(average.count).toBe(2);
    average.dispose();
    expect(values(trained)).toEqual([[2, 4], [0.5, 2]]); // prettier-ignore
    expect(average.count).toBe(0);
  });

  it('refuses to apply nothing, and leaks nothing', () => {
    const trained = model();
    expect(() => new WeightAverage(trained).apply()).toThrow(ArgumentError);
    expectNoLeak(() => {
      const average = new WeightAverage(trained);
      average.add();
      average.add();
      average.apply();
      average.dispose();
    });
  });
});
