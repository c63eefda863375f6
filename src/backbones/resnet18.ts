import type * as tf from '@tensorflow/tfjs';
import { resolveOptions } from '../base/options';
import {
  add,
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

/**
 * ResNet18 without its classifier: eight residual blocks, then the mean over space.
 *
 * `[n, height, width, channels]` to `[n, 512]`. Layers have torchvision's names (`layer1.0.conv1`, …), so that
 * `loadTorchWeights` fills it.
 *
 * @throws ArgumentError for an input smaller than 32x32 or unknown options.
 * @example
 * ```ts
 * const backbone = resnet18({ inputShape: [224, 224, 1], normalize: true });
 * const features = backbone.predict(tf.zeros([2, 224, 224, 1])) as tf.Tensor; // [2, 512]
 * ```
 * @see He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
 */
export function resnet18(options: BackboneOptions): tf.LayersModel {
  const resolved = resolveOptions('resnet18', options, BACKBONE_RULES);
  const { seed } = resolved;
  const [input, first] = backboneInput('resnet18', resolved);
  let x = conv(first, {
    name: 'conv1',
    filters: 64,
    kernelSize: 7,
    stride: 2,
    padding: 3,
    bias: false,
    seed,
  });
  x = relu(batchNorm(x, 'bn1'), 'relu');
  // after a ReLU, padding a maximum with zeros equals padding with minus infinity
  x = maxPool(pad(x, 1, 'maxpool.pad'), { name: 'maxpool', size: 3, stride: 2 });
  [64, 128, 256, 512].forEach((filters, i) => {
    const stride = i === 0 ? 1 : 2;
    x = basicBlock(x, `layer${i + 1}.0`, filters, stride, seed);
    x = basicBlock(x, `layer${i + 1}.1`, filters, 1, seed);
  });
  return featureModel(input, x, 'resnet18');
}

/** Two 3x3 convolutions with a shortcut, which is a strided 1x1 convolution if the size changes. */
function basicBlock(
  x: tf.SymbolicTensor,
  name: string,
  filters: number,
  stride: number,
  seed: number | undefined,
): tf.SymbolicTensor {
  const common = { filters, bias: false, seed };
  let y = conv(x, { ...common, name: `${name}.conv1`, kernelSize: 3, stride, padding: 1 });
  y = relu(batchNorm(y, `${name}.bn1`), `${name}.relu1`);
  y = conv(y, { ...common, name: `${name}.conv2`, kernelSize: 3, padding: 1 });
  y = batchNorm(y, `${name}.bn2`);
  let shortcut = x;
  if (stride !== 1) {
    shortcut = conv(x, { ...common, name: `${name}.downsample.0`, kernelSize: 1, stride });
    shortcut = batchNorm(shortcut, `${name}.downsample.1`);
  }
  return relu(add(y, shortcut, `${name}.add`), `${name}.relu`);
}
