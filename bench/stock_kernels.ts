import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import type { Candidate } from './compare';

/** The WebAssembly backend's own kernels. */
const stock = new Map(tf.getKernelsForBackend('wasm').map((kernel) => [kernel.kernelName, kernel]));

/**
 * The candidate on TensorFlow.js as it comes: with the host's kernels on the WebAssembly backend, not ours in their place.
 *
 * Import this module before ours are registered.
 */
export function onStockKernels(run: Candidate): Candidate {
  return async () => {
    const present = tf.getKernelsForBackend('wasm');
    const replaced = present.filter((kernel) => stock.get(kernel.kernelName) !== kernel);
    for (const { kernelName } of replaced) {
      tf.unregisterKernel(kernelName, 'wasm');
      const own = stock.get(kernelName);
      if (own !== undefined) tf.registerKernel(own);
    }
    try {
      const start = performance.now();
      await run();
      return performance.now() - start;
    } finally {
      for (const kernel of replaced) {
        if (stock.has(kernel.kernelName)) tf.unregisterKernel(kernel.kernelName, 'wasm');
        tf.registerKernel(kernel);
      }
    }
  };
}
