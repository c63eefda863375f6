import * as tf from '@tensorflow/tfjs';
import { check, checkOneOf, isPositiveInteger } from '../base/errors';
import type { Kwargs, LayerArgs, LayerVariable, Shape, TorchLoadable, TorchParameter } from '../base/types';
import { ACTIVATIONS, activate, type Activation } from './activation';
import {
  checkLayerArgs,
  checkSlices,
  featuresOfSlices,
  nthSeed,
  oneShape,
  oneTensor,
  passMask,
  sliceMask,
  uniformInitializer,
} from './support';

/** Options of {@link SliceConv1D}. */
export interface SliceConv1DArgs extends LayerArgs {
  /** Width of the output. */
  filters: number;
  /**
   * Slices a filter sees.
   * @defaultValue `5`
   */
  kernelSize?: number;
  /**
   * Applied to the output.
   * @defaultValue `'linear'`
   */
  activation?: Activation;
  /** Seed of the initial weights; none draws new ones each time. */
  seed?: number;
}

/**
 * Slice dependency learning by a 1-D convolution over the slices of a patient, same padding.
 *
 * `y[s] = activation(sum_k x[s + k - floor((kernelSize - 1) / 2)] W[k] + b)`, slices outside the stack being zero.
 *
 * Input `[batch, slices, features]`, output `[batch, slices, filters]`. With a mask `[batch, slices]` padding slices count
 * as zero input, as if the stack ended there.
 *
 * @throws {@link ArgumentError} for options out of range, an input of another rank, or no slices.
 * @example
 * ```ts
 * const layer = new SliceConv1D({ filters: 512 });
 * const y = layer.apply(tf.randomNormal([1, 32, 512])) as tf.Tensor; // [1, 32, 512]
 * ```
 */
export class SliceConv1D extends tf.layers.Layer implements TorchLoadable {
  static className = 'SliceConv1D';
  readonly filters: number;
  readonly kernelSize: number;
  readonly activation: Activation;
  private readonly seed: number | undefined;
  private kernel!: LayerVariable;
  private bias!: LayerVariable;

  constructor(args: SliceConv1DArgs) {
    super(args);
    checkLayerArgs(args, ['filters', 'kernelSize', 'activation', 'seed'], 'SliceConv1D');
    const { filters, kernelSize = 5, activation = 'linear', seed } = args;
    check(isPositiveInteger(filters), 'SliceConv1D: filters', 'a positive integer', filters);
    check(isPositiveInteger(kernelSize), 'SliceConv1D: kernelSize', 'a positive integer', kernelSize);
    checkOneOf(activation, ACTIVATIONS, 'SliceConv1D: activation');
    this.filters = filters;
    this.kernelSize = kernelSize;
    this.activation = activation;
    this.seed = seed ?? undefined;
    this.supportsMasking = true;
  }

  override build(inputShape: Shape | Shape[]): void {
    const features = featuresOfSlices(inputShape, this.name);
    const fanIn = features * this.kernelSize;
    const add = (name: string, size: number[], n: number) =>
      this.addWeight(
        name,
        size,
        'float32',
        uniformInitializer(fanIn, nthSeed(this.seed, n)),
        undefined,
        true,
      );
    this.kernel = add('kernel', [this.kernelSize, features, this.filters], 0);
    this.bias = add('bias', [this.filters], 1);
    super.build(inputShape);
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Kwargs): tf.Tensor {
    return tf.tidy(() => {
      const x = oneTensor(inputs, this.name) as tf.Tensor3D;
      checkSlices(x, 3, this.name);
      const mask = sliceMask(kwargs);
      const input = mask ? tf.mul(x, tf.expandDims(mask, 2)) : x;
      const y = tf.conv1d(input as tf.Tensor3D, this.kernel.read() as tf.Tensor3D, 1, 'same');
      return activate(tf.add(y, this.bias.read()), this.activation);
    });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return [...oneShape(inputShape, this.name).slice(0, 2), this.filters];
  }

  override computeMask(_inputs: tf.Tensor | tf.Tensor[], mask?: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return passMask(mask);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      ...super.getConfig(),
      filters: this.filters,
      kernelSize: this.kernelSize,
      activation: this.activation,
      ...(this.seed === undefined ? {} : { seed: this.seed }),
    };
  }

  /** PyTorch's `nn.Conv1d` names: `weight` `[out, in, kernel]` and `bias`. */
  torchParameters(): TorchParameter[] {
    return [
      { name: 'weight', variable: this.kernel, permute: [2, 1, 0] },
      { name: 'bias', variable: this.bias },
    ];
  }
}
tf.serialization.registerClass(SliceConv1D);
