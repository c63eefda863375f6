import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import {
  RSNA_LABEL_WEIGHTS,
  WeightedLogLoss,
  weightedLogLoss,
  weightedLogLossMetric,
  type WeightedLogLossMetricOptions,
  type WeightedLogLossOptions,
} from '../../src/metrics/weighted_log_loss';
import { onBackends } from '../support/backends';
import { readGolden, toTensor } from '../support/golden';
import { expectNoLeak, expectNoLeakAsync } from '../support/matchers';

const value = (t: tf.Tensor): number => t.dataSync()[0]!;

/** Of rows. */
const lossOf = (yTrue: number[][], probabilities: number[][], options?: WeightedLogLossOptions): number =>
  value(weightedLogLoss(tf.tensor2d(yTrue), tf.tensor2d(probabilities), options));

async function streamed(batches: [tf.Tensor, tf.Tensor][], options: WeightedLogLossOptions = {}) {
  const metric = new WeightedLogLoss(options);
  for (const [y, p] of batches) metric.update(y, p);
  const result = metric.result();
  metric.dispose();
  return result;
}

/** Rows of 3 labels, some not labelled, with probabilities. */
const anyRows = fc.array(
  fc.tuple(
    fc.array(fc.constantFrom(0, 0, 1, -1), { minLength: 3, maxLength: 3 }),
    fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
  ),
  { minLength: 1, maxLength: 14 },
);
type Rows = [number[], number[]][];
const tensors = (rows: Rows): [tf.Tensor, tf.Tensor] => [
  tf.tensor2d(rows.map(([y]) => y)),
  tf.tensor2d(rows.map(([, p]) => p)),
];
const weights = [1, 0.5, 2];

/** The formula in double precision. */
function byHand(rows: Rows, epsilon = 1e-7): number | undefined {
  let [sum, total] = [0, 0];
  for (const [y, p] of rows) {
    y.forEach((label, l) => {
      if (label === -1) return;
      const clipped = Math.min(Math.max(Math.fround(p[l]!), epsilon), 1 - epsilon);
      sum -= weights[l]! * Math.log(label === 1 ? clipped : 1 - clipped);
      total += weights[l]!;
    });
  }
  return total === 0 ? undefined : sum / total;
}

const golden = readGolden('weighted_log_loss');
const cases = JSON.parse(golden.meta.cases!) as (Required<WeightedLogLossOptions> & {
  s: number;
  value: number;
})[];
const goldenTensors = (s: number): [tf.Tensor2D, tf.Tensor2D] => [
  toTensor(golden.tensors[`true${s}`]!) as tf.Tensor2D,
  toTensor(golden.tensors[`prob${s}`]!) as tf.Tensor2D,
];

onBackends(['cpu', 'wasm'], 'weightedLogLoss', () => {
  it.each(cases)('equals scikit-learn, set $s weights $weights epsilon $epsilon', (goldenCase) => {
    const { s, value: expected, ...options } = goldenCase;
    expect(Math.abs(value(weightedLogLoss(...goldenTensors(s), options)) / expected - 1)).toBeLessThan(1e-5);
  });

  it('is a number one can check by hand', () => {
    expect(lossOf([[1, 0]], [[0.25, 0.5]])).toBeCloseTo((Math.log(4) + Math.log(2)) / 2, 6);
    const weighted = lossOf([[1, 0]], [[0.25, 0.5]], { weights: [1, 3] });
    expect(weighted).toBeCloseTo((Math.log(4) + 3 * Math.log(2)) / 4, 6);
    const rows = (value: number) => Array.from({ length: 3 }, () => Array<number>(6).fill(value));
    expect(lossOf(rows(1), rows(0.5), { weights: RSNA_LABEL_WEIGHTS })).toBeCloseTo(Math.LN2, 6);
  });

  it('costs a certain mistake -log(epsilon), a certain right answer next to nothing', () => {
    for (const y of [0, 1]) {
      expect(lossOf([[y]], [[1 - y]])).toBeCloseTo(16.118, 3);
      expect(lossOf([[y]], [[y]])).toBeLessThan(2e-7);
    }
    expect(lossOf([[1]], [[0]], { epsilon: 0.01 })).toBeCloseTo(Math.log(100), 6);
  });

  it('has no value where nothing is labelled or has a weight, and keeps NaN', () => {
    expect(lossOf([[-1, -1]], [[0.5, NaN]])).toBeNaN();
    expect(lossOf([[1, -1]], [[0.5, 0.5]], { weights: [0, 1] })).toBeNaN();
    expect(lossOf([[1, 1]], [[NaN, 0.5]])).toBeNaN();
    expect(() => lossOf([[1, 0]], [[0.5]])).toThrow('weightedLogLoss: yTrue');
  });
});

