import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { registerWasmTrainingKernels } from '../../../src/backends/wasm/training_kernels';
import { gruRecurrence } from '../../../src/layers/recurrence/gru_recurrence';
import { noise, valuesOn } from '../../backends/wasm/support';
import { expectTextbook, gatesOf, inBothOrders, sizes, slicesOf, type Sizes } from './recurrences';

beforeAll(async () => {
  await tf.setBackend('wasm');
  expect(registerWasmTrainingKernels()).toBe(true);
  expect(tf.getKernel('CtGruForward', 'wasm')).toBeDefined();
});

/** Inputs in the order of the functions below: for each direction inputs, kernel and bias; then the initial state, if any. */
function inputsOf({ batch, steps, units, directions, seed }: Sizes, initial: boolean): tf.Tensor[] {
  const own = Array.from({ length: directions }, (_, d) => [
    tf.mul(noise([batch, steps, 3 * units], seed + 3 * d), 2),
    noise([units, 3 * units], seed + 3 * d + 1),
    noise([3 * units], seed + 3 * d + 2),
  ]);
  return [...own.flat(), ...(initial ? [noise([batch, units], seed + 7)] : [])];
}

/** The formula as PyTorch gives it, a step at a time. */
function textbook({ batch, steps, units, directions }: Sizes, mask?: tf.Tensor) {
  return (...inputs: tf.Tensor[]) =>
    inBothOrders(steps, directions, (d, order) => {
      const [x, kernel, bias] = inputs.slice(3 * d) as [tf.Tensor, tf.Tensor, tf.Tensor];
      let h = inputs[3 * directions] ?? tf.zeros([batch, units]);
      return order.map((slice) => {
        const [xr, xz, xn] = tf.split(slicesOf(x)[slice]!, 3, 1) as [tf.Tensor, tf.Tensor, tf.Tensor];
        const [ar, az, an] = gatesOf(h, kernel, bias, 3) as [tf.Tensor, tf.Tensor, tf.Tensor];
        const z = tf.sigmoid(tf.add(xz, az));
        const n = tf.tanh(tf.add(xn, tf.mul(tf.sigmoid(tf.add(xr, ar)), an)));
        const next = tf.add(tf.mul(tf.sub(1, z), n), tf.mul(z, h));
        if (!mask) return (h = next);
        const keep = tf.expandDims(slicesOf(mask)[slice]!, 1);
        h = tf.add(tf.mul(keep, next), tf.mul(tf.sub(1, keep), h));
        return tf.mul(keep, h);
      });
    });
}

function ours({ directions }: Sizes, mask?: tf.Tensor) {
  return (...inputs: tf.Tensor[]) => {
    const each = Array.from({ length: directions }, (_, d) => {
      const [x, kernel, bias] = inputs.slice(3 * d) as [tf.Tensor, tf.Tensor, tf.Tensor];
      return { inputs: x, kernel, bias };
    });
    const initial = inputs[3 * directions];
    return gruRecurrence(each, { ...(initial && { initial }), mask });
  };
}

describe('gruRecurrence', () => {
  it('equals the formula and its gradients, composed on cpu and compiled on wasm', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.boolean(), async (size, initial) => {
        await expectTextbook(() => inputsOf(size, initial), textbook(size), ours(size));
      }),
      { numRuns: 40 },
    );
  });

  it('keeps the state over masked steps, wherever they are', async () => {
    const masked = sizes.chain((size) =>
      fc.tuple(
        fc.constant(size),
        fc.array(fc.constantFrom(0, 1), {
          minLength: size.batch * size.steps,
          maxLength: size.batch * size.steps,
        }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(masked, async ([size, kept]) => {
        const withMask =
          (make: typeof textbook) =>
          (...inputs: tf.Tensor[]) =>
            make(size, tf.tensor2d(kept, [size.batch, size.steps]))(...inputs);
        await expectTextbook(() => inputsOf(size, true), withMask(textbook), withMask(ours));
      }),
      { numRuns: 40 },
    );
  });

  /** `h = z h0 + (1 - z) n` with no recurrent product: `z` where `n` is 0 and `h0` 1, `n` where `z` is 0 and `h0` 0. */
  async function activation(name: 'sigmoid' | 'tanh', points: number[], backend: 'cpu' | 'wasm') {
    const [values] = await valuesOn(backend, () => {
      const x = tf.reshape(tf.tensor1d(points), [points.length, 1, 1]);
      const [zeros, off] = [tf.zerosLike(x), tf.fill(x.shape, -1e4)];
      const inputs = tf.concat(name === 'sigmoid' ? [zeros, x, zeros] : [zeros, off, x], 2);
      const initial = tf.fill([points.length, 1], name === 'sigmoid' ? 1 : 0);
      return [gruRecurrence([{ inputs, kernel: tf.zeros([1, 3]), bias: tf.zeros([3]) }], { initial })];
    });
    return values!;
  }

  it.each(['sigmoid', 'tanh'] as const)('computes %s to a millionth, at every scale', async (name) => {
    const float = fc.oneof(
      fc.float({ min: -80, max: 80, noNaN: true }),
      fc.float({ min: -1, max: 1, noNaN: true }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(float, { minLength: 64, maxLength: 64 }), async (points) => {
        const values = await activation(name, points, 'wasm');
        points.forEach((x, i) => {
          const expected = name === 'tanh' ? Math.tanh(x) : 1 / (1 + Math.exp(-x));
          expect(Math.abs(values[i]! - expected)).toBeLessThanOrEqual(1e-6 * Math.abs(expected) + 1e-37);
        });
      }),
    );
  });

  it.each(['cpu', 'wasm'] as const)('stands what is out of range, on %s', async (backend) => {
    const points = [-Infinity, -1e4, 1e4, Infinity, NaN];
    const near = (values: Float32Array) => [...values].map((x) => (Math.abs(x) < 1e-37 ? 0 : x));
    expect(near(await activation('sigmoid', points, backend))).toEqual([0, 0, 1, 1, NaN]);
    expect(near(await activation('tanh', points, backend))).toEqual([-1, -1, 1, 1, NaN]);
  });

  it.each(['cpu', 'wasm'] as const)(
    'keeps what is not a number to its own patient, on %s',
    async (backend) => {
      const size = { batch: 5, steps: 3, units: 6, directions: 2, seed: 1 };
      const compute = () => {
        const [x, ...rest] = inputsOf(size, false);
        const spoilt = tf.concat([tf.fill([1, 3, 18], NaN), tf.slice(x!, [1, 0, 0])], 0);
        return [ours(size)(x!, ...rest), ours(size)(spoilt, ...rest)];
      };
      const [whole, spoilt] = await valuesOn(backend, compute);
      const first = whole!.length / 5;
      expect(spoilt!.subarray(first)).toEqual(whole!.subarray(first));
      expect(spoilt!.subarray(0, first).filter(Number.isNaN).length).toBe(first / 2); // of one direction
    },
  );
});
