import * as tf from '@tensorflow/tfjs';
import { oneOf, optional, positiveInteger } from '../base/options';
import type { LayerArgs, LayerVariable, Shape, TorchLoadable, TorchParameter } from '../base/types';
import { ACTIVATIONS, activate, type Activation } from './activation';
import { CtLayer, oneShape, SEED, type LayerCall, type LayerRules } from './layer';
import { checkSlices, featuresOfSlices } from './support';

/**
 * Options of {@link SliceConv1D}.
 *
 * @inline
 */
export interface SliceConv1DArgs extends LayerArgs {
  /** Width of the output. */
  filters: number;
  /**
   * Number of slices a filter covers.
   * @defaultValue 5
   */
  kernelSize?: number;
  /**
   * Applied to the output.
   * @defaultValue 'linear'
   */
  activation?: Activation;
  /** Seed of the initial weights; without one they differ each time. */
  seed?: number;
}

const RULES: LayerRules<SliceConv1DArgs> = {
  filters: positiveInteger,
  kernelSize: optional(positiveInteger, 5),
  activation: optional(oneOf(ACTIVATIONS), 'linear'),
  seed: SEED,
};

/**
 * Slice dependency learning by a 1-D convolution over the slices of a patient, same padding.
 *
 * `y[s] = activation(sum_k x[s + k - floor((kernelSize - 1) / 2)] W[k] + b)`, slices outside the stack being zero.
 *
 * Input `[batch, slices, features]`, output `[batch, slices, filters]`. With a mask `[batch, slices]`, padding slices
 * count as zero input, as if the stack ended there.
 *
 * @throws ArgumentError for options out of range, an input of another rank, or no slices.
 * @example
 * ```ts
 * const layer = new SliceConv1D({ filters: 512 });
 * const y = layer.apply(tf.randomNormal([1, 32, 512])) as tf.Tensor; // [1, 32, 512]
 * ```
 */
export class SliceConv1D extends CtLayer<SliceConv1DArgs> implements TorchLoadable {
  static className = 'SliceConv1D';
  declare readonly filters: number;
  declare readonly kernelSize: number;
  declare readonly activation: Activation;
  private kernel!: LayerVariable;
  private bias!: LayerVariable;

  constructor(args: SliceConv1DArgs) {
    super(args, RULES);
  }

  override build(inputShape: Shape | Shape[]): void {
    const features = featuresOfSlices(inputShape, this.name);
    const fanIn = features * this.kernelSize;
    this.kernel = this.uniformWeight('kernel', [this.kernelSize, features, this.filters], fanIn, 0);
    this.bias = this.uniformWeight('bias', [this.filters], fanIn, 1);
    super.build(inputShape);
  }

  /** @internal */
  override run([x]: [tf.Tensor], { mask }: LayerCall): tf.Tensor {
    checkSlices(x, 3, this.name);
    const input = mask ? tf.mul(x, tf.expandDims(mask, 2)) : x;
    const y = tf.conv1d(input as tf.Tensor3D, this.kernel.read() as tf.Tensor3D, 1, 'same');
    return activate(tf.add(y, this.bias.read()), this.activation);
  }

  /** @internal */
  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return [...oneShape(inputShape, this.name).slice(0, 2), this.filters];
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
