import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import type { LabelAverage } from '../../src/metrics/labelled_scores';
import { averagePrecision, AveragePrecision, rocAuc, RocAuc } from '../../src/metrics/ranking_metrics';
import { readEvaluationGolden } from '../support/evaluation_golden';
import { expectNoLeakAsync } from '../support/matchers';

const { cases } = readEvaluationGolden();
const METRICS = [
  ['averagePrecision', averagePrecision, AveragePrecision],
  ['rocAuc', rocAuc, RocAuc],
] as const;

/** Few scores and labels, so that ties, -1 and labels of one class are common. */
const anyRows = fc.array(
  fc.tuple(
    fc.array(fc.constantFrom(0, 1, -1), { minLength: 3, maxLength: 3 }),
    fc.array(fc.constantFrom(0, 0.25, 0.5, 0.75, 1), { minLength: 3, maxLength: 3 }),
  ),
  { minLength: 1, maxLength: 12 },
);
const truthOf = (rows: [number[], number[]][]) => rows.map(([y]) => y);
const scoresOf = (rows: [number[], number[]][]) => rows.map(([, p]) => p);

function expectSame(actual: number | undefined, expected: number | null | undefined) {
  if (expected === null || expected === undefined) expect(actual).toBeUndefined();
  else expect(actual).toBeCloseTo(expected, 12);
}

