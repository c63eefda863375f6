import * as tf from '@tensorflow/tfjs';
import { GRU_BACKWARD_KERNEL, GRU_FORWARD_KERNEL } from '../../kernels/gru/contract';
import { hasKernel } from '../../kernels/has_kernel';
import {
  biasGradients,
  inTime,
  kernelGradients,
  outOfTime,
  runRecurrentKernel,
  withBackwardPass,
  type Named,
  type Passes,
} from './recurrent_passes';
import { unstack } from '../support';

/** One direction of a GRU. */
export interface GruDirection {
  /** Projected inputs with bias, `[batch, steps, 3 units]`. */
  inputs: tf.Tensor;
  /** `U`, `[units, 3 units]`. */
  kernel: tf.Tensor;
  /** `c`, `[3 units]`. */
  bias: tf.Tensor;
}

/**
 * The recurrence of a reset-after GRU over time, with its own backward pass.
 *
 * With `a = h U + c` and the gates reset, update, new side by side:
 *
 * ```
 * r = sigmoid(x_r + a_r)   z = sigmoid(x_z + a_z)   n = tanh(x_n + r a_n)   h' = n + z (h - n)
 * ```
 *
 * A masked step keeps the state and outputs zero.
 *
 * Backward, `d` being the gradient of `h'`: everything but `d` is known beforehand, so the loop over time only has one
 * product by `F` and one matrix product by the transposed `U`; the weights' gradients are one matrix product at the
 * end:
 *
 * ```
 * da = d F,   F = [(1-z)(1-n²) a_n r (1-r),   (h-n) z (1-z),   (1-z)(1-n²) r]
 * dx = d G,   G = F but for its last block, (1-z)(1-n²)
 * dh = d z + da U^T,   dU = sum over time of h^T da,   dc = sum of da
 * ```
 *
 * @param directions - One, or two of which the second runs from the last step to the first.
 * @param options - `initial` state of both, `[batch, units]`, zero if there is none; `mask` `[batch, steps]`, 1 or 0.
 * @returns States `[batch, steps, directions * units]`.
 */
export function gruRecurrence(
  directions: GruDirection[],
  { initial, mask }: { initial?: tf.Tensor; mask?: tf.Tensor | undefined } = {},
): tf.Tensor {
  const inputs = {
    inputs: directions.map((direction) => direction.inputs),
    kernel: directions.map(({ kernel }) => kernel),
    bias: directions.map(({ bias }) => bias),
    initial: initial ? [initial] : [],
  };
  const fixed = { mask: mask ? [mask] : [] };
  return hasKernel(GRU_FORWARD_KERNEL)
    ? withBackwardPass(compiled, inputs, fixed)
    : withBackwardPass(composed, inputs, fixed);
}

type Inputs = 'inputs' | 'kernel' | 'bias' | 'initial';

/** One kernel per pass, if the backend has them. */
const compiled: Passes<Inputs, 'mask', 'kernel' | 'kept' | 'initial' | 'mask'> = {
  forward({ inputs, kernel, bias, initial, mask }) {
    const attrs = { directions: inputs.length, steps: inputs[0]!.shape[1]! };
    const tensors = { numbered: { inputs, kernel, bias }, single: { initial, mask } };
    const [outputs, kept] = runRecurrentKernel(GRU_FORWARD_KERNEL, tensors, attrs);
    return { outputs: outputs!, kept: { kernel, kept: [kept!], initial, mask } };
  },
  backward(dy, { kernel, kept, initial, mask }) {
    const attrs = { directions: kernel.length, steps: dy.shape[1]! };
    const tensors = { numbered: { kernel }, single: { dy: [dy], kept, initial, mask } };
    const gradients = runRecurrentKernel(GRU_BACKWARD_KERNEL, tensors, attrs);
    const every = (first: number) => kernel.map((_, d) => gradients[3 * d + first]!);
    const states = gradients.slice(3 * kernel.length);
    return {
      inputs: every(0),
      kernel: every(1),
      bias: every(2),
      initial: initial.length > 0 ? [tf.addN(states)] : [],
    };
  },
};

/**
 * What the composed backward pass needs from the forward pass: `[steps, directions, batch, ...]`, except for kernel and
 * mask.
 */
type Kept = 'kernel' | 'mask' | 'initial' | 'gates' | 'candidates' | 'recurrent' | 'previous';

/** The same with tfjs operations, both directions in one loop. */
const composed: Passes<Inputs, 'mask', Kept> = { forward, backward };

