import * as tf from '@tensorflow/tfjs';
import { unstack } from './support';

/**
 * The recurrence of a reset-after GRU over time, in one direction, from a zero state; with its own backward pass.
 *
 * With `a = h U + c` and gates side by side as reset, update, new:
 *
 * ```
 * r = sigmoid(x_r + a_r)   z = sigmoid(x_z + a_z)   n = tanh(x_n + r a_n)   h' = n + z (h - n)
 * ```
 *
 * A masked step keeps the state and puts out zero.
 *
 * Backward, `d` being the gradient of `h'`: everything but `d` is known beforehand, so it is computed for all steps at
 * once, and the loop over time is left with one product by `F` and one matrix product by the transposed `U`:
 *
 * ```
 * da = d F,   F = [(1-z)(1-n²) a_n r (1-r),   (h-n) z (1-z),   (1-z)(1-n²) r]
 * dx = d G,   G = F but for its last block, (1-z)(1-n²)
 * dh = d z + da U^T,   dU = sum over time of h^T da,   dc = sum of da
 * ```
 *
 * @param inputs - Projected inputs, their bias added, `[slices, batch, 3 units]`.
 * @param kernel - `U`, `[units, 3 units]`.
 * @param bias - `c`, `[3 units]`.
 * @param mask - `[slices, batch, 1]`, 1 or 0.
 * @returns States `[slices, batch, units]`.
 */
export function gruRecurrence(
  inputs: tf.Tensor,
  kernel: tf.Tensor,
  bias: tf.Tensor,
  mask?: tf.Tensor,
): tf.Tensor {
  const run = tf.customGrad((...args) => {
    const [x, u, c, save] = args as [tf.Tensor3D, tf.Tensor2D, tf.Tensor1D, tf.GradSaveFunc];
    const { outputs, ...saved } = forward(x, u, c, mask);
    // the mask too: what a closure holds is gone by the time of the backward pass
    save([saved.gates, saved.candidates, saved.recurrent, saved.previous, u, ...(mask ? [mask] : [])]);
    return {
      value: outputs,
      gradFunc: (dy, [gates, candidates, recurrent, previous, kernelThen, maskThen]) => {
        const steps = { gates: gates!, candidates: candidates!, recurrent: recurrent!, previous: previous! };
        return backward(dy, steps, kernelThen as tf.Tensor2D, maskThen);
      },
    };
  });
  return run(inputs, kernel, bias);
}

/** What the backward pass needs of the forward one, for all steps. */
interface Steps {
  /** Reset and update gates `[slices, batch, 2 units]`. */
  gates: tf.Tensor;
  /** `n`, `[slices, batch, units]`. */
  candidates: tf.Tensor;
  /** `a_n`, `[slices, batch, units]`. */
  recurrent: tf.Tensor;
  /** The state before each step, `[slices, batch, units]`. */
  previous: tf.Tensor;
}

function forward(
  inputs: tf.Tensor3D,
  kernel: tf.Tensor2D,
  bias: tf.Tensor1D,
  mask: tf.Tensor | undefined,
): Steps & { outputs: tf.Tensor } {
  const [, batch] = inputs.shape;
  const [units] = kernel.shape;
  const [inputGates, inputCandidates] = tf.split(inputs, [2 * units, units], 2).map((part) => unstack(part));
  const masks = mask && unstack(mask);

  let h: tf.Tensor2D = tf.zeros([batch, units]);
  const steps = inputGates!.map((inputGate, t) => {
    const previous = h;
    const a = tf.fused.matMul({ a: h, b: kernel, bias });
    const [recurrentGate, recurrent] = tf.split(a, [2 * units, units], 1) as [tf.Tensor, tf.Tensor];
    const gates = tf.sigmoid(tf.add(inputGate, recurrentGate));
    const [reset, update] = tf.split(gates, 2, 1) as [tf.Tensor, tf.Tensor];
    const candidate = tf.tanh(tf.add(inputCandidates![t]!, tf.mul(reset, recurrent)));
    const next = tf.add(candidate, tf.mul(update, tf.sub(h, candidate)));
    h = (masks ? tf.add(h, tf.mul(masks[t]!, tf.sub(next, h))) : next) as tf.Tensor2D;
    return { previous, gates, recurrent, candidate, output: masks ? tf.mul(masks[t]!, h) : h };
  });
  const all = (part: keyof (typeof steps)[number]) => tf.stack(steps.map((step) => step[part]));
  return {
    gates: all('gates'),
    candidates: all('candidate'),
    recurrent: all('recurrent'),
    previous: all('previous'),
    outputs: all('output'),
  };
}

function backward(
  dy: tf.Tensor,
  { gates, candidates: n, recurrent, previous }: Steps,
  kernel: tf.Tensor2D,
  mask: tf.Tensor | undefined,
): tf.Tensor[] {
  const [slices, batch, units] = n.shape as [number, number, number];
  const [r, z] = tf.split(gates, 2, 2) as [tf.Tensor, tf.Tensor];
  const newFactor = tf.mul(tf.sub(1, z), tf.sub(1, tf.square(n)));
  const resetFactor = tf.mul(newFactor, tf.mul(recurrent, tf.mul(r, tf.sub(1, r))));
  const updateFactor = tf.mul(tf.sub(previous, n), tf.mul(z, tf.sub(1, z)));
  // [slices, batch, 3, units], so that a gradient [batch, 1, units] meets all three
  const factors = unstack(tf.stack([resetFactor, updateFactor, tf.mul(newFactor, r)], 2));
  const updates = unstack(z);
  const gradients = unstack(dy);
  const masks = mask && unstack(mask);
  const transposed = tf.transpose(kernel);

  let dh: tf.Tensor = tf.zeros([batch, units]);
  const states: tf.Tensor[] = []; // gradient of each step's state, in order
  const products: tf.Tensor[] = []; // da
  for (let t = slices - 1; t >= 0; t--) {
    const keep = masks?.[t];
    const total = tf.add(dh, keep ? tf.mul(keep, gradients[t]!) : gradients[t]!);
    const d = keep ? tf.mul(keep, total) : total;
    const da = tf.reshape(tf.mul(tf.expandDims(d, 1), factors[t]!), [batch, 3 * units]) as tf.Tensor2D;
    dh = tf.add(tf.mul(d, updates[t]!), tf.matMul(da, transposed));
    if (keep) dh = tf.add(dh, tf.sub(total, d)); // what a masked step passes by
    states.unshift(d);
    products.unshift(da);
  }

  const d = tf.stack(states);
  const da = tf.reshape(tf.stack(products), [slices * batch, 3 * units]) as tf.Tensor2D;
  const dx = tf.concat([tf.mul(d, resetFactor), tf.mul(d, updateFactor), tf.mul(d, newFactor)], 2);
  const h = tf.reshape(previous, [slices * batch, units]) as tf.Tensor2D;
  // transposed by hand: some backends are slow at products that transpose
  return [dx, tf.matMul(tf.transpose(h), da), tf.sum(da, 0)];
}
