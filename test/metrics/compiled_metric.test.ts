import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import { f2Metric } from '../../src/metrics/f2_metric';
import { weightedLogLossMetric } from '../../src/metrics/weighted_log_loss';

const METRICS = { f2Metric, weightedLogLossMetric };

/** Trains a model with an activation on its last layer, or in a layer of its own. */
async function fit(layers: tf.layers.Layer[], metric: ReturnType<typeof f2Metric>) {
  const model = tf.sequential({ layers });
  model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', metrics: [metric] });
  const { history } = await model.fit(tf.ones([2, 3]), tf.ones([2, 2]), { epochs: 1, verbose: 0 });
  return Object.values(history).at(-1)![0] as number;
}
const dense = (activation?: 'sigmoid') => tf.layers.dense({ units: 2, inputShape: [3], activation });

describe.each(Object.entries(METRICS))('%s of the output of a sigmoid', (name, metric) => {
  it('is refused in training, where another sigmoid would be applied', async () => {
    for (const layers of [[dense('sigmoid')], [dense(), tf.layers.activation({ activation: 'sigmoid' })]]) {
      const found = fit(layers, metric());
      await expect(found).rejects.toThrow(ArgumentError);
      await expect(found).rejects.toThrow(
        `${name}: logits: expected scores before the sigmoid, which the metric applies itself unless fromLogits is false`,
      );
    }
  });

  it('is taken with fromLogits false, as are logits without', async () => {
    expect(await fit([dense('sigmoid')], metric({ fromLogits: false }))).toBeGreaterThanOrEqual(0);
    expect(await fit([dense()], metric())).toBeGreaterThanOrEqual(0);
  });
});
