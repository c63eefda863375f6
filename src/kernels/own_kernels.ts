import * as tf from '@tensorflow/tfjs';
import { warnUnprepared } from './preparation';

/**
 * Kernels of our own, beside those of the host. One room runs them, another may know a faster way on some backend: what
 * both rely on stands here. Where the active backend has none, tensor operations do the same.
 */
export const OWN_KERNELS = {
  /** Inputs `labels`, `logits`, perhaps `mask`; attributes {@link AsymmetricLossAttrs}; outputs the loss, perhaps its slope. */
  asymmetricLoss: 'CtAsymmetricLoss',
  /** Inputs `labels`, `probabilities`; attributes {@link ConfusionCountsAttrs}; outputs tp, fp, fn, tn. */
  confusionCounts: 'CtConfusionCounts',
  /** Inputs {@link AdamInputs}; attributes {@link AdamAttrs}; outputs the new value and moments. */
  adam: 'CtAdam',
  /** Image stacks `[n, h, w, c]`, input `x`; attributes in `base/types.ts`. */
  clahe: 'CtClahe',
  warp: 'CtWarp',
  flip: 'CtFlip',
  resize: 'CtResize',
  colorJitter: 'CtColorJitter',
  /** Recurrences over slices and labels, and their backward passes; see `layers/recurrent_passes.ts`. */
  gruForward: 'CtGruForward',
  gruBackward: 'CtGruBackward',
  lstmForward: 'CtLstmForward',
  lstmBackward: 'CtLstmBackward',
  /** Inputs `dy`, `y`; outputs the gradient before a ReLU, and its sum over all axes but the last. */
  reluBiasGradient: 'CtReluBiasGradient',
  /** Input `x`; outputs mean and variance over all axes but the last. */
  columnMoments: 'CtColumnMoments',
  /** Inputs `dy`, `x`, `centre`; outputs the sums of `dy` and of `dy (x - centre)` over all axes but the last. */
  columnDots: 'CtColumnDots',
  /** Inputs `x`, `scale`, `shift`; output `x scale + shift`. */
  scaleShift: 'CtScaleShift',
  /** Inputs `dy`, `x`, `a`, `b`, `c`; output `dy a + x b + c`. */
  combine: 'CtCombine',
} as const;

/** Whether the active backend has this kernel. */
export function hasKernel(kernelName: string): boolean {
  warnUnprepared();
  return tf.getKernel(kernelName, tf.getBackend()) !== undefined;
}

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

/** Attributes of the kernel that counts true and false positives and negatives. */
export interface ConfusionCountsAttrs {
  /** Probability from which on a label counts as present, one a label, rounded to float32. */
  thresholds: number[];
  per: 'label' | 'sample';
}

/** Inputs of Adam's kernel: a variable with its gradient and moments, and the powers of beta, two scalars. */
export type AdamInputs = Record<
  'value' | 'gradient' | 'firstMoment' | 'secondMoment' | 'accBeta1' | 'accBeta2',
  tf.TensorInfo
>;

/** Attributes of Adam's kernel. */
export interface AdamAttrs {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
}
