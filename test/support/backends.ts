import * as tf from '@tensorflow/tfjs';

import '@tensorflow/tfjs-backend-wasm';
import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import { registerWasmTrainingKernels } from '../../src/backends/wasm/training_kernels';

/** Names of kernels of our own. */
const OURS = /^Ct[A-Z]/;

/**
 * A backend, and how much of ours it has: our kernels in plain JavaScript unless it says otherwise, `compiled` the compiled
 * ones too, `without kernels` none, which is how it goes on the host's other backends.
 */
export type Way = 'cpu' | 'wasm' | 'wasm, compiled' | 'cpu, without kernels';

/** Runs the same tests on each backend, one `describe` block a backend. */
export function onBackends(ways: readonly Way[], title: string, body: (way: Way) => void): void {
  describe.each(ways)(`${title} [%s]`, (way) => {
    const backend = way.split(',')[0]!;
    const removed: tf.KernelConfig[] = [];
    beforeAll(async () => {
      if (way === 'wasm, compiled') {
        await tf.setBackend('wasm');
        registerWasmTrainingKernels();
      }
      if (way !== 'cpu, without kernels') return;
      removed.push(...tf.getKernelsForBackend(backend).filter(({ kernelName }) => OURS.test(kernelName)));
      for (const { kernelName } of removed) tf.unregisterKernel(kernelName, backend);
    });
    beforeEach(async () => {
      if (!(await tf.setBackend(backend))) throw new Error(`backend ${backend} did not start`);
      await tf.ready();
    });
    afterAll(() => removed.splice(0).forEach((kernel) => tf.registerKernel(kernel)));
    body(way);
  });
}
