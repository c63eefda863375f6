/** Kernel with inputs `labels`, `logits`, perhaps `mask`; outputs the loss, perhaps its slope. */
export const ASYMMETRIC_LOSS_KERNEL = 'CtAsymmetricLoss';

/** What the asymmetric loss is computed with: its options, with a `clip` that float32 can hold. */
export interface AsymmetricLossTerms {
  gammaNeg: number;
  gammaPos: number;
  clip: number;
  reduction: 'mean' | 'sum' | 'none';
  focusWeightIsConstant: boolean;
}

/** Attributes of the asymmetric loss's kernel. */
export interface AsymmetricLossAttrs extends AsymmetricLossTerms {
  /** Whether the derivative by the logits is wanted, as second output. */
  withSlope: boolean;
}
