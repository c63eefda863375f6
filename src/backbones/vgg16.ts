import type * as tf from '@tensorflow/tfjs';
import { flag, optional, resolveOptions, type Rules } from '../base/options';
import {
  BACKBONE_RULES,
  backboneInput,
  batchNorm,
  conv,
  featureModel,
  maxPool,
  relu,
  type BackboneOptions,
} from './builder';

/**
 * Options of {@link vgg16}.
 *
 * @inline
 */
export interface VGG16Options extends BackboneOptions {
  /**
   * Normalise by batch after every convolution (torchvision's `vgg16_bn`).
   * @defaultValue false
   */
  batchNorm?: boolean;
}

const RULES = { ...BACKBONE_RULES, batchNorm: optional(flag, false) } satisfies Rules<VGG16Options>;

/** Filters of each convolution; 'pool' halves height and width. */
const LAYERS = [
  64,
  64,
  'pool',
  128,
  128,
  'pool',
  256,
  256,
  256,
  'pool',
  512,
  512,
  512,
  'pool',
  512,
  512,
  512,
  'pool',
];

/**
 * VGG16 without its classifier: 13 convolutions of 3x3, then the mean over space.
 *
 * `[n, height, width, channels]` to `[n, 512]`. Layers have torchvision's names (`features.0`, …), so that
 * `loadTorchWeights` fills it from `vgg16` or `vgg16_bn`.
 *
 * @throws ArgumentError for an input smaller than 32x32 or unknown options.
 * @example
 * ```ts
 * const backbone = vgg16({ inputShape: [224, 224, 1] });
 * const features = backbone.predict(tf.zeros([2, 224, 224, 1])) as tf.Tensor; // [2, 512]
 * ```
 * @see Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015.
 */
export function vgg16(options: VGG16Options): tf.LayersModel {
  const resolved = resolveOptions('vgg16', options, RULES);
  const { batchNorm: normalized, seed } = resolved;
  const [input, first] = backboneInput('vgg16', resolved);
  let x = first;
  let index = 0; // in torchvision's nn.Sequential, where a ReLU and a pool count too
  for (const filters of LAYERS) {
    const name = `features.${index}`;
    if (typeof filters !== 'number') {
      x = maxPool(x, { name, size: 2, stride: 2 });
      index += 1;
    } else if (normalized) {
      x = conv(x, { name, filters, kernelSize: 3, padding: 1, seed });
      x = relu(batchNorm(x, `features.${index + 1}`), `features.${index + 2}`);
      index += 3;
    } else {
      x = conv(x, { name, filters, kernelSize: 3, padding: 1, relu: true, seed });
      index += 2;
    }
  }
  return featureModel(input, x, normalized ? 'vgg16_bn' : 'vgg16');
}
