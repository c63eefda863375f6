import * as tf from '@tensorflow/tfjs';
import { resolveOptions } from '../base/options';
import { deriveSeed } from '../base/random';
import { FusedConv2D } from '../layers/fused/fused_conv2d';
import { BACKBONE_RULES, backboneInput, batchNorm, relu, type BackboneOptions } from './builder';

/** Filters and stride of each convolution. */
const CONVOLUTIONS = [
  [12, 2],
  [24, 2],
  [32, 1],
  [32, 1],
] as const;

/** Windows on values in 0..1, initially evenly spaced: the i-th starts at `i / WINDOWS`. */
const WINDOWS = 8;

/**
 * Learned windows, four convolutions and a 1 x 1 one with batch normalisation, then the mean over space, standardised:
 * learns to see hemorrhages from scratch within minutes on small images.
 *
 * Blood is brighter than brain and darker than bone. A convolution learns "brighter than" at once and "between" only
 * after long training, so each pixel first goes through eight windows, initially `max(0, 4 (x - i / 8))` of the mean of
 * its channels, in 0..1. A cell of the last feature map covers 4 x 4 pixels, as small lesions require. The means differ
 * little from slice to slice; standardised by a batch normalisation, a head learns from them quickly.
 *
 * `[n, height, width, channels]` to `[n, 64]` with 23 thousand weights; there are no pretrained weights, so `normalize`
 * is not useful.
 *
 * @throws ArgumentError for an input smaller than 32x32 or unknown options.
 * @example
 * ```ts
 * const model = buildCtBrainModel({ backbone: 'smallCnn', inputShape: [64, 64, 1], seed: 1 });
 * ```
 * @see Lee et al., "Practical Window Setting Optimization for Medical Image Deep Learning", 2018,
 * https://arxiv.org/abs/1812.00572
 */
export function smallCnn(options: BackboneOptions): tf.LayersModel {
  const resolved = resolveOptions('smallCnn', options, BACKBONE_RULES);
  const { seed } = resolved;
  const [input, first] = backboneInput('smallCnn', resolved);
  const windows = { name: 'windows', filters: WINDOWS, kernelSize: 1, activation: 'relu' } as const;
  let x = new FusedConv2D(windows).apply(first) as tf.SymbolicTensor;
  for (const [i, [filters, strides]] of CONVOLUTIONS.entries()) x = convolution(x, `${i}`, { filters, kernelSize: 3, strides }, seed); // prettier-ignore
  x = convolution(x, '_features', { filters: 64, kernelSize: 1 }, seed);
  x = tf.layers.globalAveragePooling2d({ name: 'mean_over_space' }).apply(x) as tf.SymbolicTensor;
  const model = tf.model({ inputs: input, outputs: batchNorm(x, 'norm'), name: 'small_cnn' });
  tf.tidy(() => {
    const channels = first.shape[3]!;
    const starts = tf.tensor1d(Array.from({ length: WINDOWS }, (_, i) => i / WINDOWS));
    const kernel = tf.fill([1, 1, channels, WINDOWS], 4 / channels);
    model.getLayer('windows').setWeights([kernel, tf.mul(starts, -4)]);
  });
  return model;
}

function convolution(
  x: tf.SymbolicTensor,
  name: string,
  shape: { filters: number; kernelSize: number; strides?: number },
  seed: number | undefined,
): tf.SymbolicTensor {
  const conv = new FusedConv2D({
    ...{ name: `conv${name}`, padding: 'same', useBias: false, ...shape },
    kernelInitializer: tf.initializers.heNormal(
      seed === undefined ? {} : { seed: deriveSeed(seed, `conv${name}`) },
    ),
  });
  return relu(batchNorm(conv.apply(x) as tf.SymbolicTensor, `norm${name}`), `relu${name}`);
}
