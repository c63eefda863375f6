import * as tf from '@tensorflow/tfjs';
import { resolveOptions } from '../base/options';
import {
  BACKBONE_RULES,
  backboneInput,
  batchNorm,
  conv,
  featureModel,
  maxPool,
  pad,
  relu,
  type BackboneOptions,
} from './builder';

/** Layers of each dense block. */
const BLOCKS = [6, 12, 24, 16];
/** Feature maps that a layer adds. */
const GROWTH = 32;

/**
 * DenseNet121 without its classifier: four blocks of layers that each see all before them, then the mean over space.
 *
 * `[n, height, width, channels]` to `[n, 1024]` with 7 million weights, at about 1/5 of VGG16's arithmetic. Layers have
 * torchvision's names (`features.denseblock1.denselayer1.conv1`, …), so that `loadTorchWeights` fills it.
 *
 * @throws ArgumentError for an input smaller than 32x32 or unknown options.
 * @example
 * ```ts
 * const backbone = densenet121({ inputShape: [224, 224, 1], normalize: true });
 * const features = backbone.predict(tf.zeros([2, 224, 224, 1])) as tf.Tensor; // [2, 1024]
 * ```
 * @see Huang et al., "Densely Connected Convolutional Networks", CVPR 2017.
 */
export function densenet121(options: BackboneOptions): tf.LayersModel {
  const resolved = resolveOptions('densenet121', options, BACKBONE_RULES);
  const { seed } = resolved;
  const [input, first] = backboneInput('densenet121', resolved);
  let x = conv(first, { name: 'features.conv0', filters: 64, kernelSize: 7, stride: 2, padding: 3, bias: false, seed });
  x = relu(batchNorm(x, 'features.norm0'), 'features.relu0');
  // after a ReLU, padding a maximum with zeros equals padding with minus infinity
  x = maxPool(pad(x, 1, 'features.pool0.pad'), { name: 'features.pool0', size: 3, stride: 2 });
  for (const [b, layers] of BLOCKS.entries()) {
    for (let layer = 1; layer <= layers; layer++) x = denseLayer(x, `features.denseblock${b + 1}.denselayer${layer}`, seed);
    if (b < BLOCKS.length - 1) x = transition(x, `features.transition${b + 1}`, seed);
  }
  x = relu(batchNorm(x, 'features.norm5'), 'relu');
  return featureModel(input, x, 'densenet121');
} // prettier-ignore

/** The given feature maps, and those of two convolutions on them. */
function denseLayer(x: tf.SymbolicTensor, name: string, seed: number | undefined): tf.SymbolicTensor {
  let y = relu(batchNorm(x, `${name}.norm1`), `${name}.relu1`);
  y = conv(y, { name: `${name}.conv1`, filters: 4 * GROWTH, kernelSize: 1, bias: false, seed });
  y = relu(batchNorm(y, `${name}.norm2`), `${name}.relu2`);
  y = conv(y, { name: `${name}.conv2`, filters: GROWTH, kernelSize: 3, padding: 1, bias: false, seed });
  return tf.layers.concatenate({ name, axis: -1 }).apply([x, y]) as tf.SymbolicTensor;
}

/** Half the feature maps, at half the height and width. */
function transition(x: tf.SymbolicTensor, name: string, seed: number | undefined): tf.SymbolicTensor {
  let y = relu(batchNorm(x, `${name}.norm`), `${name}.relu`);
  y = conv(y, { name: `${name}.conv`, filters: x.shape.at(-1)! / 2, kernelSize: 1, bias: false, seed });
  const pool = tf.layers.averagePooling2d({
    name: `${name}.pool`,
    poolSize: 2,
    strides: 2,
    padding: 'valid',
  });
  return pool.apply(y) as tf.SymbolicTensor;
}
