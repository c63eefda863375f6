import * as tf from '@tensorflow/tfjs';
import { CtMultilabelError } from '../../../base/errors';
import { isThreadedBuild } from '../../../kernels/preparation';

/**
 * Prevents the host from using its threaded build, which it chooses in cross-origin isolated pages: it supports neither
 * the kernels nor the guard, and beyond 4 GiB its tensors overwrite one another. If it is running without tensors, the
 * plain build is started instead.
 *
 * @throws CtMultilabelError if it holds tensors, which would be lost.
 */
export async function leaveThreadedBuild(): Promise<void> {
  const { registry, registryFactory } = tf.engine();
  const registered = registryFactory['wasm'];
  if (registered === undefined) return; // the flag below comes with the backend's package
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  const running = registry['wasm'];
  if (running === undefined || !isThreadedBuild(running)) return;
  const tensors = running.numDataIds();
  if (tensors > 0) {
    throw new CtMultilabelError(
      `prepareWasmBackend: this page is cross-origin isolated, so TensorFlow.js started its threaded build of the wasm backend, which ` +
        `supports neither compiled kernels nor a memory guard, and it holds ${tensors} tensors already; expected it to hold none. Start ` +
        `the backend with useBrowserBackend('wasm'), or call prepareWasmBackend() before the first tensor is created`,
    );
  }
  await restart();
}

/** Restarts the wasm backend, which holds no tensors. */
export async function restart(): Promise<void> {
  const wasActive = tf.getBackend() === 'wasm';
  const { factory, priority } = tf.engine().registryFactory['wasm']!;
  tf.removeBackend('wasm');
  tf.registerBackend('wasm', factory, priority);
  if (wasActive && !(await tf.setBackend('wasm'))) {
    throw new CtMultilabelError('the wasm backend did not start again');
  }
}
