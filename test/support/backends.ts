import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { beforeEach, describe } from 'vitest';

/** Runs the same tests on each backend, one `describe` block a backend. */
export function onBackends(names: ('cpu' | 'wasm')[], title: string, body: () => void): void {
  describe.each(names)(`${title} [%s]`, (name) => {
    beforeEach(async () => {
      if (!(await tf.setBackend(name))) throw new Error(`backend ${name} did not start`);
      await tf.ready();
    });
    body();
  });
}
