import * as tf from '@tensorflow/tfjs';
import { check } from '../../base/checks';
import { numberAbove0, numberFrom0, optional, type Rules } from '../../base/options';
import type { Adam } from '../../optimizers/adam';

/**
 * How the gradients of a step are clipped, and how weights decay.
 *
 * @inline
 */
export interface StepRules {
  /**
   * Maximum norm of the gradients over all variables; larger gradients are scaled down to it.
   * @defaultValue none
   */
  clipNorm?: number;
  /**
   * Decoupled weight decay: before a step, kernels (not biases or batch normalisation variables) shrink by the factor
   * `learningRate * weightDecay`.
   * @defaultValue 0
   */
  weightDecay?: number;
}

export const STEP_RULES = {
  clipNorm: optional(numberAbove0),
  weightDecay: optional(numberFrom0, 0),
} satisfies Rules<StepRules>;

/**
 * One optimizer step: clips the gradients, decays the weights, updates the variables.
 *
 * @param gradients - By variable name; the caller keeps them.
 * @param rateOf - Factor on the optimizer's learning rate, per variable.
 * @throws ArgumentError for weight decay or a factor other than 1 with an optimizer not made by {@link adam}.
 */
export function applyStep(
  optimizer: tf.Optimizer,
  gradients: tf.NamedTensorMap,
  { clipNorm, weightDecay = 0 }: StepRules,
  rateOf: (variable: string) => number = () => 1,
): void {
  const names = Object.keys(gradients);
  const plain = weightDecay === 0 && names.every((name) => rateOf(name) === 1);
  check(plain || isOurs(optimizer), 'optimizer', 'adam(), for schedules, rates per part and weight decay', optimizer); // prettier-ignore
  tf.tidy(() => {
    const clipped = clipNorm === undefined ? gradients : clipByNorm(gradients, clipNorm);
    if (isOurs(optimizer)) {
      if (weightDecay > 0) decay(names, (name) => optimizer.stepSize * rateOf(name) * weightDecay);
      optimizer.applyScaled(clipped, rateOf);
    } else optimizer.applyGradients(clipped);
  });
}

/** Not by `instanceof`, which is true between any of tfjs's optimizers. */
const isOurs = (optimizer: tf.Optimizer): optimizer is Adam => 'applyScaled' in optimizer;

/** The gradients, scaled down if their norm exceeds `limit`. */
function clipByNorm(gradients: tf.NamedTensorMap, limit: number): tf.NamedTensorMap {
  const squares = Object.values(gradients).map((gradient) => tf.sum(tf.square(gradient)));
  const norm = tf.sqrt(tf.sum(tf.stack(squares))); // not tf.addN: WebGPU takes eight tensors at once
  const factor = tf.minimum(tf.div(limit, tf.maximum(norm, 1e-30)), 1);
  return Object.fromEntries(
    Object.entries(gradients).map(([name, gradient]) => [name, tf.mul(gradient, factor)]),
  );
}

function decay(names: readonly string[], shareOf: (name: string) => number): void {
  for (const name of names) {
    const variable = tf.engine().registeredVariables[name]!;
    if (variable.rank > 1) variable.assign(tf.mul(variable, 1 - shareOf(name)));
  }
}
