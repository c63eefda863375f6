import type * as tf from '@tensorflow/tfjs';
import { IGNORED_LABEL } from '../../base/types';
import { registerInMemoryKernel, type Values } from '../in_memory';
import { ASYMMETRIC_LOSS_KERNEL, type AsymmetricLossAttrs } from './contract';

interface Inputs {
  labels: tf.TensorInfo;
  logits: tf.TensorInfo;
  mask?: tf.TensorInfo;
}

registerInMemoryKernel<Inputs, AsymmetricLossAttrs>(
  ASYMMETRIC_LOSS_KERNEL,
  ({ inputs: { labels, logits, mask }, attrs, backend }) => {
    const { reduction, withSlope } = attrs;
    const value = backend.make(reduction === 'none' ? logits.shape : []);
    const slope = withSlope ? backend.make(logits.shape) : undefined;
    const [y, x, out, slopes, kept] = backend.values([labels, logits, value, slope, mask]) as [
      ...[y: Values, x: Values, out: Values],
      ...[slopes: Values | undefined, kept: Values | undefined],
    ];
    const { total, count } = pass(attrs, {
      y,
      x,
      kept,
      slopes,
      losses: reduction === 'none' ? out : undefined,
    });
    const divisor = reduction === 'mean' ? Math.max(count, 1) : 1;
    if (reduction !== 'none') out[0] = total / divisor;
    if (slopes && divisor !== 1) for (let i = 0; i < slopes.length; i++) slopes[i]! /= divisor;
    return slope ? [value, slope] : [value];
  },
);

/** Values of the tensors; `losses` and `slopes` are written if given. */
interface Entries {
  y: Values;
  x: Values;
  kept: Values | undefined;
  losses: Values | undefined;
  slopes: Values | undefined;
}

/**
 * Loss and derivative of every entry in doubles, by the formulas of `composed.ts`; for a label of 0 or 1 only the
 * term that is not zero.
 */
function pass(attrs: AsymmetricLossAttrs, entries: Entries): { total: number; count: number } {
  const { gammaPos, gammaNeg, clip: margin, focusWeightIsConstant } = attrs;
  const { y, x, kept, losses, slopes } = entries;
  const focusPos = focusWeightIsConstant ? 0 : gammaPos;
  const focusNeg = focusWeightIsConstant ? 0 : gammaNeg;
  const labels = kept ? x.length / kept.length : 1;
  let total = 0;
  let count = 0;
  for (let i = 0; i < x.length; i++) {
    const given = y[i]!;
    let loss = 0;
    let slope = 0;
    if (given !== IGNORED_LABEL && (!kept || kept[Math.floor(i / labels)] !== 0)) {
      count++;
      const label = given >= 0 && given <= 1 ? given : NaN;
      const z = x[i]!;
      const e = Math.exp(-Math.abs(z));
      const p = z < 0 ? e / (1 + e) : 1 / (1 + e);
      const s = z < 0 ? 1 / (1 + e) : e / (1 + e);
      if (label !== 0) {
        const l = Math.max(-z, 0) + Math.log1p(e);
        const weight = label * power(s, gammaPos);
        loss = weight * l;
        slope = -weight * (p * l * focusPos + s);
      }
      const q = p - margin;
      // `q <= 0` rather than `q > 0`, so that NaN is kept
      if (label !== 1 && !(q <= 0)) {
        const weight = (1 - label) * power(q, gammaNeg);
        // -log(1-q), each form where it is accurate
        const n =
          margin === 0 ? Math.max(z, 0) + Math.log1p(e) : q < 0.5 ? -Math.log1p(-q) : -Math.log(s + margin);
        const pnByQ = margin === 0 ? n : (p * n) / q;
        const psBy1mq = margin === 0 ? p : (p * s) / (s + margin);
        loss += weight * n;
        slope += weight * (s * pnByQ * focusNeg + psBy1mq);
      }
    }
    total += loss;
    if (losses) losses[i] = loss;
    if (slopes) slopes[i] = slope;
  }
  return { total, count };
}

/** `base ** exponent`, fast for common exponents. */
function power(base: number, exponent: number): number {
  switch (exponent) {
    case 0:
      return 1;
    case 1:
      return base;
    case 2:
      return base * base;
    case 4:
      return base * base * (base * base);
    default:
      return base ** exponent;
  }
}
