import * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import { isNumberIn } from '../base/options';
import {
  ADAM_KERNEL,
  ADAM_STEP_KERNEL,
  type AdamAttrs,
  type AdamInputs,
  type AdamStepAttrs,
} from '../kernels/adam/contract';
import '../kernels/adam/plain';
import { hasKernel } from '../kernels/has_kernel';
import { hostValues } from '../kernels/host_values';

/**
 * Adam, equal to `tf.train.adam`, in one pass over each variable on backends that have our kernel (`cpu`, `wasm` and
 * `webgpu`); on others tfjs's own is used.
 *
 * `m = beta1 m + (1 - beta1) g`, `v = beta2 v + (1 - beta2) g²`,
 * `w = w - learningRate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)`
 *
 * Results, weights and configuration are those of `tf.train.adam`, so each can read the other's checkpoints.
 *
 * @param learningRate - Step size.
 * @param beta1 - Decay of the gradient's running mean.
 * @param beta2 - Decay of the running mean of its square.
 * @param epsilon - Keeps the division finite. Default: 1e-7 if the backend computes in float32, 1e-4 in float16. On
 * WebGL `tf.train.adam` uses 1e-4 for both.
 *
 * @throws ArgumentError for a number that is negative or not finite, or a decay of 1 or more.
 * @example
 * ```ts
 * model.compile({ optimizer: adam(1e-4), loss: asymmetricLoss() });
 * ```
 *
 * @see Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, https://arxiv.org/abs/1412.6980.
 */
export function adam(learningRate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon?: number): Adam {
  return new Adam(learningRate, beta1, beta2, epsilon);
}

/**
 * The optimizer that {@link adam} makes.
 *
 * @example
 * ```ts
 * const optimizer = adam(1e-4);
 * optimizer instanceof Adam; // true
 * model.compile({ optimizer, loss: asymmetricLoss() });
 * ```
 */
export class Adam extends tf.AdamOptimizer {
  constructor(learningRate: number, beta1: number, beta2: number, epsilon: number = defaultEpsilon()) {
    check(isNumberIn(learningRate, 0), 'adam: learningRate', 'a finite number of at least 0', learningRate);
    check(isNumberIn(beta1, 0) && beta1 < 1, 'adam: beta1', 'a number in [0, 1)', beta1);
    check(isNumberIn(beta2, 0) && beta2 < 1, 'adam: beta2', 'a number in [0, 1)', beta2);
    check(isNumberIn(epsilon, 0), 'adam: epsilon', 'a finite number of at least 0', epsilon);
    super(learningRate, beta1, beta2, epsilon);
  }

  /** The learning rate it was made with. */
  get stepSize(): number {
    return this.learningRate;
  }

  /** Takes a step with gradients by variable name, as returned by `computeGradients`. */
  override applyGradients(gradients: Parameters<tf.Optimizer['applyGradients']>[0]): void {
    this.applyScaled(gradients, () => 1);
  }

  /**
   * Takes a step with a separate learning rate per variable.
   *
   * @param rateOf - Factor on the learning rate, by the variable's name.
   */
  applyScaled(
    gradients: Parameters<tf.Optimizer['applyGradients']>[0],
    rateOf: (variable: string) => number,
  ): void {
    const powers = hasKernel(ADAM_STEP_KERNEL) ? this.powersInMemory() : undefined;
    if (powers === undefined && !hasKernel(ADAM_KERNEL)) {
      this.applyByHost(gradients, rateOf);
      return;
    }
    const list = Array.isArray(gradients)
      ? gradients
      : Object.entries(gradients).map(([name, tensor]) => ({ name, tensor }));
    const steps = list.flatMap(({ name, tensor: gradient }, place): VariableStep[] => {
      const value = tf.engine().registeredVariables[name]!;
      // moments belong to positions in the list, also of variables without a gradient this time
      const firstMoment = momentAt(this['accumulatedFirstMoment'], place, `${name}/m`, value);
      const secondMoment = momentAt(this['accumulatedSecondMoment'], place, `${name}/v`, value);
      if (!gradient) return [];
      tf.util.assertShapesMatch(value.shape, gradient.shape, `${value.name} and its gradient: `);
      const rate = this.learningRate * rateOf(name);
      return [{ tensors: { value, gradient, firstMoment, secondMoment }, rate }];
    });
    if (powers === undefined) steps.forEach((step) => this.step(step));
    else this.stepAtOnce(steps, powers);
    tf.tidy(() => {
      this['accBeta1'].assign(tf.mul(this['accBeta1'], this.beta1));
      this['accBeta2'].assign(tf.mul(this['accBeta2'], this.beta2));
    });
    this.incrementIterations();
  }

