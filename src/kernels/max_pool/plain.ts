import * as tf from '@tensorflow/tfjs';
import { markWindows } from './mark_windows';

/** The part of the host's class `MathBackendCPU` that is used here. */
interface CpuBackend {
  data: { get(dataId: tf.DataId): { values: Float32Array } };
}

/** Marks our kernel; a registered symbol, so that two copies of this library see each other's mark. */
const OURS = Symbol.for('ct-multilabel.cpu-kernel');

/**
 * Max pooling on backend `cpu`, whose kernel ignores NaN: a window with a NaN pixel becomes NaN, as elsewhere in the
 * library and in PyTorch. The host's kernel does the work; only the windows of NaN pixels are corrected.
 */
function keepNaN(): void {
  const host = tf.getKernel(tf.MaxPool, 'cpu') as (tf.KernelConfig & { [OURS]?: true }) | undefined;
  if (host === undefined || host[OURS]) return;
  const kernelFunc: tf.KernelFunc = (args) => {
    const result = host.kernelFunc(args) as tf.TensorInfo;
    const { x } = args.inputs as { x: tf.TensorInfo };
    if (x.dtype !== 'float32' || result.dataId === x.dataId) return result;
    const { data } = args.backend as unknown as CpuBackend;
    const values = data.get(x.dataId).values;
    const { filterSize, strides, pad, dimRoundingMode } = args.attrs as unknown as tf.MaxPoolAttrs;
    const shape = x.shape as [number, number, number, number];
    const info = tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
    markWindows(values, data.get(result.dataId).values, info);
    return result;
  };
  tf.unregisterKernel(tf.MaxPool, 'cpu');
  tf.registerKernel(Object.assign({ ...host, kernelFunc }, { [OURS]: true }));
}

keepNaN();