onBackends(['cpu', 'wasm'], 'WeightedLogLoss', () => {
  it.each(cases)('equals scikit-learn, set $s weights $weights epsilon $epsilon', async (goldenCase) => {
    const { s, value: expected, ...options } = goldenCase;
    const [y, p] = goldenTensors(s);
    const rows = y.shape[0];
    const batches = Array.from({ length: rows }, (_, i): [tf.Tensor, tf.Tensor] => [
      tf.slice(y, [i, 0], [1, -1]),
      tf.slice(p, [i, 0], [1, -1]),
    ]);
    expect(Math.abs((await streamed(batches, options))! / expected - 1)).toBeLessThan(1e-5);
  });

  it('is the formula, in any batching, entries without label left out, whatever they hold', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyRows,
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom(0, 1, NaN),
        async (rows, size, junk) => {
          const expected = byHand(rows);
          const spoilt: Rows = rows.map(([y, p]) => [y, p.map((v, l) => (y[l] === -1 ? junk : v))]);
          const batches: [tf.Tensor, tf.Tensor][] = [];
          for (let i = 0; i < rows.length; i += size) batches.push(tensors(spoilt.slice(i, i + size)));
          const atOnce = value(weightedLogLoss(...tensors(spoilt), { weights }));
          const inBatches = await streamed(batches, { weights });
          for (const actual of [atOnce, inBatches ?? NaN]) {
            if (expected === undefined) expect(actual).toBeNaN();
            // 1 - p of a float32 near 1 has few digits left
            else expect(Math.abs(actual - expected)).toBeLessThan(1e-5 * Math.max(1, expected));
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('refuses NaN in a labelled entry', async () => {
    const y = tf.tensor2d([[1, 0]]);
    const message =
      'WeightedLogLoss: labels and probabilities: expected numbers in labelled entries, received NaN';
    await expect(streamed([[y, tf.tensor2d([[0.9, NaN]])], [y, tf.fill([1, 2], 0.5)]])).rejects.toThrow(message); // prettier-ignore
    await expect(streamed([[tf.tensor2d([[1, NaN]]), tf.fill([1, 2], 0.5)]])).rejects.toThrow(ArgumentError);
  });

  it('takes [batch, slices, labels], smoothed labels, and labels of any type', async () => {
    const y = tf.tensor3d([1, 0, 0, 1], [1, 2, 2]);
    const p = tf.tensor3d([0.9, 0.4, 0.6, 0.2], [1, 2, 2]);
    const flat = await streamed([[tf.reshape(y, [2, 2]), tf.reshape(p, [2, 2])]]);
    expect(await streamed([[y, p]])).toBe(flat);
    expect(await streamed([[tf.cast(y, 'int32'), p]])).toBe(flat);
    expect(await streamed([[tf.cast(y, 'bool'), p]])).toBe(flat);
    const soft = await streamed([[tf.fill([1, 1], 0.25), tf.fill([1, 1], 0.2)]]);
    expect(soft).toBeCloseTo(-0.25 * Math.log(0.2) - 0.75 * Math.log(0.8), 6);
  });

  it('streams without reading anything back', async () => {
    const reads = (['read', 'readSync'] as const).map((name) => vi.spyOn(tf.backend(), name));
    const metric = new WeightedLogLoss({ weights: [1, 2] });
    for (let i = 0; i < 3; i++) metric.update(tf.ones([2, 2]), tf.fill([2, 2], 0.5));
    for (const read of reads) expect(read).not.toHaveBeenCalled();
    expect(await metric.result()).toBeCloseTo(Math.LN2, 6);
    expect(reads[0]).toHaveBeenCalled(); // the spies do see reads
    vi.restoreAllMocks();
    metric.dispose();
  });

  it('leaves no tensor behind', async () => {
    const [y, p] = [tf.ones([2, 3]), tf.fill([2, 3], 0.5)];
    expectNoLeak(() => weightedLogLoss(y, p, { weights }));
    expectNoLeak(() => weightedLogLossMetric({ weights })(y, p));
    await expectNoLeakAsync(async () => {
      const metric = new WeightedLogLoss({ weights });
      metric.update(y, p);
      tf.tidy(() => metric.update(y, p)); // survives a tidy around it
      await metric.result();
      metric.reset();
      metric.update(y, p);
      metric.dispose();
      metric.dispose();
    });
  });
});

describe('weightedLogLossMetric', () => {
  it('sends logits through a sigmoid, and keeps digits that 1 - p would lose', () => {
    const y = tf.tensor2d([[1, 0, 0]]);
    const logits = tf.tensor2d([[0.3, -2, 15]]);
    const expected = (Math.log1p(Math.exp(-0.3)) + Math.log1p(Math.exp(-2)) + 15) / 3;
    expect(value(weightedLogLossMetric()(y, logits))).toBeCloseTo(expected, 5);
    const p = tf.tensor2d([[0.5, 0.25, 0.25]]);
    const ofProbabilities = weightedLogLossMetric({ fromLogits: false });
    expect(value(ofProbabilities(y, p))).toBeCloseTo(value(weightedLogLoss(y, p)), 6);
    // a tensor has no undefined
    expect(value(weightedLogLossMetric()(tf.fill([1, 2], -1), tf.zeros([1, 2])))).toBeNaN();
  });

  it('shows in the history of a training under its name', async () => {
    const model = tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [3] })] });
    model.compile({
      optimizer: 'sgd',
      loss: tf.losses.sigmoidCrossEntropy,
      metrics: [weightedLogLossMetric({ weights: [1, 2] })],
    });
    const { history } = await model.fit(tf.ones([4, 3]), tf.ones([4, 2]), { epochs: 1, verbose: 0 });
    expect(Number.isFinite(history['weighted_log_loss']![0])).toBe(true);
  });
});

