import * as tf from '@tensorflow/tfjs';
import { check, isNumeric } from '../base/checks';
import { isOutputOfSigmoid } from '../base/gradient_tape';
import { flag, isNumberIn, oneOf, optional, resolveOptions, rule, type Rules } from '../base/options';
import type { ConfiguredFn } from '../base/types';
import { composedLoss } from '../kernels/asymmetric_loss/composed';
import {
  ASYMMETRIC_LOSS_KERNEL,
  type AsymmetricLossAttrs,
  type AsymmetricLossTerms,
} from '../kernels/asymmetric_loss/contract';
import '../kernels/asymmetric_loss/plain';
import { hasKernel } from '../kernels/has_kernel';

/**
 * Options of {@link asymmetricLoss}.
 *
 * @inline
 */
export interface AsymmetricLossOptions {
  /**
   * Focusing exponent of the negatives, at least 0: the higher, the less easy negatives count.
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
   * `'mean'` over the entries that count, their `'sum'`, or `'none'` for one value per entry (0 for ignored ones).
   * @defaultValue 'mean'
   */
  reduction?: 'mean' | 'sum' | 'none';
  /**
   * Treats the focusing weight as a constant in the gradient (the authors' `disable_torch_grad_focal_loss`).
   * @defaultValue false
   */
  focusWeightIsConstant?: boolean;
}

const GAMMA = rule<number>(
  'a finite number of at least 0',
  (value) => isNumberIn(value, 0) && Number.isFinite(Math.fround(value as number)), // as a float32 too
);

const RULES = {
  gammaNeg: optional(GAMMA, 4),
  gammaPos: optional(GAMMA, 1),
  clip: optional(
    rule<number>('a number in [0, 1)', (value) => isNumberIn(value, 0, 1) && value !== 1),
    0.05,
  ),
  reduction: optional(oneOf(['mean', 'sum', 'none']), 'mean'),
  focusWeightIsConstant: optional(flag, false),
} satisfies Rules<AsymmetricLossOptions>;

/**
 * What {@link asymmetricLoss} returns: a loss for `model.compile`, with an optional mask for direct calls.
 *
 * @inline
 */
export interface AsymmetricLossFn extends ConfiguredFn {
  (yTrue: tf.Tensor, logits: tf.Tensor, mask?: tf.Tensor): tf.Tensor;
  getConfig(): Required<AsymmetricLossOptions>;
}

/**
 * Asymmetric loss for multi-label classification, computed from logits.
 *
 * `p = sigmoid(x)`, `q = max(p - clip, 0)`,
 * `L = -[ y (1-p)^gammaPos log p + (1-y) q^gammaNeg log(1-q) ]`
 *
 * Loss and gradient stay finite for any finite float32 logit. The gradient (first order) flows to the logits only; a
 * NaN logit gives a NaN loss, and so does an invalid label. With both gammas and `clip` at 0 this is the sigmoid cross
 * entropy.
 *
 * Shapes: `yTrue` and `logits` `[..., labels]`, equal; `mask` `[...]`, their shape without the last axis, 0 (or false)
 * for slices to ignore. `yTrue` is 0 or 1, anything between for smoothed labels, or -1 for "not labelled": such entries
 * are ignored. Returns a scalar, or the shape of `logits` for `reduction: 'none'`. If all entries are ignored the loss
 * is 0.
 *
 * @throws ArgumentError for options out of range, shapes that differ, or empty tensors.
 *
 * @example
 * ```ts
 * model.compile({ optimizer: 'adam', loss: asymmetricLoss({ gammaNeg: 4, gammaPos: 1, clip: 0.05 }) });
 * ```
 *
 * @see Ridnik et al., "Asymmetric Loss For Multi-Label Classification", ICCV 2021, https://arxiv.org/abs/2009.14119.
 */
export function asymmetricLoss(options: AsymmetricLossOptions = {}): AsymmetricLossFn {
  const config = resolveOptions('asymmetricLoss', options, RULES);
  function asymmetricLoss(yTrue: tf.Tensor, logits: tf.Tensor, mask?: tf.Tensor) {
    return apply(config, yTrue, logits, mask);
  }
  return Object.assign(asymmetricLoss, {
    getClassName: () => 'asymmetricLoss',
    getConfig: () => ({ ...config }),
  });
}

