/*
 * Kernels over `[..., channels]` that stand between convolutions: one pass over memory each.
 */

/** Inputs `dy`, `y`; outputs the gradient before a ReLU, and its sum over all axes but the last. */
export const RELU_BIAS_GRADIENT_KERNEL = 'CtReluBiasGradient';

/** Input `x`; outputs mean and variance over all axes but the last. */
export const COLUMN_MOMENTS_KERNEL = 'CtColumnMoments';

/** Inputs `dy`, `x`, `centre`; outputs the sums of `dy` and of `dy (x - centre)` over all axes but the last. */
export const COLUMN_DOTS_KERNEL = 'CtColumnDots';

/** Inputs `x`, `scale`, `shift`; output `x scale + shift`. */
export const SCALE_SHIFT_KERNEL = 'CtScaleShift';

/** Inputs `dy`, `x`, `a`, `b`, `c`; output `dy a + x b + c`. */
export const COMBINE_KERNEL = 'CtCombine';