function forward({ inputs, kernel, bias, initial, mask }: Named<Inputs | 'mask'>): {
  outputs: tf.Tensor;
  kept: Named<Kept>;
} {
  const [units] = kernel[0]!.shape as [number];
  const [batch] = inputs[0]!.shape as [number];
  const [inputGates, inputCandidates] = tf
    .split(inTime(inputs), [2 * units, units], 3)
    .map((x) => unstack(x));
  const masks = mask.map((each) => unstack(maskInTime(each, inputs.length)))[0];
  const u = tf.stack(kernel);
  const c = tf.expandDims(tf.stack(bias), 1);

  let h = initial[0] ? tf.stack(inputs.map(() => initial[0]!)) : tf.zeros([inputs.length, batch, units]);
  const steps = inputGates!.map((inputGate, t) => {
    const previous = h;
    const a = tf.add(tf.matMul(h, u), c);
    const [recurrentGate, recurrent] = tf.split(a, [2 * units, units], 2) as [tf.Tensor, tf.Tensor];
    const gates = tf.sigmoid(tf.add(inputGate, recurrentGate));
    const [reset, update] = tf.split(gates, 2, 2) as [tf.Tensor, tf.Tensor];
    const candidate = tf.tanh(tf.add(inputCandidates![t]!, tf.mul(reset, recurrent)));
    const next = tf.add(candidate, tf.mul(update, tf.sub(h, candidate)));
    h = masks ? tf.add(h, tf.mul(masks[t]!, tf.sub(next, h))) : next;
    return { previous, gates, recurrent, candidate, output: masks ? tf.mul(masks[t]!, h) : h };
  });
  const all = (part: keyof (typeof steps)[number]) => tf.stack(steps.map((step) => step[part]));
  return {
    outputs: tf.concat(outOfTime(all('output')), 2),
    kept: {
      kernel,
      mask,
      initial,
      gates: [all('gates')],
      candidates: [all('candidate')],
      recurrent: [all('recurrent')],
      previous: [all('previous')],
    },
  };
}

function backward(dy: tf.Tensor, kept: Named<Kept>): Named<Inputs> {
  const { kernel, mask, initial } = kept;
  const [gates, n, recurrent, previous] = [kept.gates, kept.candidates, kept.recurrent, kept.previous].map(
    ([x]) => x!,
  ) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  const [steps, directions, batch, units] = n.shape as [number, number, number, number];
  const [r, z] = tf.split(gates, 2, 3) as [tf.Tensor, tf.Tensor];
  const newFactor = tf.mul(tf.sub(1, z), tf.sub(1, tf.square(n)));
  const resetFactor = tf.mul(newFactor, tf.mul(recurrent, tf.mul(r, tf.sub(1, r))));
  const updateFactor = tf.mul(tf.sub(previous, n), tf.mul(z, tf.sub(1, z)));
  // [steps, directions, batch, 3, units], so that a gradient [directions, batch, 1, units] broadcasts to all three
  const factors = unstack(tf.stack([resetFactor, updateFactor, tf.mul(newFactor, r)], 3));
  const updates = unstack(z);
  const gradients = unstack(inTime(tf.split(dy, directions, 2)));
  const masks = mask.map((each) => unstack(maskInTime(each, directions)))[0];
  const u = tf.stack(kernel);

  let dh: tf.Tensor = tf.zeros([directions, batch, units]);
  const states: tf.Tensor[] = []; // gradient of each step's state, in order
  const products: tf.Tensor[] = []; // da
  for (let t = steps - 1; t >= 0; t--) {
    const keep = masks?.[t];
    const total = tf.add(dh, keep ? tf.mul(keep, gradients[t]!) : gradients[t]!);
    const d = keep ? tf.mul(keep, total) : total;
    const da = tf.reshape(tf.mul(tf.expandDims(d, 2), factors[t]!), [directions, batch, 3 * units]);
    dh = tf.add(tf.mul(d, updates[t]!), tf.matMul(da, u, false, true));
    if (keep) dh = tf.add(dh, tf.sub(total, d)); // a masked step passes the gradient through
    states.unshift(d);
    products.unshift(da);
  }

  const d = tf.stack(states);
  const da = tf.stack(products);
  const dx = tf.concat([tf.mul(d, resetFactor), tf.mul(d, updateFactor), tf.mul(d, newFactor)], 3);
  return {
    inputs: outOfTime(dx),
    kernel: kernelGradients(previous, da),
    bias: biasGradients(da),
    initial: initial.map(() => tf.sum(dh, 0)),
  };
}

/** `[batch, steps]` to `[steps, directions, batch, 1]`. */
function maskInTime(mask: tf.Tensor, directions: number): tf.Tensor {
  const column = tf.expandDims(mask, 2);
  return inTime(Array.from({ length: directions }, () => column));
}
