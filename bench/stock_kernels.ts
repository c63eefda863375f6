import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { conv2DBackpropFilter } from '../src/backends/wasm/composed/conv2d_backprop_filter';
import { conv2DBackpropInput } from '../src/backends/wasm/composed/conv2d_backprop_input';

/** The host's kernels at import, before this library replaces some. */
const stock = new Map((tf.getKernelsForBackend('wasm') ?? []).map((kernel) => [kernel.kernelName, kernel]));

/**
 * The host's kernels, with gradients of convolutions composed of them where it has none or a very slow one: the kernels of
 * a training without this library's compiled ones.
 */
const composed = new Map([
  ...stock,
  [tf.Conv2DBackpropFilter, conv2DBackpropFilter],
  [tf.Conv2DBackpropInput, conv2DBackpropInput],
] as [string, tf.KernelConfig][]);

/** Runs `run` with the host's kernels instead of this library's. */
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

/** The same model made only of the host's layers. */
export async function stockModel(model: tf.LayersModel): Promise<tf.LayersModel> {
  const text = JSON.stringify(model.toJSON(null, false))
    .replaceAll('"FusedConv2D"', '"Conv2D"')
    .replaceAll('"FusedBatchNorm"', '"BatchNormalization"');
  const copy = await tf.models.modelFromJSON(JSON.parse(text) as tf.io.ModelJSON);
  copy.setWeights(model.getWeights());
  return copy;
}
