import * as tf from '@tensorflow/tfjs';
import type { Values } from './in_memory';

/** Where the host's backends keep values that are in memory: `cpu`, `wasm`, `webgl` and `webgpu`, in this order. */
interface Holder {
  data?: { get(dataId: tf.DataId): { values?: unknown } | undefined };
  typedArrayFromHeap?(info: tf.TensorInfo): unknown;
  texData?: { get(dataId: tf.DataId): { values?: unknown } | undefined };
  tensorMap?: { get(dataId: tf.DataId): { values?: unknown } | undefined };
}

/**
 * A tensor's values where they are in memory, not to be changed, and valid until the next operation; undefined where they lie on
 * a device, and reading them would mean to wait for it. What a program has just made of numbers is in memory on every backend
 * but TensorFlow's own: it goes to the device with the first operation on it.
 */
export function hostValues(tensor: tf.Tensor): Values | undefined {
  const { dataId, shape, dtype } = tensor;
  const info = tf.engine().state.tensorInfo.get(dataId);
  const backend = info?.backend as Holder | undefined;
  if (backend === undefined || dtype === 'string' || dtype === 'complex64') return undefined;
  const values =
    backend.typedArrayFromHeap?.({ dataId, shape, dtype }) ??
    (backend.texData ?? backend.tensorMap ?? backend.data)?.get(dataId)?.values;
  return ArrayBuffer.isView(values) && !(values instanceof DataView) ? (values as Values) : undefined;
}

/** Place of the first value that is not a finite number of at least `low` and at most `high`; -1 for none. */
export function firstOutside(values: ArrayLike<number>, low = -Infinity, high = Infinity): number {
  const [least, most] = [Math.max(low, -Number.MAX_VALUE), Math.min(high, Number.MAX_VALUE)];
  for (let i = 0; i < values.length; i++) {
    // false for NaN too
    if (!(values[i]! >= least && values[i]! <= most)) return i;
  }
  return -1;
}
