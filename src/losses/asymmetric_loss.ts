import * as tf from '@tensorflow/tfjs';
import { check } from '../errors';
import { IGNORED_LABEL } from '../types';

/** Options of {@link asymmetricLoss}. */
export interface AsymmetricLossOptions {
  /**
   * Focusing exponent of the negatives, at least 0: the higher, the less an easy negative counts.
   * @defaultValue 4
   */
  gammaNeg?: number;
  /**
   * Focusing exponent of the positives, at least 0.
   * @defaultValue 1
   */
  gammaPos?: number;
  /**
   * Probability margin in [0, 1): negatives below it cost nothing.
   * @defaultValue 0.05
   */
  clip?: number;
  /**
   * `'mean'` over the entries kept, their `'sum'`, or `'none'` for one value an entry (0 where left out).
   * @defaultValue 'mean'
   */
  reduction?: 'mean' | 'sum' | 'none';
  /**
   * Treats the focusing weight as a constant in the gradient (the authors' `disable_torch_grad_focal_loss`).
   * @defaultValue false
   */
  focusWeightIsConstant?: boolean;
}

/** What {@link asymmetricLoss} returns: a loss for `model.compile`, with an optional mask for direct calls. */
export type AsymmetricLossFn = (yTrue: tf.Tensor, logits: tf.Tensor, mask?: tf.Tensor) => tf.Tensor;

/**
 * Asymmetric loss for multi-label classification, computed from logits.
 *
 * `p = sigmoid(x)`, `q = max(p - clip, 0)`,
 * `L = -[ y (1-p)^gammaPos log p + (1-y) q^gammaNeg log(1-q) ]`
 *
 * Loss and gradient stay finite for any finite float32 logit. The gradient (first order) flows to the logits only; a
 * NaN logit gives a NaN loss. With both gammas and `clip` at 0 this is the sigmoid cross entropy.
 *
 * Shapes: `yTrue` and `logits` `[..., labels]`, equal; `mask` `[...]`, their shape without the last axis, 0 (or
 * false) for a slice to leave out. `yTrue` is 0 or 1, anything between for smoothed labels, or -1 for "not
 * labelled": such entries are left out. Returns a scalar, or the shape of `logits` for `reduction: 'none'`. With
 * no entry kept the loss is 0.
 *
 * @throws {@link ArgumentError} for options out of range, shapes that differ, or empty tensors.
 *
 * @example
 * ```ts
 * model.compile({ optimizer: 'adam', loss: asymmetricLoss({ gammaNeg: 4, gammaPos: 1, clip: 0.05 }) });
 * ```
 *
 * Ridnik et al., "Asymmetric Loss For Multi-Label Classification", ICCV 2021, https://arxiv.org/abs/2009.14119
 */
export function asymmetricLoss(options: AsymmetricLossOptions = {}): AsymmetricLossFn {
  const config = resolveOptions(options);
  return function asymmetricLoss(yTrue, logits, mask) {
    return apply(config, yTrue, logits, mask);
  };
}

/**
 * {@link asymmetricLoss} as an object that can say how it was made, for checkpoints and reports.
 *
 * @throws {@link ArgumentError} for options out of range.
 *
 * @example
 * ```ts
 * const loss = new AsymmetricLoss({ gammaNeg: 2 });
 * const value = loss.apply(yTrue, logits, mask);
 * const twin = new AsymmetricLoss(loss.getConfig());
 * ```
 */
export class AsymmetricLoss {
  private readonly config: Required<AsymmetricLossOptions>;

  constructor(options: AsymmetricLossOptions = {}) {
    this.config = resolveOptions(options);
  }

  /** The loss; see {@link asymmetricLoss} for shapes and meaning. */
  apply(yTrue: tf.Tensor, logits: tf.Tensor, mask?: tf.Tensor): tf.Tensor {
    return apply(this.config, yTrue, logits, mask);
  }

  /** Every option, defaults filled in: plain JSON. */
  getConfig(): Required<AsymmetricLossOptions> {
    return { ...this.config };
  }
}

const DEFAULTS: Required<AsymmetricLossOptions> = {
  gammaNeg: 4,
  gammaPos: 1,
  clip: 0.05,
  reduction: 'mean',
  focusWeightIsConstant: false,
};

