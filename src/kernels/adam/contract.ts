import type * as tf from '@tensorflow/tfjs';

/** Kernel of a step of one variable; outputs the new value and moments. */
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

/**
 * Kernel of a step of all variables, for backends where each call is expensive: inputs `value`, `gradient`,
 * `firstMoment` and `secondMoment` of each variable, numbered from 0 (`value0`); outputs the new value and moments of
 * each, written in place unless the data is shared.
 */
export const ADAM_STEP_KERNEL = 'CtAdamStep';

/** Attributes of the kernel of all variables. */
export interface AdamStepAttrs extends Omit<AdamAttrs, 'learningRate'> {
  /** Learning rate of each variable. */
  rates: number[];
  /** `1 - beta^t`, by which the moments are divided. */
  correction1: number;
  correction2: number;
}