  /** tfjs takes full steps only: each variable keeps the share of it given by its factor. */
  private applyByHost(
    gradients: Parameters<tf.Optimizer['applyGradients']>[0],
    rateOf: (variable: string) => number,
  ): void {
    const names = Array.isArray(gradients) ? gradients.map(({ name }) => name) : Object.keys(gradients);
    tf.tidy(() => {
      const scaled = names.flatMap((name) => {
        const variable = tf.engine().registeredVariables[name]!;
        return rateOf(name) === 1 ? [] : [{ variable, before: variable.clone(), factor: rateOf(name) }];
      });
      super.applyGradients(gradients as never); // its declared type is too narrow
      for (const { variable, before, factor } of scaled) {
        variable.assign(tf.add(before, tf.mul(tf.sub(variable, before), factor)));
      }
    });
  }

  private step({ tensors, rate }: VariableStep): void {
    const { beta1, beta2, epsilon } = this;
    const attrs: AdamAttrs = { learningRate: rate, beta1, beta2, epsilon: epsilon! };
    const inputs: AdamInputs = { ...tensors, accBeta1: this['accBeta1'], accBeta2: this['accBeta2'] };
    assignAll([tensors], tf.engine().runKernel<tf.Tensor[]>(ADAM_KERNEL, inputs as never, { ...attrs }));
  }

  /** All variables in one call. */
  private stepAtOnce(steps: VariableStep[], [power1, power2]: [number, number]): void {
    const { beta1, beta2, epsilon } = this;
    const attrs: AdamStepAttrs = {
      rates: steps.map(({ rate }) => rate),
      ...{ beta1, beta2, epsilon: epsilon! },
      ...{ correction1: 1 - power1, correction2: 1 - power2 },
    };
    const inputs = steps.flatMap(({ tensors }, i) =>
      Object.entries(tensors).map(([name, tensor]) => [`${name}${i}`, tensor]),
    );
    const results = tf
      .engine()
      .runKernel<tf.Tensor[]>(ADAM_STEP_KERNEL, Object.fromEntries(inputs) as tf.NamedTensorMap, {
        ...attrs,
      });
    assignAll(
      steps.map(({ tensors }) => tensors),
      results,
    );
  }

  /** The powers of beta, if they are not on a device. */
  private powersInMemory(): [number, number] | undefined {
    const [power1] = hostValues(this['accBeta1']) ?? [];
    const [power2] = hostValues(this['accBeta2']) ?? [];
    return power1 === undefined || power2 === undefined ? undefined : [power1, power2];
  }
}

/** A variable's part in a step. */
interface VariableStep {
  tensors: Record<'value' | 'firstMoment' | 'secondMoment', tf.Variable> & { gradient: tf.Tensor };
  rate: number;
}

/** Assigns new values and moments to variables, in the order of the kernels' outputs, and disposes these. */
function assignAll(variables: VariableStep['tensors'][], results: tf.Tensor[]): void {
  variables
    .flatMap(({ value, firstMoment, secondMoment }) => [value, firstMoment, secondMoment])
    .forEach((variable, i) => variable.assign(results[i]!));
  tf.dispose(results);
}

/**
 * WebGL reports its float32 textures as float16, https://github.com/tensorflow/tfjs/issues/6980; gradients are often
 * below 1e-4.
 */
function defaultEpsilon(): number {
  const float32 = tf.getBackend() === 'webgl' && tf.env().getBool('WEBGL_RENDER_FLOAT32_ENABLED');
  return float32 ? 1e-7 : tf.backend().epsilon();
}

/** The moment at a position in the list of variables; created as 0 when first requested. */
function momentAt(
  moments: { originalName: string; variable: tf.Variable }[],
  place: number,
  originalName: string,
  variable: tf.Variable,
): tf.Variable {
  moments[place] ??= {
    originalName,
    variable: tf.tidy(() => tf.variable(tf.zerosLike(variable), false)),
  };
  return moments[place].variable;
}
