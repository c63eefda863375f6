import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import type { ThresholdOptions } from '../../src/metrics/decide';
import { DecisionCounter } from '../../src/metrics/decision_counter';
import { countDecisions } from '../../src/metrics/decision_counts';
import { onBackends } from '../support/backends';
import { expectNoLeakAsync } from '../support/matchers';

const rowsOf = (value: fc.Arbitrary<number>) => fc.array(value, { minLength: 2, maxLength: 2 });
const anyRows = fc.array(
  fc.tuple(rowsOf(fc.constantFrom(0, 1, -1)), rowsOf(fc.constantFrom(0.1, 0.4, 0.9))),
  {
    minLength: 1,
    maxLength: 8,
  },
);

onBackends(['cpu', 'wasm', 'cpu, without kernels'], 'DecisionCounter', () => {
  it('counts as countDecisions does, in any batching', async () => {
    await fc.assert(
      fc.asyncProperty(anyRows, async (rows) => {
        const counter = new DecisionCounter({ threshold: [0.4, 0.5] });
        for (const [y, p] of rows) counter.update(tf.tensor3d([[y]]), tf.tensor3d([[p]]));
        const [y, p] = [rows.map((row) => row[0]), rows.map((row) => row[1])];
        expect(await counter.result()).toEqual(countDecisions(y, p, counter.getConfig()));
        counter.dispose();
      }),
      { numRuns: 30 },
    );
  });

  it('splits a soft label between both sides, and refuses NaN in a labelled entry only', async () => {
    const counter = new DecisionCounter();
    counter.update(tf.tensor2d([[0.75, -1]]), tf.tensor2d([[1, NaN]]));
    const none = { tp: 0, fp: 0, fn: 0, tn: 0 };
    expect(await counter.result()).toEqual([{ ...none, tp: 0.75, fp: 0.25 }, none]);
    counter.update(tf.tensor2d([[1, 1]]), tf.tensor2d([[1, NaN]]));
    await expect(counter.result()).rejects.toThrow(ArgumentError);
    await expect(counter.result()).rejects.toThrow('expected numbers in labelled entries, received NaN');
    counter.dispose();
  });

  it('reads nothing back before the result', async () => {
    const reads = (['read', 'readSync'] as const).map((name) => vi.spyOn(tf.backend(), name));
    const counter = new DecisionCounter();
    for (let i = 0; i < 3; i++) counter.update(tf.ones([2, 2]), tf.ones([2, 2]));
    for (const read of reads) expect(read).not.toHaveBeenCalled();
    expect((await counter.result()).map(({ tp }) => tp)).toEqual([6, 6]);
    expect(reads[0]).toHaveBeenCalled(); // the spies do see reads
    vi.restoreAllMocks();
    counter.dispose();
  });

  it('leaves no tensor behind', async () => {
    const [y, p] = [tf.ones([2, 3]), tf.fill([2, 3], 0.5)];
    await expectNoLeakAsync(async () => {
      const counter = new DecisionCounter();
      counter.update(y, p);
      tf.tidy(() => counter.update(y, p)); // survives a tidy around it
      await counter.result();
      counter.dispose();
      counter.dispose();
    });
  });
});

describe('DecisionCounter', () => {
  it('starts over after reset, and refuses another number of labels and a result of nothing', async () => {
    const counter = new DecisionCounter();
    await expect(counter.result()).rejects.toThrow('DecisionCounter.result: expected at least one update()');
    counter.update(tf.ones([1, 2]), tf.ones([1, 2]));
    expect(() => counter.update(tf.ones([1, 3]), tf.ones([1, 3]))).toThrow(
      'DecisionCounter.update: probabilities: expected 2 labels, as in the batches',
    );
    counter.reset();
    counter.update(tf.ones([1, 3]), tf.zeros([1, 3]));
    expect((await counter.result()).map(({ fn }) => fn)).toEqual([1, 1, 1]);
    counter.dispose();
  });

  it.each([
    [{ threshold: 2 }, 'threshold: expected a number in [0, 1]'],
    [{ threshold: [0.5, 0.5] }, 'threshold: expected one number for each of 3 labels'],
    [{ beta: 2 }, "unknown option 'beta'; known: threshold"],
  ])('refuses %j', (options, message) => {
    const ok = tf.ones([1, 3]);
    const run = () => new DecisionCounter(options as ThresholdOptions).update(ok, ok);
    expect(run).toThrow(ArgumentError);
    expect(run).toThrow(message);
  });

  it.each([
    [
      () => [tf.ones([2, 2]), tf.ones([2, 3])],
      'yTrue: expected a tensor of the shape of the probabilities, [2, 3]',
    ],
    [() => [tf.ones([3]), tf.ones([3])], 'of rank 2 or more'],
    [() => [tf.zeros([0, 3]), tf.zeros([0, 3])], 'not empty'],
    [() => [tf.ones([2, 3]), [1] as never], 'probabilities: expected'],
  ] as [() => [tf.Tensor, tf.Tensor], string][])('refuses shapes of case %#', (made, message) => {
    const run = () => new DecisionCounter().update(...made());
    expect(run).toThrow(ArgumentError);
    expect(run).toThrow(message);
  });
});
