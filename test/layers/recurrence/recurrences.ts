import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { unstack } from '../../../src/layers/support';
import { expectClose } from '../../support/matchers';
import { noise, valuesOn } from '../../backends/wasm/support';

/** Sizes of a recurrence: rows and units around the kernels' tiles of 4 and 8, and wider than four of the latter. */
export const sizes = fc.record({
  batch: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant(1)),
  steps: fc.integer({ min: 1, max: 5 }),
  units: fc.oneof(fc.integer({ min: 1, max: 17 }), fc.constantFrom(32, 45)),
  directions: fc.integer({ min: 1, max: 2 }),
  seed: fc.integer({ min: 1, max: 1000 }),
});

export type Sizes = typeof sizes extends fc.Arbitrary<infer T> ? T : never;

/** Runs a textbook recurrence of one direction, in the order its steps are given in, and puts the directions together. */
export function inBothOrders(
  steps: number,
  directions: number,
  run: (direction: number, order: number[]) => tf.Tensor[],
): tf.Tensor {
  const forward = Array.from({ length: steps }, (_, t) => t);
  const states = Array.from({ length: directions }, (_, d) => {
    const order = d === 1 ? [...forward].reverse() : forward;
    const inOrder = run(d, order);
    return tf.stack(d === 1 ? inOrder.reverse() : inOrder, 1);
  });
  return tf.concat(states, 2);
}

/** `h U + b`, in parts. */
export function gatesOf(h: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, count: number): tf.Tensor[] {
  return tf.split(tf.add(tf.matMul(h, kernel), bias), count, 1);
}

/** The slices of `[batch, steps, ...]`. */
export const slicesOf = (x: tf.Tensor) => unstack(x, 1);

/**
 * Fails unless `ours` gives on cpu and on wasm what the textbook gives on cpu by tfjs's own gradients: the value, and the
 * gradients of every input.
 */
export async function expectTextbook(
  inputs: () => tf.Tensor[],
  textbook: (...inputs: tf.Tensor[]) => tf.Tensor,
  ours: (...inputs: tf.Tensor[]) => tf.Tensor,
): Promise<void> {
  const all = (f: (...inputs: tf.Tensor[]) => tf.Tensor) => () => {
    const given = inputs();
    const y = f(...given);
    return [y, ...tf.grads(f)(given, noise(y.shape, 99))];
  };
  const expected = await valuesOn('cpu', all(textbook));
  for (const backend of ['cpu', 'wasm'] as const) {
    const actual = await valuesOn(backend, all(ours));
    expected.forEach((values, i) => expectClose(actual[i]!, values, 2e-5, `${backend}, result ${i}`));
  }
}
