import * as tf from '@tensorflow/tfjs';
import { ArgumentError, NonFiniteError } from '../../base/errors';
import { FINITE_KERNEL } from '../../kernels/finite/contract';
import { hasKernel } from '../../kernels/has_kernel';
import { firstOutside, hostValues } from '../../kernels/host_values';

/**
 * Result of a step; the caller disposes the tensors.
 *
 * @inline
 */
export type StepGradients = {
  loss: tf.Scalar;
  /** The model's output before the step. */
  logits: tf.Tensor;
  /** By variable name, as `optimizer.applyGradients` takes them. */
  gradients: tf.NamedTensorMap;
};

/**
 * Checks that a step's loss and gradients are finite: a single NaN would turn all weights into NaN.
 *
 * If they are in memory every value is checked. Otherwise the loss becomes NaN if a gradient, or its sum, is not
 * finite, so that reading the loss, as after each step, reveals it without another read.
 *
 * @throws NonFiniteError that names the slice or the weight.
 */
export function checkFiniteStep(step: StepGradients): StepGradients {
  const { loss, logits, gradients } = step;
  const [value] = hostValues(loss) ?? [];
  const list = Object.entries(gradients);
  if (value === undefined) {
    if (list.length === 0) return step;
    if (hasKernel(FINITE_KERNEL)) {
      const inputs = Object.fromEntries(list.map(([, gradient], i) => [`x${i}`, gradient]));
      return { ...step, loss: tf.engine().runKernel(FINITE_KERNEL, { loss, ...inputs }) as tf.Scalar };
    }
    // not tf.addN: WebGPU takes eight tensors at once
    const sum = tf.sum(tf.stack(list.map(([, gradient]) => tf.sum(gradient))));
    return { ...step, loss: tf.add(loss, tf.mul(sum, 0)) };
  }
  if (!Number.isFinite(value)) throw new NonFiniteError(`the loss is ${value}${badLogit(logits)}`);
  for (const [name, gradient] of list) {
    const values = hostValues(gradient);
    if (values === undefined || isFinite(sumOfZeros(values))) continue;
    const found = values[firstOutside(values)];
    throw new NonFiniteError(`the gradient of ${name} has the value ${found}, while the loss is ${value}`);
  }
  return step;
}

/** The same error with the batch in which it occurred; other errors are returned unchanged. */
export function ofBatch(error: unknown, stage: string, batch: string): unknown {
  if (error instanceof NonFiniteError) {
    const message = `${stage}: ${error.message} in ${batch}; lower the learning rate, or check that input`;
    return new NonFiniteError(message, error.location, { cause: error });
  }
  if (error instanceof ArgumentError) {
    return new ArgumentError(`${stage}: ${error.message}, in ${batch}`, { cause: error });
  }
  return error;
}

/** The first row of logits (a slice or a patient) that is not finite. */
function badLogit(logits: tf.Tensor): string {
  const values = hostValues(logits);
  const place = values === undefined ? -1 : firstOutside(values);
  if (place === -1) return '';
  const row = Math.floor(place / logits.shape.at(-1)!);
  const rows = logits.size / logits.shape.at(-1)!;
  const what = logits.rank === 3 ? 'slice' : 'patient';
  return ` (a logit of ${what} ${row + 1} of ${rows} is ${values![place]})`;
}

/** Zero times every value: NaN if one is not finite. Four sums, so that they are independent of one another. */
function sumOfZeros(values: ArrayLike<number>): number {
  let [a, b, c, d] = [0, 0, 0, 0];
  const whole = values.length - (values.length % 4);
  for (let i = 0; i < whole; i += 4) {
    a += 0 * values[i]!;
    b += 0 * values[i + 1]!;
    c += 0 * values[i + 2]!;
    d += 0 * values[i + 3]!;
  }
  for (let i = whole; i < values.length; i++) a += 0 * values[i]!;
  return a + b + c + d;
}
