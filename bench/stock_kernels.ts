import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { conv2DBackpropFilter } from '../src/backends/wasm/composed/conv2d_backprop_filter';
import { conv2DBackpropInput } from '../src/backends/wasm/composed/conv2d_backprop_input';

/** The host's own kernels as they were at import, before this library replaced some. */
const stock = new Map((tf.getKernelsForBackend('wasm') ?? []).map((kernel) => [kernel.kernelName, kernel]));

/**
 * The host's kernels, and gradients of convolutions composed of them where it has none or a very slow one: what a training
 * without this library's compiled kernels has.
 */
const composed = new Map([
  ...stock,
  [tf.Conv2DBackpropFilter, conv2DBackpropFilter],
  [tf.Conv2DBackpropInput, conv2DBackpropInput],
] as [string, tf.KernelConfig][]);

/** `run` with the host's kernels in place of this library's. */
export function withStockKernels<T>(run: () => T): T {
  const ours = new Map(tf.getKernelsForBackend('wasm').map((kernel) => [kernel.kernelName, kernel]));
  exchange(ours, composed);
  try {
    return run();
  } finally {
    exchange(composed, ours);
  }
}

function exchange(from: Map<string, tf.KernelConfig>, to: Map<string, tf.KernelConfig>): void {
  for (const name of new Set([...from.keys(), ...to.keys()])) {
    const [present, wanted] = [from.get(name), to.get(name)];
    if (present === wanted) continue;
    if (present) tf.unregisterKernel(name, 'wasm');
    if (wanted) tf.registerKernel(wanted);
  }
}

/** The same model, of the host's own layers alone. */
export async function stockModel(model: tf.LayersModel): Promise<tf.LayersModel> {
  const text = JSON.stringify(model.toJSON(null, false))
    .replaceAll('"FusedConv2D"', '"Conv2D"')
    .replaceAll('"FusedBatchNorm"', '"BatchNormalization"');
  const copy = await tf.models.modelFromJSON(JSON.parse(text) as tf.io.ModelJSON);
  copy.setWeights(model.getWeights());
  return copy;
}
