import * as tf from '@tensorflow/tfjs';
import { check, isPositiveInteger } from '../base/checks';
import { finiteNumber, flag, isTuple, optional, rule, type Resolved, type Rules } from '../base/options';
import { FusedBatchNorm } from '../layers/fused/fused_batch_norm';
import { FusedConv2D } from '../layers/fused/fused_conv2d';
import { deriveSeed } from '../base/random';
import { GrayToRgb, ImageNetNormalization } from '../layers/input_layers';
import '../kernels/max_pool/plain';

/**
 * Options all backbones share.
 *
 * @inline
 */
export interface BackboneOptions {
  /** Shape of one slice, `[height, width, channels]`. One channel is repeated to three inside. */
  inputShape: [height: number, width: number, channels: number];
  /**
   * Normalise by ImageNet's mean and standard deviation inside the model, for images in 0..1 and weights trained on
   * ImageNet.
   * @defaultValue false
   */
  normalize?: boolean;
  /** Seed of the initial weights; without one they differ each time. */
  seed?: number;
}

/** Smallest height and width with at least one pixel left before the mean over space. */
const MIN_SIZE = 32;

const INPUT_SHAPE = rule<BackboneOptions['inputShape']>(
  `[height, width, channels], positive integers, height and width of at least ${MIN_SIZE}`,
  (shape) => isTuple<number>(shape, 3, isPositiveInteger) && Math.min(shape[0]!, shape[1]!) >= MIN_SIZE,
);

/** Rules of the options that all backbones share. */
export const BACKBONE_RULES = {
  inputShape: INPUT_SHAPE,
  normalize: optional(flag, false),
  seed: optional(finiteNumber),
} satisfies Rules<BackboneOptions>;

/** The input of a backbone and the layers between it and the first convolution. */
export function backboneInput(
  what: string,
  { inputShape, normalize }: Resolved<BackboneOptions, typeof BACKBONE_RULES>,
): [input: tf.SymbolicTensor, x: tf.SymbolicTensor] {
  const [, , channels] = inputShape;
  check(!normalize || channels === 1 || channels === 3, `${what}: normalize`, '1 or 3 channels', inputShape);
  const input = tf.input({ shape: inputShape });
  let x = input;
  if (channels === 1) x = new GrayToRgb({ name: 'gray_to_rgb' }).apply(x) as tf.SymbolicTensor;
  if (normalize) x = new ImageNetNormalization({ name: 'normalize' }).apply(x) as tf.SymbolicTensor;
  return [input, x];
}

/** A convolution as PyTorch's `nn.Conv2d`: symmetric zero padding; `name` is the module's in the state dict. */
export function conv(
  x: tf.SymbolicTensor,
  options: {
    name: string;
    filters: number;
    kernelSize: number;
    stride?: number;
    padding?: number;
    bias?: boolean;
    relu?: boolean;
    seed?: number | undefined;
  },
): tf.SymbolicTensor {
  const { name, filters, kernelSize, stride = 1, padding = 0, bias = true, relu = false, seed } = options;
  // tfjs pads 'same' like PyTorch only at stride 1; elsewhere it favours the bottom right
  const same = stride === 1 && padding * 2 === kernelSize - 1;
  const padded = same || padding === 0 ? x : pad(x, padding, `${name}.pad`);
  return new FusedConv2D({
    name,
    filters,
    kernelSize,
    strides: stride,
    padding: same ? 'same' : 'valid',
    useBias: bias,
    activation: relu ? 'relu' : 'linear',
    kernelInitializer: tf.initializers.heNormal({ seed: seedOf(name, seed) }),
  }).apply(padded) as tf.SymbolicTensor;
}

/** A depthwise convolution, as PyTorch's `nn.Conv2d` with as many groups as channels, without a bias. */
export function depthwiseConv(
  x: tf.SymbolicTensor,
  options: { name: string; kernelSize: number; stride: number; padding: number; seed: number | undefined },
): tf.SymbolicTensor {
  const { name, kernelSize, stride, padding, seed } = options;
  const same = stride === 1 && padding * 2 === kernelSize - 1;
  // He initialisation; tfjs's own initialiser would count every channel as an input of each output, which has one
  const limit = Math.sqrt(6) / kernelSize;
  const layer = tf.layers.depthwiseConv2d({
    name,
    kernelSize,
    strides: stride,
    padding: same ? 'same' : 'valid',
    useBias: false,
    depthwiseInitializer: tf.initializers.randomUniform({
      minval: -limit,
      maxval: limit,
      seed: seedOf(name, seed),
    }),
  });
  return layer.apply(same ? x : pad(x, padding, `${name}.pad`)) as tf.SymbolicTensor;
}

/** The seed of a layer's weights. */
const seedOf = (name: string, seed: number | undefined): number | undefined =>
  seed === undefined ? undefined : deriveSeed(seed, name);

/** Batch normalisation with PyTorch's constants (its momentum 0.1 is tfjs's 0.9). */
export function batchNorm(x: tf.SymbolicTensor, name: string): tf.SymbolicTensor {
  return new FusedBatchNorm({ name, epsilon: 1e-5, momentum: 0.9 }).apply(x) as tf.SymbolicTensor;
}

export function relu(x: tf.SymbolicTensor, name: string): tf.SymbolicTensor {
  return tf.layers.reLU({ name }).apply(x) as tf.SymbolicTensor;
}

/** `min(max(x, 0), 6)`. */
export function relu6(x: tf.SymbolicTensor, name: string): tf.SymbolicTensor {
  return tf.layers.reLU({ name, maxValue: 6 }).apply(x) as tf.SymbolicTensor;
}

export function add(x: tf.SymbolicTensor, y: tf.SymbolicTensor, name: string): tf.SymbolicTensor {
  return tf.layers.add({ name }).apply([x, y]) as tf.SymbolicTensor;
}

/** Zero padding, the same on all sides or `[[top, bottom], [left, right]]`. */
export function pad(
  x: tf.SymbolicTensor,
  padding: number | [[number, number], [number, number]],
  name: string,
): tf.SymbolicTensor {
  return tf.layers.zeroPadding2d({ name, padding }).apply(x) as tf.SymbolicTensor;
}

export function maxPool(
  x: tf.SymbolicTensor,
  options: { name: string; size: number; stride: number },
): tf.SymbolicTensor {
  const { name, size, stride } = options;
  return tf.layers
    .maxPooling2d({ name, poolSize: size, strides: stride, padding: 'valid' })
    .apply(x) as tf.SymbolicTensor;
}

/** Mean over space, and the model around it. */
export function featureModel(input: tf.SymbolicTensor, x: tf.SymbolicTensor, name: string): tf.LayersModel {
  const features = tf.layers
    .globalAveragePooling2d({ name: 'mean_over_space' })
    .apply(x) as tf.SymbolicTensor;
  return tf.model({ inputs: input, outputs: features, name });
}