describe.each(METRICS)('%s', (name, metric, Streaming) => {
  it.each(cases)(
    'equals scikit-learn: $name',
    async ({ yTrue, probabilities, perLabel, pooled, averages }) => {
      const values = metric(yTrue, probabilities, { average: 'none' });
      perLabel.forEach((expected, label) => expectSame(values[label], expected[name]));
      expectSame(metric(yTrue, probabilities, { average: 'micro' }), pooled[name]);
      for (const [average, expected] of Object.entries(averages ?? {})) {
        expectSame(
          metric(yTrue, probabilities, { average: average as LabelAverage }) as number,
          expected[name],
        );
      }
      const streaming = new Streaming({ average: 'none' });
      for (const [i, row] of yTrue.entries()) {
        streaming.update(tf.tensor2d([row]), tf.tensor2d([probabilities[i]!]));
      }
      const streamed = await streaming.result();
      streaming.dispose();
      perLabel.forEach((expected, label) => expectSame(streamed[label], expected[name]));
    },
  );

  it('leaves out what is not labelled, whatever its score', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        const junk = rows.map(([y, p]) => p.map((score, l) => (y[l] === -1 ? NaN : score)));
        const values = metric(truthOf(rows), junk, { average: 'none' });
        for (const label of [0, 1, 2]) {
          const kept = rows.filter(([y]) => y[label] !== -1);
          const alone = kept.length
            ? metric(kept.map(([y]) => [y[label]!]), kept.map(([, p]) => [p[label]!])) // prettier-ignore
            : undefined;
          expect(values[label]).toBe(alone);
        }
      }),
    );
  });

  it('depends on the order of the scores only', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        const logits = scoresOf(rows).map((row) => row.map((p) => 20 * p - 7));
        expect(metric(truthOf(rows), logits)).toBe(metric(truthOf(rows), scoresOf(rows)));
      }),
    );
  });

  it('averages over the labels that have a value, and has none where no label has', () => {
    const yTrue = [[1, 0], [0, 0], [1, 0]]; // prettier-ignore
    const scores = [[0.9, 0.2], [0.4, 0.9], [0.3, 0.1]]; // prettier-ignore
    const [first, second] = metric(yTrue, scores, { average: 'none' });
    expect(second).toBeUndefined();
    expect(metric(yTrue, scores)).toBe(first);
    expect(metric(yTrue, scores, { average: 'weighted' })).toBe(first);
    for (const average of ['macro', 'micro', 'weighted'] as const) {
      expect(metric([[0], [0]], [[0.1], [0.2]], { average })).toBeUndefined();
      expect(metric([[-1]], [[0.1]], { average })).toBeUndefined();
    }
  });

  it('streams in any batching, and starts over', async () => {
    const rows = Array.from({ length: 150 }, (_, i) => [(i * 7) % 3 === 0 ? 1 : 0, (i * 5) % 4 ? 0 : 1]);
    const scores = rows.map((_, i) => [
      Math.fround(((i * 37) % 101) / 101),
      Math.fround(((i * 11) % 50) / 50),
    ]);
    const streaming = new Streaming();
    streaming.update(tf.ones([1, 3]), tf.ones([1, 3]));
    streaming.reset();
    streaming.update(tf.tensor3d([rows.slice(0, 9)]), tf.tensor3d([scores.slice(0, 9)]));
    streaming.update(tf.tensor2d(rows.slice(9), undefined, 'int32'), tf.tensor2d(scores.slice(9)));
    expect(await streaming.result()).toBe(metric(rows, scores));
    expect(streaming.getConfig()).toEqual({ average: 'macro' });
    streaming.dispose();
  });

  it('leaves no tensor behind, and needs its batches no longer than update', async () => {
    await expectNoLeakAsync(async () => {
      const streaming = new Streaming();
      tf.tidy(() => streaming.update(tf.tensor2d([[1], [0]]), tf.tensor2d([[0.6], [0.4]])));
      expect(await streaming.result()).toBe(1);
      streaming.dispose();
      streaming.dispose();
    });
  });

  it('refuses another number of labels at once, and what it cannot score with the result', async () => {
    const streaming = new Streaming();
    await expect(streaming.result()).rejects.toThrow('at least one update()');
    streaming.update(tf.tensor2d([[1], [0]]), tf.tensor2d([[0.6], [0.4]]));
    expect(() => streaming.update(tf.ones([1, 2]), tf.ones([1, 2]))).toThrow(
      'update: probabilities: expected 1 labels, as in the batches before',
    );
    expect(await streaming.result()).toBe(1);
    streaming.update(tf.tensor2d([[1], [0]]), tf.tensor2d([[0.1], [NaN]]));
    await expect(streaming.result()).rejects.toThrow('scores: expected finite numbers, received NaN');
    streaming.dispose();
  });

  it('refuses what it cannot score', () => {
    const refused: [() => unknown, string][] = [
      [() => metric([[1]], [[NaN]]), 'scores: expected finite numbers, received NaN'],
      [() => metric([[0.5]], [[1]]), 'yTrue: expected 0, 1, or -1'],
      [() => metric([[NaN]], [[1]]), 'yTrue: expected 0, 1, or -1'],
      [() => metric([], []), 'at least one row'],
      [() => metric([[1], [0]], [[1]]), 'yTrue: expected 1 rows'],
      [() => metric([[1], [0]], [[1], [1, 0]]), 'scores[1]: expected 1 numbers'],
      [() => metric([[1, 0]], [[1]]), 'yTrue[0]: expected 1 labels'],
      [() => metric([[1]], [[1]], { average: 'samples' as LabelAverage }), 'average: expected one of'],
      [() => metric([[1]], [[1]], { beta: 1 } as object), "unknown option 'beta'; known: average"],
    ];
    for (const [run, message] of refused) {
      expect(run).toThrow(ArgumentError);
      expect(run).toThrow(message);
    }
  });
});

describe('rocAuc', () => {
  it('is the share of pairs in order, equal ones counting half', () => {
    fc.assert(
      fc.property(anyRows, (rows) => {
        const labelled = rows.filter(([y]) => y[0] !== -1).map(([y, p]) => [y[0]!, p[0]!] as const);
        const side = (label: number) => labelled.filter(([y]) => y === label).map(([, p]) => p);
        const pairs = side(1).flatMap((p) => side(0).map((n) => (p > n ? 1 : p === n ? 0.5 : 0) as number));
        const [value] = rocAuc(truthOf(rows), scoresOf(rows), { average: 'none' });
        expectSame(value, pairs.length ? pairs.reduce((a, b) => a + b) / pairs.length : undefined);
      }),
    );
  });
});
