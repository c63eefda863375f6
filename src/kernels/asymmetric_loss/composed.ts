import * as tf from '@tensorflow/tfjs';
import { IGNORED_LABEL } from '../../base/types';
import type { AsymmetricLossTerms } from './contract';

/** The loss in tensor operations, for any backend. */
export function composedLoss(
  config: AsymmetricLossTerms,
  yTrue: tf.Tensor,
  logits: tf.Tensor,
  mask?: tf.Tensor,
): tf.Tensor {
  return tf.tidy(() => {
    const given = tf.cast(yTrue, 'float32');
    const y = tf.where(
      tf.logicalOr(tf.less(given, 0), tf.greater(given, 1)),
      tf.fill(given.shape, NaN),
      given,
    );
    let kept: tf.Tensor = tf.notEqual(given, IGNORED_LABEL);
    if (mask !== undefined) {
      // compared, not cast: the WebAssembly backend's cast from float to bool keeps the bytes
      const keptSlices = tf.notEqual(tf.cast(mask, 'float32'), 0);
      kept = tf.logicalAnd(kept, tf.expandDims(keptSlices, -1));
    }
    const losses = perEntry(config, y, logits, kept);
    if (config.reduction === 'none') return losses;
    const total = tf.sum(losses);
    if (config.reduction === 'sum') return total;
    return tf.div(total, tf.maximum(tf.sum(tf.cast(kept, 'float32')), 1));
  });
}

/**
 * The loss of every entry, 0 where `kept` is false, with its closed-form gradient by the logits.
 *
 * With `s = 1-p = sigmoid(-x)`, `dp/dx = p s`, and `l = -log p = softplus(-x)`, `dl/dx = -s`:
 *
 *     L+  = s^g l
 *     L+' = -s^g (g p l + s)
 *
 * With `n = -log(1-q)`, and where q > 0, `dq/dx = p s`, `dn/dq = 1/(1-q)`, `1-q = s + clip`:
 *
 *     L-  = q^g n
 *     L-' = q^g p (g s n/q + s/(1-q))        (0 where q = 0)
 *
 * Exponents are never negative: `q^(g-1) n` is written `q^g (n/q)`, and n/q tends to 1 as q tends to 0. Without a
 * margin `q = p`, `1-q = s` and `n = softplus(x)`, so that `L-' = p^g (g s n + p)` needs no division. With a
 * constant focusing weight the terms in g are dropped from both derivatives.
 */
function perEntry(
  { gammaNeg, gammaPos, clip: margin, focusWeightIsConstant }: AsymmetricLossTerms,
  labels: tf.Tensor,
  logits: tf.Tensor,
  kept: tf.Tensor,
): tf.Tensor {
  const focusPos = focusWeightIsConstant ? 0 : gammaPos;
  const focusNeg = focusWeightIsConstant ? 0 : gammaNeg;

  const lossOf = tf.customGrad((input, saveFunc) => {
    const x = input as tf.Tensor;
    const save = saveFunc as tf.GradSaveFunc;
    const p = tf.sigmoid(x);
    const s = tf.sigmoid(tf.neg(x));
    const l = tf.softplus(tf.neg(x));
    const q = margin === 0 ? p : tf.relu(tf.sub(p, margin));
    const n = margin === 0 ? tf.softplus(x) : negativeLog1m(q, s, margin);
    const weightPos = power(s, gammaPos);
    const weightNeg = power(q, gammaNeg);
    const value = mix(labels, tf.mul(weightPos, l), tf.mul(weightNeg, n), kept);
    save([labels, kept, p, s, l, q, n, weightPos, weightNeg] satisfies Saved);
    return { value, gradFunc: (dy, saved) => tf.mul(dy, derivative(saved as Saved)) };
  });

  function derivative([y, keptEntries, p, s, l, q, n, weightPos, weightNeg]: Saved): tf.Tensor {
    return tf.tidy(() => {
      // focus factors come last: g p l could exceed float32's range where p l does not
      const pos = tf.neg(tf.mul(weightPos, tf.add(tf.mul(tf.mul(p, l), focusPos), s)));
      const pnByQ = margin === 0 ? n : tf.mul(p, tf.divNoNan(n, q));
      const psBy1mq = margin === 0 ? p : tf.mul(p, tf.div(s, tf.add(s, margin)));
      const slope = tf.mul(weightNeg, tf.add(tf.mul(tf.mul(s, pnByQ), focusNeg), psBy1mq));
      // `q <= 0` rather than `q > 0`, so that NaN is kept
      const neg = margin === 0 ? slope : tf.where(tf.lessEqual(q, 0), tf.zerosLike(slope), slope);
      return mix(y, pos, neg, keptEntries);
    });
  }

  return lossOf(logits);
}

/** Values of the forward pass that the derivative reuses. */
type Saved = [
  labels: tf.Tensor,
  kept: tf.Tensor,
  p: tf.Tensor,
  s: tf.Tensor,
  l: tf.Tensor,
  q: tf.Tensor,
  n: tf.Tensor,
  weightPos: tf.Tensor,
  weightNeg: tf.Tensor,
];

/** `-log(1-q)`, accurate everywhere: near 0 by `log1p`, near 1 by `1-q = s + margin`. */
function negativeLog1m(q: tf.Tensor, s: tf.Tensor, margin: number): tf.Tensor {
  const nearZero = tf.log1p(tf.neg(q));
  const nearOne = tf.log(tf.add(s, margin));
  return tf.neg(tf.where(tf.less(q, 0.5), nearZero, nearOne));
}

/**
 * `base ** exponent` for a base in [0, 1]; an exponent of 0 gives 1 everywhere, which GPU shaders leave undefined at 0.
 */
function power(base: tf.Tensor, exponent: number): tf.Tensor {
  if (exponent === 0) return tf.onesLike(base);
  return exponent === 1 ? base : tf.pow(base, exponent);
}

/** `y pos + (1-y) neg` where kept, else 0 (even if that is NaN). */
function mix(y: tf.Tensor, pos: tf.Tensor, neg: tf.Tensor, kept: tf.Tensor): tf.Tensor {
  const mixed = tf.add(tf.mul(y, pos), tf.mul(tf.sub(1, y), neg));
  return tf.where(kept, mixed, tf.zerosLike(mixed));
}
