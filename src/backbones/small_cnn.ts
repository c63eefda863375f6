import * as tf from '@tensorflow/tfjs';
import { resolveOptions } from '../base/options';
import { deriveSeed } from '../base/random';
import { FusedConv2D } from '../layers/fused_conv2d';
import { BACKBONE_RULES, backboneInput, batchNorm, relu, type BackboneOptions } from './builder';

/**
 * Options of {@link smallCnn}.
 *
 * @inline
 */
export type SmallCnnOptions = BackboneOptions;

/**
 * Four strided convolutions with batch normalisation, then the maximum over space: learns from scratch within minutes on small images.
 *
 * `[n, height, width, channels]` to `[n, 512]` with 0.16 million weights; there are no pretrained ones of it.
 *
 * @throws ArgumentError for an input smaller than 32x32 or unknown options.
 * @example
 * ```ts
 * const model = buildCtBrainModel({ backbone: 'smallCnn', inputShape: [64, 64, 1], seed: 1 });
 * ```
 */
export function smallCnn(options: SmallCnnOptions): tf.LayersModel {
  const resolved = resolveOptions('smallCnn', options, BACKBONE_RULES);
  const { seed } = resolved;
  const [input, first] = backboneInput('smallCnn', resolved);
  let x = first;
  const kernel = (name: string) =>
    tf.initializers.heNormal(seed === undefined ? {} : { seed: deriveSeed(seed, name) });
  for (const [i, filters] of [16, 32, 64, 128].entries()) {
    const conv = new FusedConv2D({
      ...{ name: `conv${i}`, filters, kernelSize: 3, strides: 2, padding: 'same', useBias: false },
      kernelInitializer: kernel(`conv${i}`),
    });
    x = relu(batchNorm(conv.apply(x) as tf.SymbolicTensor, `norm${i}`), `relu${i}`);
  }
  const last = { name: 'features', filters: 512, kernelSize: 1, activation: 'relu' } as const;
  x = new FusedConv2D({ ...last, kernelInitializer: kernel('features') }).apply(x) as tf.SymbolicTensor;
  x = tf.layers.globalMaxPooling2d({ name: 'max_over_space' }).apply(x) as tf.SymbolicTensor;
  return tf.model({ inputs: input, outputs: x, name: 'small_cnn' });
}
