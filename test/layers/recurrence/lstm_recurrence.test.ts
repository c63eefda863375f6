import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { registerWasmTrainingKernels } from '../../../src/backends/wasm/training_kernels';
import { lstmRecurrence } from '../../../src/layers/recurrence/lstm_recurrence';
import { noise, valuesOn } from '../../backends/wasm/support';
import { expectTextbook, gatesOf, inBothOrders, sizes, type Sizes } from './recurrences';

beforeAll(async () => {
  await tf.setBackend('wasm');
  expect(registerWasmTrainingKernels()).toBe(true);
  expect(tf.getKernel('CtLstmForward', 'wasm')).toBeDefined();
});

/** Inputs in the order of the functions below: the initial state; then for each direction kernel and bias. */
function inputsOf({ batch, units, directions, seed }: Sizes): tf.Tensor[] {
  const own = Array.from({ length: directions }, (_, d) => [
    noise([units, 4 * units], seed + 2 * d),
    noise([4 * units], seed + 2 * d + 1),
  ]);
  return [noise([batch, units], seed + 7), ...own.flat()];
}

/** The formula as PyTorch gives it, a step at a time. */
function textbook({ steps, directions }: Sizes) {
  return (initial: tf.Tensor, ...weights: tf.Tensor[]) =>
    inBothOrders(steps, directions, (d, order) => {
      const [kernel, bias] = weights.slice(2 * d) as [tf.Tensor, tf.Tensor];
      let h = initial;
      let c: tf.Tensor = tf.zerosLike(h);
      return order.map(() => {
        const [i, f, g, o] = gatesOf(h, kernel, bias, 4) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        c = tf.add(tf.mul(tf.sigmoid(f), c), tf.mul(tf.sigmoid(i), tf.tanh(g)));
        return (h = tf.mul(tf.sigmoid(o), tf.tanh(c)));
      });
    });
}

function ours({ steps, directions }: Sizes) {
  return (initial: tf.Tensor, ...weights: tf.Tensor[]) => {
    const each = Array.from({ length: directions }, (_, d) => {
      const [kernel, bias] = weights.slice(2 * d) as [tf.Tensor, tf.Tensor];
      return { kernel, bias };
    });
    return lstmRecurrence(each, initial, steps);
  };
}

describe('lstmRecurrence', () => {
  it('equals the formula and its gradients, composed on cpu and compiled on wasm', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, async (size) => {
        await expectTextbook(() => inputsOf(size), textbook(size), ours(size));
      }),
      { numRuns: 60 },
    );
  });

  it.each(['cpu', 'wasm'] as const)('stands gates that are wide open or shut, on %s', async (backend) => {
    const size = { batch: 2, steps: 3, units: 1, directions: 1, seed: 1 };
    const run = (gates: number[]) => () => {
      const y = ours(size)(tf.ones([2, 1]), tf.zeros([1, 4]), tf.tensor1d(gates));
      const finite = tf.grads(ours(size))([tf.ones([2, 1]), tf.zeros([1, 4]), tf.tensor1d(gates)]);
      return [y, ...finite];
    };
    const [open, ...gradients] = await valuesOn(backend, run([1e4, 1e4, 1e4, 1e4]));
    // the cell counts the steps
    [1, 2, 3, 1, 2, 3].forEach((steps, i) => expect(open![i]).toBeCloseTo(Math.tanh(steps), 6));
    gradients.forEach((gradient) => expect(gradient.every(Number.isFinite)).toBe(true));
    const [shut] = await valuesOn(backend, run([1e4, 1e4, 1e4, -1e4]));
    expect([...shut!].every((x) => Math.abs(x) < 1e-37)).toBe(true);
    const [unknown] = await valuesOn(backend, run([NaN, 1e4, 1e4, 1e4]));
    expect([...unknown!].every(Number.isNaN)).toBe(true);
  });
});
