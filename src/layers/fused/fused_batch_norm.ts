import * as tf from '@tensorflow/tfjs';
import {
  BATCH_NORM_GRADIENT_KERNEL,
  BATCH_NORM_KERNEL,
  COLUMN_DOTS_KERNEL,
  COLUMN_MOMENTS_KERNEL,
  COMBINE_KERNEL,
  MOVING_MOMENTS_KERNEL,
  SCALE_SHIFT_KERNEL,
} from '../../kernels/columns/contract';
import { hasKernel } from '../../kernels/has_kernel';
import { anything } from '../../base/options';
import { layerOn, type LayerCall, type LayerRules } from '../layer';

/**
 * Options of {@link FusedBatchNorm}: those of `tf.layers.batchNormalization`.
 *
 * @inline
 */
export type FusedBatchNormArgs = NonNullable<Parameters<typeof tf.layers.batchNormalization>[0]>;

/** The part of tfjs's layer that we use; tfjs does not export the class. */
interface HostBatchNorm extends tf.layers.Layer {
  axis: number;
  momentum: number;
  epsilon: number;
  gamma?: tf.LayerVariable;
  beta?: tf.LayerVariable;
  movingMean: tf.LayerVariable;
  movingVariance: tf.LayerVariable;
}

/** Checked by tfjs. */
const RULES: LayerRules<FusedBatchNormArgs> = {
  axis: anything,
  momentum: anything,
  epsilon: anything,
  center: anything,
  scale: anything,
  betaInitializer: anything,
  gammaInitializer: anything,
  movingMeanInitializer: anything,
  movingVarianceInitializer: anything,
  betaConstraint: anything,
  gammaConstraint: anything,
  betaRegularizer: anything,
  gammaRegularizer: anything,
};

/**
 * `tf.layers.batchNormalization` over the last axis with the same options, weights and results, faster to train.
 *
 * `y = gamma (x - mean) / sqrt(variance + epsilon) + beta`, with the batch's mean and variance in training, which
 * update the stored ones, and with the stored ones otherwise. Input and output `[..., channels]`.
 *
 * Backward, with `n = (x - mean) / sqrt(variance + epsilon)`, `s = gamma / sqrt(variance + epsilon)` and sums over all
 * axes but the last: `dbeta = sum dy`, `dgamma = sum dy n`, `dx = s dy`, and by the batch's statistics
 * `dx = s (dy - mean(dy) - n mean(dy n))`.
 *
 * @example
 * ```ts
 * const y = new FusedBatchNorm({ epsilon: 1e-5, momentum: 0.9 }).apply(x) as tf.Tensor;
 * ```
 * @see Ioffe and Szegedy, "Batch Normalization", ICML 2015.
 */
export class FusedBatchNorm extends layerOn<HostBatchNorm>('BatchNormalization') {
  static className = 'FusedBatchNorm';

  constructor(args: FusedBatchNormArgs = {}) {
    super(args, RULES);
  }

  /** @internal */
  override run([input]: [tf.Tensor], { training = false }: LayerCall): tf.Tensor {
    const x = input.dtype === 'float32' ? input : tf.cast(input, 'float32');
    const last = this.axis === -1 || this.axis === x.rank - 1;
    if (!last) return super.run([x], { training });
    const [mean, variance] = training
      ? this.batchStatistics(x)
      : [this.movingMean.read(), this.movingVariance.read()];
    const gamma = this.gamma?.read() ?? tf.ones(mean.shape);
    const beta = this.beta?.read() ?? tf.zeros(mean.shape);
    return normalize(x, gamma, beta, { mean, variance, epsilon: this.epsilon, byBatch: training });
  }

  /** Returns the batch's mean and variance, and updates the stored ones. */
  private batchStatistics(x: tf.Tensor): [tf.Tensor, tf.Tensor] {
    if (hasKernel(MOVING_MOMENTS_KERNEL)) {
      const inputs = { x, movingMean: this.movingMean.read(), movingVariance: this.movingVariance.read() };
      const attrs = { momentum: this.momentum };
      const [mean, variance, movedMean, movedVariance] = tf.tidy(
        () => tf.engine().runKernel(MOVING_MOMENTS_KERNEL, inputs, attrs) as unknown as Four,
      );
      this.movingMean.write(movedMean);
      this.movingVariance.write(movedVariance);
      return [mean, variance];
    }
    const [mean, variance] = moments(x);
    const move = (stored: tf.LayerVariable, value: tf.Tensor) =>
      stored.write(tf.add(tf.mul(stored.read(), this.momentum), tf.mul(value, 1 - this.momentum)));
    move(this.movingMean, mean);
    move(this.movingVariance, variance);
    return [mean, variance];
  }
}
tf.serialization.registerClass(FusedBatchNorm);

type Four = [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];

/** Statistics to normalise by. */
interface Statistics {
  mean: tf.Tensor;
  variance: tf.Tensor;
  epsilon: number;
  /** Whether they are those of `x` itself, so that gradients flow through them. */
  byBatch: boolean;
}

