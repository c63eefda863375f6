import * as tf from '@tensorflow/tfjs';
import { areProbabilities, check, checkOneOf } from '../base/checks';
import type { LabelRows } from './labelled_scores';

/**
 * Maps logits to calibrated logits, `scale * logit + offset`, per label: plain data, saved in a checkpoint's manifest.
 */
export interface Calibration {
  /** `'temperature'`: a scale per label (one over the temperature); `'platt'`: a scale and an offset. */
  method: 'temperature' | 'platt';
  /** One per label, above 0, so that the order of the samples is preserved. */
  scale: number[];
  /** One per label; 0 for `'temperature'`. */
  offset: number[];
}

/**
 * Calibrated logits: `scale * logit + offset` per label; apply a sigmoid to get probabilities.
 *
 * Shapes: `logits` `[..., labels]` -> the same, float32.
 *
 * @throws ArgumentError for a calibration that does not fit the labels.
 */
export function applyCalibration(logits: tf.Tensor, calibration: Calibration): tf.Tensor {
  check(
    logits instanceof tf.Tensor && logits.rank >= 1,
    'applyCalibration: logits',
    'a tensor [..., labels]',
    logits,
  );
  checkCalibration('applyCalibration: calibration', calibration, logits.shape[logits.rank - 1]);
  const { scale, offset } = calibration;
  return tf.tidy(() => tf.add(tf.mul(logits, tf.tensor1d(scale)), tf.tensor1d(offset)));
}

/**
 * Calibrates probabilities that were predicted without calibration; 0 and 1 do not change.
 *
 * @param probabilities - `[samples][labels]`, in [0, 1].
 * @throws ArgumentError for a row or a calibration that does not fit.
 *
 * @example
 * ```ts
 * const calibrated = calibrateProbabilities(probabilities, { method: 'temperature', scale: [0.8], offset: [0] });
 * ```
 */
export function calibrateProbabilities(probabilities: LabelRows, calibration: Calibration): number[][] {
  const fn = 'calibrateProbabilities';
  checkCalibration(`${fn}: calibration`, calibration);
  const { scale, offset } = calibration;
  return probabilities.map((row) => {
    checkRow(fn, row, scale.length);
    return row.map(
      (p, label) => 1 / (1 + Math.exp(-(scale[label]! * Math.log(p / (1 - p)) + offset[label]!))),
    );
  });
}

/**
 * Logits of probabilities, `log(p / (1 - p))`, if only probabilities are available.
 *
 * Probabilities are clipped to [1e-7, 1 - 1e-7], the limit of float32's resolution, so that logits lie within ±16.1.
 *
 * @param probabilities - `[samples][labels]`, in [0, 1].
 * @throws ArgumentError for a number outside [0, 1].
 */
export function logitsOf(probabilities: LabelRows): number[][] {
  return probabilities.map((row) => {
    checkRow('logitsOf', row, row.length);
    return row.map((p) => {
      const clipped = Math.min(Math.max(p, 1e-7), 1 - 1e-7);
      return Math.log(clipped / (1 - clipped));
    });
  });
}

/**
 * Refuses an invalid calibration.
 *
 * @param what - Name of the argument, e.g. `'calibrateProbabilities: calibration'`.
 * @param labels - Number of labels; if omitted, any number of at least 1 is valid.
 */
export function checkCalibration(what: string, calibration: Calibration, labels?: number): void {
  check(typeof calibration === 'object' && calibration !== null, what, 'an object', calibration);
  const { method, scale, offset } = calibration;
  checkOneOf(method, METHODS, `${what}.method`);
  const fits = (values: unknown, rule: (value: number) => boolean) =>
    Array.isArray(values) &&
    values.length > 0 &&
    values.length === (labels ?? scale.length) &&
    values.every((value) => Number.isFinite(value) && rule(value as number));
  const each = labels === undefined ? 'one per label' : `one for each of ${labels} labels`;
  check(
    fits(scale, (value) => value > 0),
    `${what}.scale`,
    `numbers above 0, ${each}`,
    scale,
  );
  check(
    fits(offset, (value) => method === 'platt' || value === 0),
    `${what}.offset`,
    method === 'platt' ? `numbers, ${each}` : `0, ${each}`,
    offset,
  );
}

const METHODS: readonly Calibration['method'][] = ['temperature', 'platt'];

function checkRow(fn: string, row: readonly number[], labels: number): void {
  const fits = row.length === labels && areProbabilities(row);
  check(fits, `${fn}: probabilities`, `rows of ${labels} numbers in [0, 1]`, row);
}
