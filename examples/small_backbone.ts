import * as tf from '@tensorflow/tfjs';
import { deriveSeed, FusedBatchNorm, FusedConv2D } from 'ct-multilabel';

/**
 * A backbone that learns from scratch within minutes: four strided convolutions with batch normalisation.
 *
 * Any model `[n, height, width, channels]` to `[n, features]` will do as a backbone; this one gives 512 features.
 */
export function smallBackbone(size: number, seed: number): tf.LayersModel {
  const input = tf.input({ shape: [size, size, 1] });
  let x = input;
  for (const [i, filters] of [16, 32, 64, 128].entries()) {
    const kernelInitializer = tf.initializers.heNormal({ seed: deriveSeed(seed, 'conv', i) });
    const conv = new FusedConv2D({
      name: `conv${i}`,
      filters,
      kernelSize: 3,
      strides: 2,
      padding: 'same',
      useBias: false,
      kernelInitializer,
    });
    x = conv.apply(x) as tf.SymbolicTensor;
    x = new FusedBatchNorm({ name: `norm${i}`, momentum: 0.9 }).apply(x) as tf.SymbolicTensor;
    x = tf.layers.reLU({ name: `relu${i}` }).apply(x) as tf.SymbolicTensor;
  }
  const kernelInitializer = tf.initializers.heNormal({ seed: deriveSeed(seed, 'features') });
  const last = { name: 'features', filters: 512, kernelSize: 1, activation: 'relu' } as const;
  x = new FusedConv2D({ ...last, kernelInitializer }).apply(x) as tf.SymbolicTensor;
  x = tf.layers.globalMaxPooling2d({ name: 'pool' }).apply(x) as tf.SymbolicTensor;
  return tf.model({ inputs: input, outputs: x, name: 'small_backbone' });
}
