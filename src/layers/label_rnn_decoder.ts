import * as tf from '@tensorflow/tfjs';
import { check, isPositiveInteger } from '../base/checks';
import { flag, oneOf, optional, positiveInteger } from '../base/options';
import type { LayerArgs, LayerVariable, Shape, TorchLoadable, TorchParameter } from '../base/types';
import { gruRecurrence } from './recurrence/gru_recurrence';
import { CtLayer, oneShape, SEED, type LayerRules } from './layer';
import { lstmRecurrence } from './recurrence/lstm_recurrence';
import {
  addDirectionWeights,
  directionTorchParameters,
  type DirectionWeights,
} from './recurrence/recurrent_weights';
import { addLinear, applyLinear, type Linear } from './support';

/**
 * Options of {@link LabelRNNDecoder}.
 *
 * @inline
 */
export interface LabelRNNDecoderArgs extends LayerArgs {
  /** Number of labels, one step of the recurrence each. */
  labels: number;
  /**
   * Width of the hidden state of one direction.
   * @defaultValue 128
   */
  units?: number;
  /**
   * The recurrent cell, in PyTorch's form.
   * @defaultValue 'lstm'
   */
  cell?: 'lstm' | 'gru';
  /**
   * Also step from the last label to the first, from the same initial state.
   * @defaultValue false
   */
  bidirectional?: boolean;
  /**
   * Return each label's hidden state instead of its logit.
   * @defaultValue false
   */
  returnFeatures?: boolean;
  /** Seed of the initial weights; without one they differ each time. */
  seed?: number;
}

const RULES: LayerRules<LabelRNNDecoderArgs> = {
  labels: positiveInteger,
  units: optional(positiveInteger, 128),
  cell: optional(oneOf(['lstm', 'gru']), 'lstm'),
  bidirectional: optional(flag, false),
  returnFeatures: optional(flag, false),
  seed: SEED,
};

/**
 * Label decoder (LRNN): a recurrence that takes one step per label, so that a label's score depends on the labels
 * before it.
 *
 * The feature sets the initial state, `h0 = x W + b`; `c0` and every input are zero; step `l` gives the hidden state of
 * label `l`, and a scalar head shared by the steps gives its logit. Since the input is zero there is no input kernel.
 *
 * Input `[..., features]` with any leading axes; output logits `[..., labels]`, or `[..., labels, units * directions]`
 * with `returnFeatures`. Masks are passed on.
 *
 * @throws ArgumentError for options out of range or an empty input.
 * @example
 * ```ts
 * const decoder = new LabelRNNDecoder({ labels: 5 });
 * const logits = decoder.apply(tf.randomNormal([1, 32, 512])) as tf.Tensor; // [1, 32, 5]
 * ```
 * @see Wang et al., "CNN-RNN: A Unified Framework for Multi-label Image Classification", CVPR 2016.
 */
export class LabelRNNDecoder extends CtLayer<LabelRNNDecoderArgs> implements TorchLoadable {
  static className = 'LabelRNNDecoder';
  declare readonly labels: number;
  declare readonly units: number;
  declare readonly cell: 'lstm' | 'gru';
  declare readonly bidirectional: boolean;
  declare readonly returnFeatures: boolean;
  private initial!: Linear;
  private directions: DirectionWeights[] = [];
  private head: Linear | undefined;

  constructor(args: LabelRNNDecoderArgs) {
    super(args, RULES);
  }

  override build(inputShape: Shape | Shape[]): void {
    const shape = oneShape(inputShape, this.name);
    const features = shape.at(-1);
    check(shape.length >= 2, this.name, 'input [..., features]', shape);
    check(isPositiveInteger(features), this.name, 'a fixed number of features', shape);
    const { units } = this;
    this.initial = addLinear(this, { prefix: 'initial_', inputs: features, outputs: units });
    this.directions = (this.bidirectional ? ['', 'backward_'] : ['']).map((prefix, d) =>
      addDirectionWeights(this, {
        prefix,
        units,
        gates: this.cell === 'lstm' ? 4 : 3,
        n: 2 + 4 * d,
      }),
    );
    if (!this.returnFeatures) {
      this.head = addLinear(this, { prefix: 'head_', inputs: this.hiddenWidth, outputs: 1, n: 10 });
    }
    super.build(inputShape);
  }

  /** @internal */
  override run([x]: [tf.Tensor]): tf.Tensor {
    check(x.size > 0, this.name, 'at least one slice', x);
    const leading = x.shape.slice(0, -1);
    const hidden = this.hiddenStates(tf.reshape(x, [-1, x.shape.at(-1)!]));
    if (!this.head) return tf.reshape(hidden, [...leading, this.labels, this.hiddenWidth]);
    return tf.reshape(applyLinear(hidden, this.head), [...leading, this.labels]);
  }

  /** @internal */
  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const leading = oneShape(inputShape, this.name).slice(0, -1);
    return this.returnFeatures ? [...leading, this.labels, this.hiddenWidth] : [...leading, this.labels];
  }

  /** Names `init.*` (feature to h0), `lstm.*` or `gru.*`, and `out.*` (the shared head). */
  torchParameters(): TorchParameter[] {
    const out = (name: string, variable?: LayerVariable, permute?: number[]): TorchParameter => ({
      name: `out.${name}`,
      variable,
      permute,
    });
    return [
      { name: 'init.weight', variable: this.initial.kernel, permute: [1, 0] },
      { name: 'init.bias', variable: this.initial.bias },
      ...this.directions.flatMap((weights, d) =>
        directionTorchParameters(weights, `${this.cell}.`, d === 1 ? 'l0_reverse' : 'l0'),
      ),
      out('weight', this.head?.kernel, [1, 0]),
      out('bias', this.head?.bias),
    ];
  }

  private get hiddenWidth(): number {
    return this.bidirectional ? 2 * this.units : this.units;
  }

  /** Features [n, features] to the hidden state of each label [n, labels, units * directions]. */
  private hiddenStates(x: tf.Tensor): tf.Tensor {
    const h0 = applyLinear(x, this.initial);
    return this.cell === 'lstm' ? this.lstmStates(h0) : this.gruStates(h0);
  }

  private lstmStates(h0: tf.Tensor): tf.Tensor {
    const directions = this.directions.map(({ recurrentKernel, bias, recurrentBias }) => ({
      kernel: recurrentKernel.read(),
      bias: tf.add(bias.read(), recurrentBias.read()),
    }));
    return lstmRecurrence(directions, h0, this.labels);
  }

  private gruStates(h0: tf.Tensor): tf.Tensor {
    const shape = [h0.shape[0]!, this.labels, 3 * this.units];
    const directions = this.directions.map(({ recurrentKernel, bias, recurrentBias }) => ({
      inputs: tf.broadcastTo(bias.read(), shape), // the projection of a zero input
      kernel: recurrentKernel.read(),
      bias: recurrentBias.read(),
    }));
    return gruRecurrence(directions, { initial: h0 });
  }
}
tf.serialization.registerClass(LabelRNNDecoder);
