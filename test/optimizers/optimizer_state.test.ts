import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../../src/base/errors';
import { adam } from '../../src/optimizers/adam';
import { momentsOf, optimizerFromRecord, optimizerRecord } from '../../src/optimizers/optimizer_record';
import {
  optimizerProblem,
  optimizerState,
  restoreOptimizerState,
} from '../../src/optimizers/optimizer_state';

const kinds: [string, () => tf.Optimizer, number][] = [
  ['Adam', () => adam(0.1, 0.8, 0.9, 1e-6), 2],
  ['Adam of tfjs', () => tf.train.adam(0.1), 2],
  ['SGD', () => tf.train.sgd(0.1), 0],
  ['Momentum', () => tf.train.momentum(0.1, 0.9, true), 1],
  ['RMSProp', () => tf.train.rmsprop(0.1, 0.8, 0.5), 2],
  ['centered RMSProp', () => tf.train.rmsprop(0.1, 0.8, 0.5, 1e-6, true), 3],
  ['Adagrad', () => tf.train.adagrad(0.1, 0.2), 1],
  ['Adadelta', () => tf.train.adadelta(0.1, 0.9), 2],
];

/** A vector and a scalar that are drawn towards 3. */
const variables = () => [tf.variable(tf.tensor1d([1, 8])), tf.variable(tf.scalar(-5))];
type Variables = ReturnType<typeof variables>;
const valuesOf = (list: Variables) => list.map((variable) => [...variable.dataSync()]);
function step(optimizer: tf.Optimizer, list: Variables): void {
  const cost = () =>
    tf.addN(list.map((variable) => tf.sum(tf.square(tf.sub(variable, 3))))) as unknown as tf.Scalar;
  optimizer.minimize(cost, false, list);
}

describe('the state of an optimizer', () => {
  it.each(kinds)('%s goes on from a record and a state as without a break', async (_, make, moments) => {
    const [whole, broken] = [variables(), variables()];
    const [first, second] = [make(), make()];
    for (let i = 0; i < 2; i++) {
      step(first, whole);
      step(second, broken);
    }
    const before = tf.memory().numTensors;
    const state = await optimizerState(second);
    const record = JSON.parse(JSON.stringify(optimizerRecord('test', second))) as never;
    const restored = optimizerFromRecord(record);
    await restoreOptimizerState(restored, state, [[2], []]);
    tf.dispose(state);
    expect(momentsOf(restored)).toBe(moments);
    expect(restored.getConfig()).toEqual(second.getConfig());
    for (let i = 0; i < 3; i++) {
      step(first, whole);
      step(restored, broken);
      expect(valuesOf(broken)).toEqual(valuesOf(whole));
    }
    expect(valuesOf(whole).flat().every(Number.isFinite)).toBe(true);
    expect(await optimizerProblem(restored, [[2], []])).toBeUndefined();
    restored.dispose();
    // Momentum and SGD of tfjs keep a scalar for good
    expect(tf.memory().numTensors - before).toBeLessThanOrEqual(1);
  });

  it('is not taken of other variables, and the optimizer stays as it is', async () => {
    const list = variables();
    const optimizer = adam(0.1);
    step(optimizer, list);
    const state = await optimizerState(optimizer);
    const other = adam(0.1);
    for (const shapes of [[[2]], [[2], [], []], [[3], []], [[], [2]]]) {
      const before = tf.memory().numTensors;
      await expect(restoreOptimizerState(other, state, shapes)).rejects.toThrow(CheckpointError);
      expect(await optimizerProblem(optimizer, shapes)).toMatch(/^expected moment/);
      expect(tf.memory().numTensors).toBe(before);
    }
    expect(other.iterations).toBe(0);
    const { '0:iter': _, ...headless } = state;
    await expect(restoreOptimizerState(other, headless)).rejects.toThrow(/expected a number of steps/);
    const half = Object.fromEntries(Object.entries(state).filter(([key]) => !key.startsWith('4:')));
    await expect(restoreOptimizerState(other, half)).rejects.toThrow(/2 of each weight, found 3/);
  });
});
