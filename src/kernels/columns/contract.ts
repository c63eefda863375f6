/** Kernels over `[..., channels]` for the steps between convolutions: one pass over memory each. */

/** Inputs `dy`, `y`; outputs the gradient before a ReLU, and its sum over all axes but the last. */
export const RELU_BIAS_GRADIENT_KERNEL = 'CtReluBiasGradient';

/** Inputs `dy`, `y`; output the gradient before a ReLU whose output is `y`. */
export const RELU_GRADIENT_KERNEL = 'CtReluGradient';

/** Input `x`; outputs mean and variance over all axes but the last. */
export const COLUMN_MOMENTS_KERNEL = 'CtColumnMoments';

/** Inputs `dy`, `x`, `centre`; outputs the sums of `dy` and of `dy (x - centre)` over all axes but the last. */
export const COLUMN_DOTS_KERNEL = 'CtColumnDots';

/** Inputs `x`, `scale`, `shift`; output `x scale + shift`. */
export const SCALE_SHIFT_KERNEL = 'CtScaleShift';

/** Inputs `dy`, `x`, `a`, `b`, `c`; output `dy a + x b + c`. */
export const COMBINE_KERNEL = 'CtCombine';

/**
 * Inputs `x`, `movingMean`, `movingVariance`, attributes {@link MovingMomentsAttrs}; outputs mean and variance over all
 * axes but the last, and the updated moving averages. For backends where each call is expensive.
 */
export const MOVING_MOMENTS_KERNEL = 'CtMovingMoments';

/** Attributes of {@link MOVING_MOMENTS_KERNEL}: `moved = momentum moving + (1 - momentum) new`. */
export interface MovingMomentsAttrs {
  momentum: number;
}

/**
 * Inputs `x`, `gamma`, `beta`, `mean`, `variance`, attributes {@link BatchNormAttrs}; outputs
 * `gamma (x - mean) inverse + beta`, the columns' `scale = gamma inverse`, and
 * `inverse = 1 / sqrt(variance + epsilon)`. For backends where each call is expensive; elsewhere small operations
 * compute the columns' numbers, and {@link SCALE_SHIFT_KERNEL} does the rest.
 */
export const BATCH_NORM_KERNEL = 'CtBatchNorm';

/** Attributes of {@link BATCH_NORM_KERNEL}. */
export interface BatchNormAttrs {
  epsilon: number;
}

/**
 * Inputs `dy`, `x`, `mean` and, from {@link BATCH_NORM_KERNEL}, `scale` and `inverse`; attributes
 * {@link BatchNormGradientAttrs}; outputs the gradients of `x`, `gamma` and `beta`.
 */
export const BATCH_NORM_GRADIENT_KERNEL = 'CtBatchNormGradient';

/** Attributes of {@link BATCH_NORM_GRADIENT_KERNEL}. */
export interface BatchNormGradientAttrs {
  /** Whether mean and variance are those of `x`, so that the gradient passes through them. */
  byBatch: boolean;
}