function normalize(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, statistics: Statistics): tf.Tensor {
  return hasKernel(BATCH_NORM_KERNEL)
    ? normalizeAtOnce(x, gamma, beta, statistics)
    : normalizeByColumns(x, gamma, beta, statistics);
}

/** With one kernel per pass, if the backend has them. */
function normalizeAtOnce(
  x: tf.Tensor,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  { mean, variance, epsilon, byBatch }: Statistics,
): tf.Tensor {
  const run = tf.customGrad((...args) => {
    const [input, weight, offset, save] = args as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    const tensors = { x: input, gamma: weight, beta: offset, mean, variance };
    const [value, scale, inverse] = tf
      .engine()
      .runKernel<tf.Tensor[]>(BATCH_NORM_KERNEL, tensors, { epsilon });
    save([input, scale!, inverse!, mean]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [xThen, scaleThen, inverseThen, meanThen] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const given = { dy, x: xThen, scale: scaleThen, inverse: inverseThen, mean: meanThen };
      return tf.engine().runKernel<tf.Tensor[]>(BATCH_NORM_GRADIENT_KERNEL, given, { byBatch });
    };
    return { value: value!, gradFunc };
  });
  return run(x, gamma, beta);
}

/** With operations on columns and passes over all values. */
function normalizeByColumns(
  x: tf.Tensor,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  { mean, variance, epsilon, byBatch }: Statistics,
): tf.Tensor {
  const count = x.size / mean.size;
  const run = tf.customGrad((...args) => {
    const [input, weight, offset, save] = args as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    const inverse = tf.rsqrt(tf.add(variance, epsilon));
    const scale = tf.mul(weight, inverse);
    const value = scaleShift(input, scale, tf.sub(offset, tf.mul(mean, scale)));
    // the statistics too: tensors in a closure are disposed before the backward pass
    save([input, scale, inverse, mean]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [xThen, scaleThen, inverseThen, meanThen] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const [sums, dots] = columnDots(dy, xThen, meanThen);
      const dgamma = tf.mul(dots, inverseThen);
      if (!byBatch) return [scaleDown(dy, scaleThen), dgamma, sums];
      // s (dy - mean(dy) - n mean(dy n)), grouped by factor
      const b = tf.neg(tf.mul(tf.mul(scaleThen, inverseThen), tf.div(dgamma, count)));
      const c = tf.neg(tf.add(tf.mul(scaleThen, tf.div(sums, count)), tf.mul(b, meanThen)));
      return [combine(dy, xThen, scaleThen, b, c), dgamma, sums];
    };
    return { value, gradFunc };
  });
  return run(x, gamma, beta);
}

const leadingAxes = (x: tf.Tensor) => x.shape.slice(1).map((_, axis) => axis);

function moments(x: tf.Tensor): [tf.Tensor, tf.Tensor] {
  return tf.tidy(() => {
    if (hasKernel(COLUMN_MOMENTS_KERNEL)) {
      return tf.engine().runKernel(COLUMN_MOMENTS_KERNEL, { x }) as [tf.Tensor, tf.Tensor];
    }
    const { mean, variance } = tf.moments(x, leadingAxes(x));
    return [mean, variance];
  });
}

function scaleShift(x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor): tf.Tensor {
  if (hasKernel(SCALE_SHIFT_KERNEL)) {
    return tf.engine().runKernel(SCALE_SHIFT_KERNEL, { x, scale, shift }) as tf.Tensor;
  }
  return tf.add(tf.mul(x, scale), shift);
}

function scaleDown(dy: tf.Tensor, scale: tf.Tensor): tf.Tensor {
  return hasKernel(SCALE_SHIFT_KERNEL) ? scaleShift(dy, scale, tf.zerosLike(scale)) : tf.mul(dy, scale);
}

/** Sums of `dy` and of `dy (x - centre)` over all axes but the last. */
function columnDots(dy: tf.Tensor, x: tf.Tensor, centre: tf.Tensor): [tf.Tensor, tf.Tensor] {
  if (hasKernel(COLUMN_DOTS_KERNEL)) {
    return tf.engine().runKernel(COLUMN_DOTS_KERNEL, { dy, x, centre }) as [tf.Tensor, tf.Tensor];
  }
  return tf.tidy(() => {
    const axes = leadingAxes(x);
    return [tf.sum(dy, axes), tf.sum(tf.mul(dy, tf.sub(x, centre)), axes)];
  });
}

/** `dy a + x b + c`. */
function combine(dy: tf.Tensor, x: tf.Tensor, a: tf.Tensor, b: tf.Tensor, c: tf.Tensor): tf.Tensor {
  if (hasKernel(COMBINE_KERNEL))
    return tf.engine().runKernel(COMBINE_KERNEL, { dy, x, a, b, c }) as tf.Tensor;
  return tf.tidy(() => tf.add(tf.add(tf.mul(dy, a), tf.mul(x, b)), c));
}
