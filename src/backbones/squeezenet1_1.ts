import * as tf from '@tensorflow/tfjs';
import { resolveOptions } from '../base/options';
import {
  BACKBONE_RULES,
  backboneInput,
  conv,
  featureModel,
  maxPool,
  pad,
  type BackboneOptions,
} from './builder';

/** torchvision's `features`: its index, and a fire module's squeeze and expand widths, or a pool. */
const LAYERS: [index: number, squeeze: number, expand: number][] = [
  [2, 0, 0],
  [3, 16, 64],
  [4, 16, 64],
  [5, 0, 0],
  [6, 32, 128],
  [7, 32, 128],
  [8, 0, 0],
  [9, 48, 192],
  [10, 48, 192],
  [11, 64, 256],
  [12, 64, 256],
];

/**
 * SqueezeNet 1.1 without its classifier: eight fire modules, then the mean over space.
 *
 * `[n, height, width, channels]` to `[n, 512]` with 0.7 million weights, at about 1/45 of VGG16's arithmetic. Layers
 * have torchvision's names (`features.3.squeeze`, …), so that `loadTorchWeights` fills it.
 *
 * @throws ArgumentError for an input smaller than 32x32 or unknown options.
 * @example
 * ```ts
 * const backbone = squeezenet1_1({ inputShape: [224, 224, 1], normalize: true });
 * const features = backbone.predict(tf.zeros([2, 224, 224, 1])) as tf.Tensor; // [2, 512]
 * ```
 * @see Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", 2016.
 */
export function squeezenet1_1(options: BackboneOptions): tf.LayersModel {
  const resolved = resolveOptions('squeezenet1_1', options, BACKBONE_RULES);
  const { seed } = resolved;
  const [input, first] = backboneInput('squeezenet1_1', resolved);
  let x = conv(first, { name: 'features.0', filters: 64, kernelSize: 3, stride: 2, relu: true, seed });
  for (const [index, squeeze, expand] of LAYERS) {
    const name = `features.${index}`;
    x = squeeze === 0 ? ceilPool(x, name) : fire(x, name, squeeze, expand, seed);
  }
  return featureModel(input, x, 'squeezenet1_1');
}

/** Squeeze to few channels by 1x1, expand by 1x1 and 3x3 side by side. */
function fire(
  x: tf.SymbolicTensor,
  name: string,
  squeeze: number,
  expand: number,
  seed: number | undefined,
): tf.SymbolicTensor {
  const common = { relu: true, seed };
  const squeezed = conv(x, { ...common, name: `${name}.squeeze`, filters: squeeze, kernelSize: 1 });
  const one = conv(squeezed, { ...common, name: `${name}.expand1x1`, filters: expand, kernelSize: 1 });
  const three = conv(squeezed, {
    ...common,
    name: `${name}.expand3x3`,
    filters: expand,
    kernelSize: 3,
    padding: 1,
  });
  return tf.layers.concatenate({ name, axis: -1 }).apply([one, three]) as tf.SymbolicTensor;
}

/** Max pooling 3x3, stride 2, with PyTorch's `ceil_mode`: a last window may hang over the edge. */
function ceilPool(x: tf.SymbolicTensor, name: string): tf.SymbolicTensor {
  const [height, width] = x.shape.slice(1, 3) as [number, number];
  const overhang = (size: number) => (size - 3) % 2;
  const [bottom, right] = [overhang(height), overhang(width)];
  if (bottom + right === 0) return maxPool(x, { name, size: 3, stride: 2 });
  // after a ReLU, padding a maximum with zeros equals padding with minus infinity
  const padding: [[number, number], [number, number]] = [
    [0, bottom],
    [0, right],
  ];
  return maxPool(pad(x, padding, `${name}.pad`), { name, size: 3, stride: 2 });
}