function resolveOptions(options: AsymmetricLossOptions): Required<AsymmetricLossOptions> {
  const what = 'asymmetricLoss';
  check(typeof options === 'object' && options !== null, `${what}: options`, 'an object', options);
  for (const name of Object.keys(options)) {
    check(
      Object.hasOwn(DEFAULTS, name),
      `${what}: options`,
      `only ${Object.keys(DEFAULTS).join(', ')}`,
      name,
    );
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const config = { ...DEFAULTS, ...(Object.fromEntries(given) as AsymmetricLossOptions) };
  const { gammaNeg, gammaPos, clip, reduction, focusWeightIsConstant } = config;
  // finite as a float32, too
  const isGamma = (value: unknown) =>
    typeof value === 'number' && value >= 0 && Number.isFinite(Math.fround(value));
  check(isGamma(gammaNeg), `${what}: gammaNeg`, 'a finite number of at least 0', gammaNeg);
  check(isGamma(gammaPos), `${what}: gammaPos`, 'a finite number of at least 0', gammaPos);
  check(Number.isFinite(clip) && clip >= 0 && clip < 1, `${what}: clip`, 'a number in [0, 1)', clip);
  check(
    ['mean', 'sum', 'none'].includes(reduction),
    `${what}: reduction`,
    "'mean', 'sum' or 'none'",
    reduction,
  );
  check(
    typeof focusWeightIsConstant === 'boolean',
    `${what}: focusWeightIsConstant`,
    'a boolean',
    focusWeightIsConstant,
  );
  return config;
}

function apply(
  config: Required<AsymmetricLossOptions>,
  yTrue: tf.Tensor,
  logits: tf.Tensor,
  mask?: tf.Tensor,
): tf.Tensor {
  const what = 'asymmetricLoss';
  check(
    logits instanceof tf.Tensor && logits.rank >= 1 && logits.size > 0,
    `${what}: logits`,
    'a tensor [..., labels], not empty',
    logits,
  );
  check(
    yTrue instanceof tf.Tensor && tf.util.arraysEqual(yTrue.shape, logits.shape),
    `${what}: yTrue`,
    `a tensor of the shape of the logits, [${logits.shape.join(', ')}]`,
    yTrue,
  );
  const slices = logits.shape.slice(0, -1);
  check(
    mask === undefined || (mask instanceof tf.Tensor && tf.util.arraysEqual(mask.shape, slices)),
    `${what}: mask`,
    `a tensor of the shape of the logits without their last axis, [${slices.join(', ')}]`,
    mask,
  );
  return tf.tidy(() => {
    const y = tf.cast(yTrue, 'float32');
    let kept: tf.Tensor = tf.notEqual(y, IGNORED_LABEL);
    if (mask !== undefined) {
      // compared, not cast: the WebAssembly backend's cast from float to bool keeps bytes, not truth
      const keptSlices = tf.notEqual(tf.cast(mask, 'float32'), 0);
      kept = tf.logicalAnd(kept, tf.expandDims(keptSlices, -1));
    }
    const losses = perEntry(config, y, tf.cast(logits, 'float32'), kept);
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
 * No power is below zero: `q^(g-1) n` is written `q^g (n/q)`, and n/q tends to 1 as q falls to 0. Without a
 * margin `q = p`, `1-q = s` and `n = softplus(x)`, so that `L-' = p^g (g s n + p)` divides by nothing. With a
 * constant focusing weight the terms in g drop out of both derivatives.
 */
function perEntry(
  { gammaNeg, gammaPos, clip, focusWeightIsConstant }: Required<AsymmetricLossOptions>,
  labels: tf.Tensor,
  logits: tf.Tensor,
  kept: tf.Tensor,
): tf.Tensor {
  const focusPos = focusWeightIsConstant ? 0 : gammaPos;
  const focusNeg = focusWeightIsConstant ? 0 : gammaNeg;
  // a margin that float32 would flush to zero is none
  const margin = clip < SMALLEST_NORMAL ? 0 : clip;

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
      // focus factors come last: g p l could pass float32's range where p l does not
      const pos = tf.neg(tf.mul(weightPos, tf.add(tf.mul(tf.mul(p, l), focusPos), s)));
      const pnByQ = margin === 0 ? n : tf.mul(p, tf.divNoNan(n, q));
      const psBy1mq = margin === 0 ? p : tf.mul(p, tf.div(s, tf.add(s, margin)));
      const slope = tf.mul(weightNeg, tf.add(tf.mul(tf.mul(s, pnByQ), focusNeg), psBy1mq));
      // `q <= 0` rather than its opposite, so that NaN is kept
      const neg = margin === 0 ? slope : tf.where(tf.lessEqual(q, 0), tf.zerosLike(slope), slope);
      return mix(y, pos, neg, keptEntries);
    });
  }

  return lossOf(logits);
}

/** What the derivative takes from the forward pass, so that nothing is computed twice. */
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

/** The smallest positive float32 that keeps its full precision. */
const SMALLEST_NORMAL = 2 ** -126;

/** `-log(1-q)`: each form where it is exact, near 0 by `log1p`, near 1 by `1-q = s + margin`. */
function negativeLog1m(q: tf.Tensor, s: tf.Tensor, margin: number): tf.Tensor {
  const nearZero = tf.log1p(tf.neg(q));
  const nearOne = tf.log(tf.add(s, margin));
  return tf.neg(tf.where(tf.less(q, 0.5), nearZero, nearOne));
}

/** `base ** exponent` for a base in [0, 1]; an exponent of 0 gives 1 everywhere, which GPU shaders leave open at 0. */
function power(base: tf.Tensor, exponent: number): tf.Tensor {
  if (exponent === 0) return tf.onesLike(base);
  return exponent === 1 ? base : tf.pow(base, exponent);
}

/** `y pos + (1-y) neg` where kept, else 0 (also in place of NaN). */
function mix(y: tf.Tensor, pos: tf.Tensor, neg: tf.Tensor, kept: tf.Tensor): tf.Tensor {
  const mixed = tf.add(tf.mul(y, pos), tf.mul(tf.sub(1, y), neg));
  return tf.where(kept, mixed, tf.zerosLike(mixed));
}
