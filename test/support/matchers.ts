import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';

type Numbers = tf.Tensor | ArrayLike<number>;

const values = (x: Numbers): ArrayLike<number> => (x instanceof tf.Tensor ? x.dataSync() : x);

/**
 * Largest |actual - expected| / (largest |expected|): a relative error that small entries cannot blow up.
 * NaN on either side counts as infinite.
 */
export function relativeError(actual: Numbers, expected: Numbers): number {
  const a = values(actual);
  const e = values(expected);
  if (a.length !== e.length) throw new Error(`${a.length} values against ${e.length}`);
  let scale = 0;
  let worst = 0;
  for (let i = 0; i < e.length; i++) {
    scale = Math.max(scale, Math.abs(e[i]!));
    const difference = Math.abs(a[i]! - e[i]!);
    worst = Math.max(worst, Number.isNaN(difference) ? Infinity : difference);
  }
  return worst / Math.max(scale, 1e-12);
}

/** Fails unless {@link relativeError} is at most `tolerance`. */
export function expectClose(actual: Numbers, expected: Numbers, tolerance = 1e-4, label = ''): void {
  const error = relativeError(actual, expected);
  expect(error, `${label} relative error`).toBeLessThanOrEqual(tolerance);
}

/** Fails unless `run` leaves exactly as many tensors as it returns (0, 1, or the length of an array / size of a record). */
export function expectNoLeak(run: () => unknown): void {
  disposeAll(run()); // first call may create lasting state (weights, caches)
  const before = tf.memory().numTensors;
  const result = run();
  const kept = tf.memory().numTensors - before;
  const returned = countTensors(result);
  disposeAll(result);
  expect(kept, 'tensors left behind by the call').toBe(returned);
}

/** As {@link expectNoLeak} for a function that returns a promise. */
export async function expectNoLeakAsync(run: () => Promise<unknown>): Promise<void> {
  disposeAll(await run());
  const before = tf.memory().numTensors;
  const result = await run();
  const kept = tf.memory().numTensors - before;
  const returned = countTensors(result);
  disposeAll(result);
  expect(kept, 'tensors left behind by the call').toBe(returned);
}

function tensorsIn(value: unknown): tf.Tensor[] {
  if (value instanceof tf.Tensor) return [value];
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  if (value !== null && typeof value === 'object' && value.constructor === Object) {
    return Object.values(value).flatMap(tensorsIn);
  }
  return [];
}
const countTensors = (value: unknown) => new Set(tensorsIn(value)).size;
const disposeAll = (value: unknown) => tensorsIn(value).forEach((t) => t.dispose());
