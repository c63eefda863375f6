import * as tf from '@tensorflow/tfjs';
import { unstack } from '../support';

/** Tensors by name: one per direction, a single one, or none. */
export type Named<K extends string> = Record<K, tf.Tensor[]>;

/** The two passes of a recurrence. */
export interface Passes<Inputs extends string, Fixed extends string, Kept extends string> {
  /** From inputs and tensors without a gradient to outputs and what the backward pass needs. */
  forward(given: Named<Inputs | Fixed>): { outputs: tf.Tensor; kept: Named<Kept> };
  /** From the gradient of the outputs to those of the inputs. */
  backward(dy: tf.Tensor, kept: Named<Kept>): Named<Inputs>;
}

/** Runs the forward pass, using the backward pass as its gradient. */
export function withBackwardPass<Inputs extends string, Fixed extends string, Kept extends string>(
  { forward, backward }: Passes<Inputs, Fixed, Kept>,
  inputs: Named<Inputs>,
  fixed: Named<Fixed>,
): tf.Tensor {
  const run = tf.customGrad((...args) => {
    const save = args.at(-1) as tf.GradSaveFunc;
    const { outputs, kept } = forward({ ...named(inputs, args as tf.Tensor[]), ...fixed });
    // tensors in a closure are disposed before the backward pass
    save(listed(kept));
    return {
      value: outputs,
      gradFunc: (dy, saved) => {
        const gradients = backward(dy, named(kept, saved));
        return listed(
          named(
            inputs,
            (Object.keys(inputs) as Inputs[]).flatMap((name) => gradients[name]),
          ),
        );
      },
    };
  });
  return run(...listed(inputs));
}

const listed = (tensors: Named<string>): tf.Tensor[] => Object.values(tensors).flat();

/** A list as tensors by name, with the names and counts of `like`. */
function named<K extends string>(like: Named<K>, list: tf.Tensor[]): Named<K> {
  let next = 0;
  const entries = Object.entries<tf.Tensor[]>(like).map(([name, { length }]) => {
    next += length;
    return [name, list.slice(next - length, next)];
  });
  return Object.fromEntries(entries) as Named<K>;
}

/** Runs a kernel with several results on tensors by name; those per direction are numbered, `kernel0`, `kernel1`. */
export function runRecurrentKernel(
  name: string,
  { numbered, single }: { numbered: Named<string>; single: Named<string> },
  attrs: { directions: number; steps: number },
): tf.Tensor[] {
  const inputs = {
    ...Object.fromEntries(
      Object.entries(numbered).flatMap(([key, list]) => list.map((tensor, d) => [`${key}${d}`, tensor])),
    ),
    ...Object.fromEntries(Object.entries(single).flatMap(([key, list]) => list.map((x) => [key, x]))),
  };
  return tf.engine().runKernel(name, inputs, attrs) as unknown as tf.Tensor[];
}

/**
 * `[batch, steps, width]` for each direction to `[steps, directions, batch, width]` in the order of computation, in
 * which the second direction runs from the last step to the first.
 */
export function inTime(directions: tf.Tensor[]): tf.Tensor {
  return tf.stack(
    directions.map((x, d) => inOrder(tf.transpose(x, [1, 0, 2]), d)),
    1,
  );
}

/** The inverse of {@link inTime}. */
export function outOfTime(x: tf.Tensor): tf.Tensor[] {
  return unstack(x, 1).map((part, d) => tf.transpose(inOrder(part, d), [1, 0, 2]));
}

const inOrder = (x: tf.Tensor, direction: number) => (direction === 1 ? tf.reverse(x, 0) : x);

/** `sum over time of h^T da`, for each direction: `h` `[steps, directions, batch, units]`, `da` likewise. */
export function kernelGradients(h: tf.Tensor, da: tf.Tensor): tf.Tensor[] {
  const [states, products] = [h, da].map((x) => {
    const [steps, directions, batch, width] = x.shape as [number, number, number, number];
    return tf.reshape(tf.transpose(x, [1, 0, 2, 3]), [directions, steps * batch, width]);
  }) as [tf.Tensor, tf.Tensor];
  return unstack(tf.matMul(states, products, true, false));
}

/** `sum over time and batch of da`, for each direction. */
export function biasGradients(da: tf.Tensor): tf.Tensor[] {
  return unstack(tf.sum(da, [0, 2]));
}
