import * as tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import { asymmetricLoss } from '../../src/losses/asymmetric_loss';
import { DecisionCounter } from '../../src/metrics/decision_counter';
import { f2Metric } from '../../src/metrics/f2_metric';
import { FBetaScore, fBetaScore } from '../../src/metrics/f_beta';
import { WeightedLogLoss, weightedLogLoss } from '../../src/metrics/weighted_log_loss';
import { onBackends } from '../support/backends';
import { expectNoLeak } from '../support/matchers';

// labels and probabilities that are none must not become a number that looks like a score
onBackends(['cpu', 'wasm', 'wasm, compiled', 'cpu, without kernels'], 'values out of range', () => {
  const good = () => [tf.tensor2d([[1, 0, -1], [0, 1, 1]]), tf.tensor2d([[0.9, 0.2, 0.3], [0.3, 0.6, 0.1]])] as const; // prettier-ignore
  const labels = (value: number) => tf.tensor2d([[1, 0, -1], [0, value, 1]]); // prettier-ignore
  const logits = () => tf.tensor2d([[0.9, 0.2, 9], [0.3, 2.5, 0.1]]); // prettier-ignore
  const tensors: Record<string, (y: tf.Tensor, p: tf.Tensor) => tf.Tensor> = {
    fBetaScore: (y, p) => fBetaScore(y, p),
    'fBetaScore of samples': (y, p) => fBetaScore(y, p, { average: 'samples' }),
    weightedLogLoss: (y, p) => weightedLogLoss(y, p),
    f2Metric: (y, p) => f2Metric({ fromLogits: false })(y, p) as tf.Tensor,
  };
  const loss = (y: tf.Tensor, x: tf.Tensor) => asymmetricLoss()(y, x);
  const value = (x: tf.Tensor) => x.dataSync()[0]!;

  it.each(Object.entries(tensors))('%s is NaN', async (_name, metric) => {
    await expectNoLeak(() => {
      tf.tidy(() => {
        const [y, p] = good();
        expect(value(metric(y, p))).toBeGreaterThan(0);
        for (const wrong of [2, -0.5, 255, NaN]) expect(value(metric(labels(wrong), p))).toBeNaN();
        // the one of the entry without a label does not count
        expect(value(metric(y, logits()))).toBeNaN();
      });
    });
  });

  it.each([2, -0.5, 1.01, 255])('the loss of a label %d is NaN, and so is its gradient there', (wrong) => {
    const [y, p] = good();
    expect(value(loss(y, p))).toBeGreaterThan(0);
    for (const reduction of ['mean', 'sum'] as const) {
      expect(value(asymmetricLoss({ reduction })(labels(wrong), p))).toBeNaN();
    }
    for (const clip of [0, 0.05]) {
      const each = asymmetricLoss({ reduction: 'none', clip });
      const found = Array.from(each(labels(wrong), p).dataSync());
      expect(found.map(Number.isNaN)).toEqual([false, false, false, false, true, false]);
      expect(found[2]).toBe(0);
      const slope = tf
        .grad((x) => tf.sum(asymmetricLoss({ clip })(labels(wrong), x)))(p)
        .dataSync();
      expect(Array.from(slope, Number.isNaN)).toEqual([false, false, false, false, true, false]);
    }
  });

  it('smoothed labels stay what they were', () => {
    const [, p] = good();
    expect(value(loss(labels(0.9), p))).toBeGreaterThan(0);
    expect(value(fBetaScore(labels(0.9), p))).toBeGreaterThan(0);
  });

  it.each([FBetaScore, WeightedLogLoss, DecisionCounter])('%o does not give a number', async (Metric) => {
    const [y, p] = good();
    for (const [wrong, scores] of [[labels(2), p], [y, logits()]] as const) {
      const metric = new Metric();
      metric.update(y, p);
      metric.update(wrong, scores);
      if (metric instanceof FBetaScore) expect(value(metric.result())).toBeNaN();
      else await expect(metric.result()).rejects.toThrow(ArgumentError);
      metric.dispose();
    }
  }); // prettier-ignore

  it('tensors of text are refused', () => {
    const [y, p] = good();
    const text = tf.tensor2d(['1', '0', '1', '0', '1', '1'], [2, 3], 'string');
    for (const f of [...Object.values(tensors), loss]) {
      expect(() => f(text, p)).toThrow('yTrue: expected a tensor of numbers');
      expect(() => f(y, text)).toThrow(/(probabilities|logits): expected a tensor of numbers/);
    }
  });
});
