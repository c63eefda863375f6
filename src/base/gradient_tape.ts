import * as tf from '@tensorflow/tfjs';

/**
 * Runs code that takes gradients. If it throws, frees what tfjs has saved for the backward pass (in a training step,
 * all activations), which tfjs would never free.
 */
export function freeingTape<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    const { state } = tf.engine();
    // inside another gradient the tape is that one's, and freed there
    if (state.gradientDepth === 0) {
      for (const { saved } of (state.activeTape as { saved?: tf.Tensor[] }[] | null) ?? [])
        tf.dispose(saved ?? []);
      (state as { activeTape: unknown }).activeTape = null;
    }
    throw error;
  }
}

/**
 * Whether a tensor is the output of a sigmoid, possibly reshaped. This is known from the tape when a gradient is taken,
 * as in each training step. A loss or metric that applies a sigmoid itself would silently take `sigmoid(sigmoid(x))`.
 */
export function isOutputOfSigmoid(logits: tf.Tensor): boolean {
  type Node = { kernelName: string; inputs: Record<string, tf.Tensor>; outputs: tf.Tensor[] };
  const { state } = tf.engine();
  if (state.gradientDepth === 0) return false;
  let { id } = logits;
  for (const node of ((state.activeTape ?? []) as unknown as Node[]).slice(-TAPE_END).reverse()) {
    if (!node.outputs.some((output) => output.id === id)) continue;
    if (node.kernelName === tf.Sigmoid) return true;
    if (node.kernelName !== tf.Reshape || node.inputs.x === undefined) return false;
    ({ id } = node.inputs.x);
  }
  return false;
}

/** Number of operations to look back: the last ones of a head. */
const TAPE_END = 16;
