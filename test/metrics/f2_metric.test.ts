import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import { f2Metric, type F2MetricOptions } from '../../src/metrics/f2_metric';
import { fBetaScore } from '../../src/metrics/f_beta';
import { onBackends } from '../support/backends';
import { expectClose, expectNoLeak } from '../support/matchers';

onBackends(['cpu', 'wasm'], 'f2Metric', () => {
  const labelled = () => tf.tensor2d([1, 0, 1, 0, 1, -1], [3, 2]);
  const scores = () => tf.tensor2d([2, 0.3, -0.1, -3, 0.4, 9], [3, 2]);

  it('is the F2 of logits, or of probabilities when told so', () => {
    const [y, logits] = [labelled(), scores()];
    // tp 2, fn 1, fp 1
    expectClose(f2Metric()(y, logits), [10 / 15], 1e-6);
    expectClose(f2Metric({ fromLogits: false })(y, tf.sigmoid(logits)), [10 / 15], 1e-6);
    // at 0.7 only the first logit counts: tp 1, fn 2
    expectClose(f2Metric({ threshold: 0.7 })(y, logits), [5 / 13], 1e-6);
    const threshold = [0.7, 0.9];
    const expected = fBetaScore(y, tf.sigmoid(logits), { threshold });
    expectClose(f2Metric({ threshold })(y, logits), expected, 1e-6);
  });

  it('takes the logit of the threshold as found', () => {
    expect(f2Metric()(tf.ones([1, 1]), tf.zeros([1, 1])).dataSync()[0]).toBe(1);
  });

  it('shows as f2 in the history: the mean over batches', async () => {
    const model = tf.sequential({
      layers: [tf.layers.dense({ units: 2, inputShape: [2], useBias: false, kernelInitializer: 'identity' })],
    });
    model.compile({ optimizer: tf.train.sgd(0), loss: 'meanSquaredError', metrics: [f2Metric()] });
    const x = tf.tensor2d([1, -1, -1, -1, 1, 1, 1, 1], [4, 2]);
    const labels = tf.tensor2d([1, 1, 0, 0, 1, 1, 1, 0], [4, 2]);
    const options = { epochs: 1, batchSize: 2, shuffle: false, verbose: 0 as const };
    const { history } = await model.fit(x, labels, { ...options, validationData: [x, labels] });
    // batches: tp 1 fn 1 -> 5/9; tp 3 fp 1 -> 15/16
    expectClose(history.f2 as number[], [(5 / 9 + 15 / 16) / 2], 1e-6);
    expectClose(history.val_f2 as number[], [(5 / 9 + 15 / 16) / 2], 1e-6);
    const before = tf.memory().numTensors;
    await model.fit(x, labels, options);
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  it('leaves no tensor behind', () => {
    const metric = f2Metric();
    const [y, logits] = [labelled(), scores()];
    expectNoLeak(() => metric(y, logits));
  });
});

describe('f2Metric: how it was made', () => {
  it.each([
    [{}, { threshold: 0.5, fromLogits: true }],
    [
      { threshold: [0.2, 0.7], fromLogits: false },
      { threshold: [0.2, 0.7], fromLogits: false },
    ],
  ])('%j', (options, config) => {
    const metric = f2Metric(options);
    expect(metric.getClassName()).toBe('f2Metric');
    expect(metric.getConfig()).toEqual(config);
    expect(f2Metric(metric.getConfig()).getConfig()).toEqual(config);
  });
});

describe('f2Metric: arguments', () => {
  it.each([{ threshold: 2 }, { fromLogits: 'yes' }, { beta: 1 }])('refuses %j', (options) => {
    expect(() => f2Metric(options as F2MetricOptions)).toThrow(ArgumentError);
    expect(() => f2Metric(options as F2MetricOptions)).toThrow(`f2Metric: `);
  });
});
