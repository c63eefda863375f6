import type * as tf from '@tensorflow/tfjs';
import { resolveOptions } from '../base/options';
import {
  add,
  BACKBONE_RULES,
  backboneInput,
  batchNorm,
  conv,
  depthwiseConv,
  featureModel,
  relu6,
  type BackboneOptions,
} from './builder';

/** Of each stage: expansion, filters and number of its blocks, and the stride of the first one. */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/**
 * MobileNetV2 without its classifier: 17 inverted residual blocks, then the mean over space.
 *
 * `[n, height, width, channels]` to `[n, 1280]` with 2.2 million weights, at about 1/50 of VGG16's arithmetic. Layers
 * have torchvision's names (`features.1.conv.0.0`, …), so that `loadTorchWeights` fills it.
 *
 * @throws ArgumentError for an input smaller than 32x32 or unknown options.
 * @example
 * ```ts
 * const backbone = mobilenet_v2({ inputShape: [224, 224, 1], normalize: true });
 * const features = backbone.predict(tf.zeros([2, 224, 224, 1])) as tf.Tensor; // [2, 1280]
 * ```
 * @see Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018.
 */
export function mobilenet_v2(options: BackboneOptions): tf.LayersModel {
  const resolved = resolveOptions('mobilenet_v2', options, BACKBONE_RULES);
  const { seed } = resolved;
  const [input, first] = backboneInput('mobilenet_v2', resolved);
  let x = normalized(conv(first, { name: 'features.0.0', filters: 32, kernelSize: 3, stride: 2, padding: 1, bias: false, seed }), 'features.0');
  let index = 1;
  for (const [expansion, filters, blocks, stride] of STAGES) {
    for (let block = 0; block < blocks; block++) {
      x = invertedResidual(x, { name: `features.${index}`, expansion, filters, stride: block === 0 ? stride : 1, seed });
      index += 1;
    }
  }
  x = normalized(conv(x, { name: 'features.18.0', filters: 1280, kernelSize: 1, bias: false, seed }), 'features.18');
  return featureModel(input, x, 'mobilenet_v2');
} // prettier-ignore

/** Batch normalisation and activation of torchvision's `Conv2dNormActivation` of this name. */
const normalized = (x: tf.SymbolicTensor, name: string): tf.SymbolicTensor =>
  relu6(batchNorm(x, `${name}.1`), `${name}.2`);

/**
 * Widens by 1x1, convolves each channel separately, narrows by 1x1; with a shortcut around it if no size changes.
 */
function invertedResidual(
  x: tf.SymbolicTensor,
  options: { name: string; expansion: number; filters: number; stride: number; seed: number | undefined },
): tf.SymbolicTensor {
  const { name, expansion, filters, stride, seed } = options;
  const width = x.shape.at(-1)!;
  let y = x;
  let part = 0; // of torchvision's nn.Sequential
  const next = () => `${name}.conv.${part++}`;
  if (expansion !== 1) {
    const wide = next();
    y = normalized(conv(y, { name: `${wide}.0`, filters: width * expansion, kernelSize: 1, bias: false, seed }), wide);
  }
  const own = next();
  y = normalized(depthwiseConv(y, { name: `${own}.0`, kernelSize: 3, stride, padding: 1, seed }), own);
  y = conv(y, { name: next(), filters, kernelSize: 1, bias: false, seed });
  y = batchNorm(y, next());
  return stride === 1 && width === filters ? add(x, y, `${name}.add`) : y;
} // prettier-ignore
