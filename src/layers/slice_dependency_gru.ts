import * as tf from '@tensorflow/tfjs';
import { flag, oneOf, optional, positiveInteger } from '../base/options';
import type { LayerArgs, Shape, TorchLoadable, TorchParameter } from '../base/types';
import { gruRecurrence } from './recurrence/gru_recurrence';
import { CtLayer, oneShape, SEED, type LayerCall, type LayerRules } from './layer';
import {
  addDirectionWeights,
  directionTorchParameters,
  type DirectionWeights,
} from './recurrence/recurrent_weights';
import { applyLinear, checkSlices, featuresOfSlices } from './support';

/**
 * Options of {@link SliceDependencyGRU}.
 *
 * @inline
 */
export interface SliceDependencyGRUArgs extends LayerArgs {
  /** Width of the hidden state of one direction. */
  units: number;
  /**
   * Number of stacked layers.
   * @defaultValue 1
   */
  numLayers?: number;
  /**
   * Also run from the last slice to the first.
   * @defaultValue true
   */
  bidirectional?: boolean;
  /**
   * How the two directions are combined.
   * @defaultValue 'concat'
   */
  mergeMode?: 'concat' | 'sum';
  /**
   * Add each layer's input to its output, from the second layer on.
   * @defaultValue false
   */
  residual?: boolean;
  /** Seed of the initial weights; without one they differ each time. */
  seed?: number;
}

const RULES: LayerRules<SliceDependencyGRUArgs> = {
  units: positiveInteger,
  numLayers: optional(positiveInteger, 1),
  bidirectional: optional(flag, true),
  mergeMode: optional(oneOf(['concat', 'sum']), 'concat'),
  residual: optional(flag, false),
  seed: SEED,
};

const GATES = 3; // reset, update, new: PyTorch's order

/**
 * Slice dependency learning by a GRU over the slices of a patient, in the reset-after form of PyTorch and cuDNN.
 *
 * For each slice, with `r` and `z` the reset and update gates:
 *
 * ```
 * r = sigmoid(x Wr + br + h Ur + cr)    z = sigmoid(x Wz + bz + h Uz + cz)
 * n = tanh(x Wn + bn + r (h Un + cn))   h' = (1 - z) n + z h
 * ```
 *
 * `tf.layers.gru` applies the reset gate before the recurrent product, so PyTorch's weights give different results
 * there.
 *
 * Input `[batch, slices, features]`; output `[batch, slices, units * directions]` (`units` with `mergeMode: 'sum'`). A
 * mask `[batch, slices]` excludes padding in both directions: the backward one starts at each patient's own last slice.
 * Masked outputs are zero.
 *
 * @throws ArgumentError for options out of range, an input of another rank, or no slices.
 * @example
 * ```ts
 * const layer = new SliceDependencyGRU({ units: 256 });
 * const y = layer.apply(tf.randomNormal([1, 32, 512])) as tf.Tensor; // [1, 32, 512]
 * ```
 * @see Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", EMNLP 2014.
 */
export class SliceDependencyGRU extends CtLayer<SliceDependencyGRUArgs> implements TorchLoadable {
  static className = 'SliceDependencyGRU';
  declare readonly units: number;
  declare readonly numLayers: number;
  declare readonly bidirectional: boolean;
  declare readonly mergeMode: 'concat' | 'sum';
  declare readonly residual: boolean;
  /** `[layer][direction]` */
  private cells: DirectionWeights[][] = [];

  constructor(args: SliceDependencyGRUArgs) {
    super(args, RULES);
  }

  override build(inputShape: Shape | Shape[]): void {
    const features = featuresOfSlices(inputShape, this.name);
    for (let layer = 0; layer < this.numLayers; layer++) {
      const directions = this.bidirectional ? ['', 'backward_'] : [''];
      this.cells[layer] = directions.map((direction, d) =>
        addDirectionWeights(this, {
          prefix: `${direction}l${layer}_`,
          features: layer === 0 ? features : this.outputWidth,
          units: this.units,
          gates: GATES,
          n: 8 * layer + 4 * d,
        }),
      );
    }
    super.build(inputShape);
  }

  /** @internal */
  override run([x]: [tf.Tensor3D], { mask }: LayerCall): tf.Tensor {
    checkSlices(x, 3, this.name);
    return this.cells.reduce((y, directions, layer) => {
      const output = this.runLayer(y, directions, mask);
      return this.residual && layer > 0 ? tf.add(y, output) : output;
    }, x);
  }

  /** @internal */
  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return [...oneShape(inputShape, this.name).slice(0, 2), this.outputWidth];
  }

  /** @internal */
  override getConfig(): tf.serialization.ConfigDict {
    const { residual, ...config } = super.getConfig();
    return residual ? { ...config, residual } : config;
  }

  /** PyTorch's `nn.GRU` names: `weight_ih_l0`, `weight_hh_l0_reverse`, … */
  torchParameters(): TorchParameter[] {
    return this.cells.flatMap((directions, layer) =>
      directions.flatMap((weights, d) =>
        directionTorchParameters(weights, '', `l${layer}${d === 1 ? '_reverse' : ''}`),
      ),
    );
  }

  private get outputWidth(): number {
    return this.bidirectional && this.mergeMode === 'concat' ? 2 * this.units : this.units;
  }

  /** One layer over the slices. */
  private runLayer(
    x: tf.Tensor3D,
    directions: DirectionWeights[],
    mask: tf.Tensor2D | undefined,
  ): tf.Tensor3D {
    const [batch, slices] = x.shape;
    const states = gruRecurrence(
      directions.map(({ kernel, bias, recurrentKernel, recurrentBias }) => ({
        // for all steps at once, as one matrix product
        inputs: applyLinear(x, { kernel: kernel!, bias }),
        kernel: recurrentKernel.read(),
        bias: recurrentBias.read(),
      })),
      { mask },
    );
    if (this.mergeMode === 'concat') return states as tf.Tensor3D;
    return tf.sum(tf.reshape(states, [batch, slices, directions.length, this.units]), 2);
  }
}
tf.serialization.registerClass(SliceDependencyGRU);
