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
