import * as tf from '@tensorflow/tfjs';
import { hostModule } from '../../backends/wasm/runtime/host_module';
import { addressOf, type WasmBackend } from '../../backends/wasm/runtime/kernel_support';
import { isShared } from '../../backends/wasm/runtime/shared_heap';
import { hostValues } from '../../kernels/host_values';

/** Memory on the heap of the thread that ordered a stack, where another thread writes it. */
export interface StackPlace {
  /** Shared. */
  memory: ArrayBufferLike;
  address: number;
  shape: number[];
}

/** A tensor with uninitialised values, and their place. */
export interface SharedStack {
  tensor: tf.Tensor4D;
  place: StackPlace;
}

/**
 * A tensor that another thread fills: nothing is sent between threads, and no array is allocated for each stack, which
 * costs more than copying it. Undefined if the active backend has no heap that threads can share.
 */
export function sharedStack(shape: tf.Tensor4D['shape']): SharedStack | undefined {
  const backend = tf.getBackend() === 'wasm' ? (tf.backend() as WasmBackend) : undefined;
  const host = hostModule(backend);
  if (backend === undefined || host === undefined || !isShared(host)) return undefined;
  const info = backend.makeOutput(shape, 'float32');
  const address = addressOf(backend, info);
  // a `tf.tidy` around the order must not free memory that is yet to be written
  const tensor = tf.keep(tf.engine().makeTensorFromTensorInfo(info) as tf.Tensor4D);
  return { tensor, place: { memory: host.asm.memory.buffer, address, shape } };
}

/** Writes a stack to its place on the heap of another thread. */
export function writeStack(stack: tf.Tensor4D, { memory, address, shape }: StackPlace): void {
  tf.util.assertShapesMatch(stack.shape, shape, 'the prepared stack has another shape than was ordered: ');
  new Float32Array(memory, address, stack.size).set(hostValues(stack)!);
}
