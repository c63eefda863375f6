import type * as tf from '@tensorflow/tfjs';

/** Kernel of one variable's step; outputs the new value and moments. */
export const ADAM_KERNEL = 'CtAdam';

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
