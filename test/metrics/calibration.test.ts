import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArgumentError } from '../../src/base/errors';
import {
  applyCalibration,
  calibrateProbabilities,
  logitsOf,
  type Calibration,
} from '../../src/metrics/calibration';
import { onBackends } from '../support/backends';
import { expectClose, expectNoLeak } from '../support/matchers';

const calibration: Calibration = { method: 'platt', scale: [2, 0.5], offset: [-1, 0.25] };

onBackends(['cpu', 'wasm'], 'applyCalibration', () => {
  it('scales and shifts the logits of each label', () => {
    const logits = tf.tensor3d([[[1, 2], [-3, 0]]]); // prettier-ignore
    const calibrated = applyCalibration(logits, calibration);
    expect(calibrated.shape).toEqual([1, 2, 2]);
    expect([...calibrated.dataSync()]).toEqual([1, 1.25, -7, 0.25]);
  });

  it('says of tensors what calibrateProbabilities says of numbers', () => {
    const logits = tf.tensor2d([[-9, 4], [0.5, -0.5]]); // prettier-ignore
    const before = tf.sigmoid<tf.Tensor2D>(logits).arraySync();
    const after = tf.sigmoid(applyCalibration(logits, calibration));
    expectClose(calibrateProbabilities(before, calibration).flat(), after, 1e-5);
  });

  it('leaves no tensor behind', () => {
    const logits = tf.ones([3, 2]);
    expectNoLeak(() => applyCalibration(logits, calibration));
  });
});

describe('calibrateProbabilities', () => {
  it('keeps the order, and what is certain', () => {
    const p = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(p, p, (a, b) => {
        const [[first], [second]] = calibrateProbabilities([[a, 0], [b, 1]], calibration) as [number[], number[]]; // prettier-ignore
        if (a < b) expect(first).toBeLessThanOrEqual(second!);
        expect(first).toBeGreaterThanOrEqual(0);
        expect(first).toBeLessThanOrEqual(1);
      }),
    );
    expect(calibrateProbabilities([[0, 0], [1, 1]], calibration)).toEqual([[0, 0], [1, 1]]); // prettier-ignore
  });

  it('undoes nothing with scale 1 and offset 0', () => {
    const same: Calibration = { method: 'temperature', scale: [1], offset: [0] };
    for (const p of [0, 1e-6, 0.3, 0.5, 0.999, 1]) {
      expect(calibrateProbabilities([[p]], same)[0]![0]).toBeCloseTo(p, 12);
    }
  });
});

describe('logitsOf', () => {
  it('is the inverse of the sigmoid, and finite', () => {
    const [logits] = logitsOf([[0.5, 0.25, 0, 1]]);
    expect(logits![0]).toBe(0);
    expect(logits![1]).toBeCloseTo(-Math.log(3), 12);
    expect(logits![2]).toBeCloseTo(-16.118, 3);
    expect(logits![3]).toBeCloseTo(16.118, 3);
    expect(() => logitsOf([[NaN]])).toThrow(ArgumentError);
  });
});

describe('a calibration', () => {
  it.each([
    [null, 'calibration: expected an object'],
    [{ ...calibration, method: 'isotonic' }, "calibration.method: expected 'temperature' or 'platt'"],
    [{ ...calibration, scale: [1] }, 'calibration.scale: expected numbers above 0, one for each of 2 labels'],
    [{ ...calibration, scale: [1, 0] }, 'calibration.scale'],
    [{ ...calibration, scale: [1, Infinity] }, 'calibration.scale'],
    [{ ...calibration, scale: undefined }, 'calibration.scale'],
    [{ ...calibration, offset: [0, NaN] }, 'calibration.offset: expected numbers, one'],
    [{ ...calibration, method: 'temperature' }, 'calibration.offset: expected 0, one'],
  ])('is not %j', (bad, message) => {
    expect(() => applyCalibration(tf.ones([1, 2]), bad as Calibration)).toThrow(ArgumentError);
    expect(() => applyCalibration(tf.ones([1, 2]), bad as Calibration)).toThrow(message);
  });

  it('fits the rows', () => {
    expect(() => calibrateProbabilities([[0.5]], calibration)).toThrow('rows of 2 numbers in [0, 1]');
    expect(() => calibrateProbabilities([], { ...calibration, scale: [] })).toThrow('one per label');
    expect(() => applyCalibration(tf.scalar(1), calibration)).toThrow('a tensor [..., labels]');
  });
});