describe('WeightedLogLoss', () => {
  it('starts over after reset, with any number of labels, and has no result before an update', async () => {
    const metric = new WeightedLogLoss();
    await expect(metric.result()).rejects.toThrow('at least one update()');
    metric.update(tf.ones([1, 2]), tf.fill([1, 2], 0.1));
    metric.reset();
    metric.update(tf.ones([1, 3]), tf.fill([1, 3], 0.5));
    expect(await metric.result()).toBeCloseTo(Math.LN2, 6);
    expect(() => metric.update(tf.ones([1, 2]), tf.ones([1, 2]))).toThrow(
      'WeightedLogLoss.update: probabilities: expected 3 labels, as in the batches before',
    );
    metric.dispose();
  });

  it('says how it was made', () => {
    expect(new WeightedLogLoss().getConfig()).toEqual({ epsilon: 1e-7 });
    const options = { weights: [1, 2], epsilon: 1e-3 };
    expect(new WeightedLogLoss(options).getConfig()).toEqual(options);
  });
});

describe('weightedLogLossMetric: how it was made', () => {
  it.each<WeightedLogLossMetricOptions>([{}, { weights: [1, 2], epsilon: 1e-3, fromLogits: false }])(
    '%j',
    (options) => {
      const metric = weightedLogLossMetric(options);
      expect(metric.getClassName()).toBe('weightedLogLossMetric');
      expect(metric.getConfig()).toEqual({ epsilon: 1e-7, fromLogits: true, ...options });
      expect(weightedLogLossMetric(metric.getConfig()).getConfig()).toEqual(metric.getConfig());
    },
  );
});

describe('arguments', () => {
  it.each([
    [{ weights: [1, 2] }, 'weights: expected one number for each of 3 labels, received [1,2]'],
    [{ weights: [1, -1, 1] }, 'weights: expected numbers of at least 0'],
    [{ weights: [0, 0, 0] }, 'not all 0'],
    [{ weights: [1, NaN, 1] }, 'weights'],
    [{ weights: 2 }, 'weights'],
    [{ epsilon: 0 }, 'epsilon: expected a number in (0, 0.5), received 0'],
    [{ epsilon: 0.5 }, 'epsilon'],
    [{ epsilon: NaN }, 'epsilon'],
    [{ eps: 1e-7 }, "unknown option 'eps'; known: weights, epsilon"],
  ])('refuses %j', (options, message) => {
    const ok = tf.ones([2, 3]);
    const wrong = options as WeightedLogLossMetricOptions;
    for (const run of [
      () => weightedLogLoss(ok, ok, wrong),
      () => new WeightedLogLoss(wrong).update(ok, ok),
      () => weightedLogLossMetric(wrong)(ok, ok),
    ]) {
      expect(run).toThrow(ArgumentError);
      expect(run).toThrow(message);
    }
  });

  it('refuses shapes that do not fit', () => {
    const metric = weightedLogLossMetric();
    expect(() => metric(tf.ones([2, 3]), tf.ones([2, 2]))).toThrow('weightedLogLossMetric: yTrue');
    expect(() => metric(tf.ones([3]), tf.ones([3]))).toThrow('of rank 2 or more');
    expect(() => metric(tf.zeros([0, 3]), tf.zeros([0, 3]))).toThrow('not empty');
    expect(() => weightedLogLossMetric({ fromLogits: 1 as unknown as boolean })).toThrow('fromLogits');
  });
});
