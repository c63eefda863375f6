/** Kernel with inputs `labels`, `logits` and optionally `mask`; outputs the loss and optionally its slope. */
export const ASYMMETRIC_LOSS_KERNEL = 'CtAsymmetricLoss';

/** Parameters of the asymmetric loss: its options, with `clip` rounded to float32. */
export interface AsymmetricLossTerms {
  gammaNeg: number;
  gammaPos: number;
  clip: number;
  reduction: 'mean' | 'sum' | 'none';
  focusWeightIsConstant: boolean;
}

/** Attributes of the asymmetric loss's kernel. */
export interface AsymmetricLossAttrs extends AsymmetricLossTerms {
  /** Whether to output the derivative with respect to the logits too. */
  withSlope: boolean;
}
