import * as tf from '@tensorflow/tfjs';
import type { Values } from './in_memory';

/** Where the backends `cpu`, `wasm`, `webgl` and `webgpu` (in this order) keep values that are in memory. */
interface Holder {
  data?: { get(dataId: tf.DataId): { values?: unknown } | undefined };
  typedArrayFromHeap?(info: tf.TensorInfo): unknown;
  texData?: { get(dataId: tf.DataId): { values?: unknown } | undefined };
  tensorMap?: { get(dataId: tf.DataId): { values?: unknown } | undefined };
}

/**
 * A tensor's values in memory, read-only and valid until the next operation; undefined if they are on a device and
 * could be read only by waiting for it. A tensor just created from numbers is in memory on every backend except
 * TensorFlow's own: it is uploaded by the first operation on it.
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

/** Index of the first value that is not a finite number in `low`..`high`; -1 if there is none. */
export function firstOutside(values: ArrayLike<number>, low = -Infinity, high = Infinity): number {
  const [least, most] = [Math.max(low, -Number.MAX_VALUE), Math.min(high, Number.MAX_VALUE)];
  for (let i = 0; i < values.length; i++) {
    // false for NaN too
    if (!(values[i]! >= least && values[i]! <= most)) return i;
  }
  return -1;
}
