import * as tf from '@tensorflow/tfjs';
import { LSTM_BACKWARD_KERNEL, LSTM_FORWARD_KERNEL } from '../../kernels/lstm/contract';
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

/** One direction of an LSTM. */
export interface LstmDirection {
  /** `U`, `[units, 4 units]`. */
  kernel: tf.Tensor;
  /** `b`, `[4 units]`: as inputs are zero, only the sum of PyTorch's two biases matters. */
  bias: tf.Tensor;
}

/**
 * The recurrence of an LSTM over time whose inputs are all zero, with its own backward pass.
 *
 * With `a = h U + b` and the gates input, forget, cell, output side by side:
 *
 * ```
 * i = sigmoid(a_i)   f = sigmoid(a_f)   g = tanh(a_g)   o = sigmoid(a_o)
 * c' = f c + i g     h' = o tanh(c')
 * ```
 *
 * Backward, `d` being the gradient of `h'`; the weights' gradients are one matrix product at the end:
 *
 * ```
 * dc' += d o (1 - tanh²(c'))
 * da = [dc' g i (1-i),   dc' c f (1-f),   dc' i (1-g²),   d tanh(c') o (1-o)]
 * dc = dc' f,   dh = da U^T,   dU = sum over time of h^T da,   db = sum of da
 * ```
 *
 * @param directions - One, or two of which the second runs from the last step to the first.
 * @param initial - State before the first step, of both directions, `[batch, units]`; the cell starts at zero.
 * @param steps - Number of steps.
 * @returns States `[batch, steps, directions * units]`.
 */
export function lstmRecurrence(directions: LstmDirection[], initial: tf.Tensor, steps: number): tf.Tensor {
  const inputs = {
    kernel: directions.map(({ kernel }) => kernel),
    bias: directions.map(({ bias }) => bias),
    initial: [initial],
  };
  return hasKernel(LSTM_FORWARD_KERNEL)
    ? withBackwardPass(compiled(steps), inputs, {})
    : withBackwardPass(composed(steps), inputs, {});
}

type Inputs = 'kernel' | 'bias' | 'initial';

/** One kernel per pass, if the backend has them. */
const compiled = (steps: number): Passes<Inputs, never, 'kernel' | 'kept'> => ({
  forward({ kernel, bias, initial }) {
    const tensors = { numbered: { kernel, bias }, single: { initial } };
    const [outputs, kept] = runRecurrentKernel(LSTM_FORWARD_KERNEL, tensors, {
      directions: kernel.length,
      steps,
    });
    return { outputs: outputs!, kept: { kernel, kept: [kept!] } };
  },
  backward(dy, { kernel, kept }) {
    const directions = kernel.length;
    const tensors = { numbered: { kernel }, single: { dy: [dy], kept } };
    const gradients = runRecurrentKernel(LSTM_BACKWARD_KERNEL, tensors, { directions, steps });
    return {
      kernel: kernel.map((_, d) => gradients[2 * d]!),
      bias: kernel.map((_, d) => gradients[2 * d + 1]!),
      initial: [tf.addN(gradients.slice(2 * directions))],
    };
  },
});

/**
 * What the composed backward pass needs from the forward pass: `[steps, directions, batch, ...]`, except for the
 * kernel.
 */
type Kept = 'kernel' | 'gates' | 'squashed' | 'states' | 'cells';

/** The same with tfjs operations, both directions in one loop. */
const composed = (steps: number): Passes<Inputs, never, Kept> => ({
  forward: (given) => forward(given, steps),
  backward,
});

function forward(
  { kernel, bias, initial }: Named<Inputs>,
  steps: number,
): { outputs: tf.Tensor; kept: Named<Kept> } {
  const u = tf.stack(kernel);
  const b = tf.expandDims(tf.stack(bias), 1);
  let h = tf.stack(kernel.map(() => initial[0]!));
  let c: tf.Tensor = tf.zerosLike(h);
  const done = Array.from({ length: steps }, () => {
    const [state, cell] = [h, c];
    const a = tf.split(tf.add(tf.matMul(h, u), b), 4, 2) as Four;
    const gates = [tf.sigmoid(a[0]), tf.sigmoid(a[1]), tf.tanh(a[2]), tf.sigmoid(a[3])] as Four;
    const [i, f, g, o] = gates;
    c = tf.add(tf.mul(f, c), tf.mul(i, g));
    const squashed = tf.tanh(c);
    h = tf.mul(o, squashed);
    return { state, cell, gates: tf.stack(gates), squashed, output: h };
  });
  const all = (part: keyof (typeof done)[number]) => tf.stack(done.map((step) => step[part]));
  return {
    outputs: tf.concat(outOfTime(all('output')), 2),
    kept: {
      kernel,
      gates: [all('gates')], // [steps, 4, directions, batch, units]
      squashed: [all('squashed')],
      states: [all('state')],
      cells: [all('cell')],
    },
  };
}

type Four = [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];

function backward(dy: tf.Tensor, { kernel, gates, squashed, states, cells }: Named<Kept>): Named<Inputs> {
  const [i, f, g, o] = unstack(gates[0]!, 1) as Four;
  const slope = (sigmoid: tf.Tensor) => tf.mul(sigmoid, tf.sub(1, sigmoid));
  // [steps, directions, batch, 3, units], so that a cell's gradient [directions, batch, 1, units] broadcasts to all
  // three
  const ofCell = unstack(
    tf.stack([tf.mul(g, slope(i)), tf.mul(cells[0]!, slope(f)), tf.mul(i, tf.sub(1, tf.square(g)))], 3),
  );
  const ofState = unstack(tf.mul(squashed[0]!, slope(o)));
  const toCell = unstack(tf.mul(o, tf.sub(1, tf.square(squashed[0]!))));
  const forget = unstack(f);
  const gradients = unstack(inTime(tf.split(dy, kernel.length, 2)));
  const [steps, directions, batch, units] = f.shape as [number, number, number, number];
  const u = tf.stack(kernel);

  let dh: tf.Tensor = tf.zeros([directions, batch, units]);
  let dc = dh;
  const products: tf.Tensor[] = []; // da
  for (let t = steps - 1; t >= 0; t--) {
    const d = tf.add(dh, gradients[t]!);
    dc = tf.add(dc, tf.mul(d, toCell[t]!));
    const first = tf.reshape(tf.mul(tf.expandDims(dc, 2), ofCell[t]!), [directions, batch, 3 * units]);
    const da = tf.concat([first, tf.mul(d, ofState[t]!)], 2);
    dc = tf.mul(dc, forget[t]!);
    dh = tf.matMul(da, u, false, true);
    products.unshift(da);
  }
  const da = tf.stack(products);
  return {
    kernel: kernelGradients(states[0]!, da),
    bias: biasGradients(da),
    initial: [tf.sum(dh, 0)],
  };
}