/**
 * {@link asymmetricLoss} as an instance of a class, for checkpoints and reports. It is callable and can be passed to
 * `model.compile` as a loss.
 *
 * @throws ArgumentError for options out of range.
 *
 * @example
 * ```ts
 * const loss = new AsymmetricLoss({ gammaNeg: 2 });
 * const value = loss.apply(yTrue, logits, mask);
 * model.compile({ optimizer: adam(1e-4), loss });
 * const twin = new AsymmetricLoss(loss.getConfig());
 * ```
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- the constructor returns what the interface describes
export class AsymmetricLoss {
  constructor(options: AsymmetricLossOptions = {}) {
    // a function with this class: model.compile accepts only functions as losses
    return Object.setPrototypeOf(asymmetricLoss(options), new.target.prototype as object) as this;
  }

  /** The loss; see {@link asymmetricLoss} for shapes and meaning. */
  apply(yTrue: tf.Tensor, logits: tf.Tensor, mask?: tf.Tensor): tf.Tensor {
    return this(yTrue, logits, mask);
  }
}

/** The return value of {@link asymmetricLoss}. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging, @typescript-eslint/no-empty-object-type
export interface AsymmetricLoss extends AsymmetricLossFn {}

function apply(
  config: Required<AsymmetricLossOptions>,
  yTrue: tf.Tensor,
  logits: tf.Tensor,
  mask?: tf.Tensor,
): tf.Tensor {
  const what = 'asymmetricLoss';
  const form = 'a tensor [..., labels], not empty';
  check(logits instanceof tf.Tensor && logits.rank >= 1 && logits.size > 0, `${what}: logits`, form, logits);
  const fits = yTrue instanceof tf.Tensor && tf.util.arraysEqual(yTrue.shape, logits.shape);
  check(fits, `${what}: yTrue`, `a tensor of the shape of the logits, [${logits.shape.join(', ')}]`, yTrue);
  for (const [name, { dtype }] of Object.entries({ logits, yTrue })) {
    check(isNumeric(dtype), `${what}: ${name}`, 'a tensor of numbers', `dtype ${dtype}`);
  }
  check(
    !isOutputOfSigmoid(logits),
    `${what}: logits`,
    'scores before the sigmoid, which the loss applies itself',
    'the output of a sigmoid; build the model without that activation',
  );
  const slices = logits.shape.slice(0, -1);
  const masks = mask === undefined || (mask instanceof tf.Tensor && tf.util.arraysEqual(mask.shape, slices));
  const maskForm = `a tensor of the shape of the logits without their last axis, [${slices.join(', ')}]`;
  check(masks, `${what}: mask`, maskForm, mask);
  // a margin that float32 would flush to zero counts as none
  const terms = { ...config, clip: config.clip < SMALLEST_NORMAL ? 0 : config.clip };
  return tf.tidy(() => {
    const x = logits.dtype === 'float32' ? logits : tf.cast(logits, 'float32');
    return hasKernel(ASYMMETRIC_LOSS_KERNEL)
      ? onePass(terms, yTrue, x, mask)
      : composedLoss(terms, yTrue, x, mask);
  });
}

/** The smallest positive float32 that keeps its full precision. */
const SMALLEST_NORMAL = 2 ** -126;

/** The loss in one kernel, which also computes its slope if a gradient may be requested. */
function onePass(terms: AsymmetricLossTerms, labels: tf.Tensor, x: tf.Tensor, mask?: tf.Tensor): tf.Tensor {
  const run = (logits: tf.Tensor, withSlope: boolean) => {
    const attrs: AsymmetricLossAttrs = { ...terms, withSlope };
    const inputs = { labels, logits, ...(mask && { mask }) };
    return tf.engine().runKernel<tf.Tensor[]>(ASYMMETRIC_LOSS_KERNEL, inputs, { ...attrs });
  };
  if (tf.engine().state.gradientDepth === 0) return run(x, false)[0]!;
  const loss = tf.customGrad((logits, save) => {
    const [value, slope] = run(logits as tf.Tensor, true);
    (save as tf.GradSaveFunc)([slope!]);
    return { value: value!, gradFunc: (dy, [saved]) => tf.mul(dy, saved!) };
  });
  return loss(x);
}
