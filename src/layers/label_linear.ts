import * as tf from '@tensorflow/tfjs';
import { check, isPositiveInteger } from '../base/checks';
import type { LayerArgs, LayerVariable, Shape, TorchLoadable, TorchParameter } from '../base/types';
import { CtLayer, oneShape, SEED } from './layer';

/**
 * Options of {@link LabelLinear}.
 *
 * @inline
 */
export interface LabelLinearArgs extends LayerArgs {
  /** Seed of the initial weights; without one they differ each time. */
  seed?: number;
}

/**
 * One linear head per label: `logit[l] = x[l] . w[l] + b[l]`.
 *
 * Input `[..., labels, features]`, output `[..., labels]`. Masks are passed on.
 *
 * @throws ArgumentError for an input without fixed numbers of labels and features.
 * @example
 * ```ts
 * const logits = new LabelLinear({}).apply(tf.randomNormal([1, 32, 5, 128])); // [1, 32, 5]
 * ```
 */
export class LabelLinear extends CtLayer<LabelLinearArgs> implements TorchLoadable {
  static className = 'LabelLinear';
  private kernel!: LayerVariable;
  private bias!: LayerVariable;

  constructor(args: LabelLinearArgs = {}) {
    super(args, { seed: SEED });
  }

  override build(inputShape: Shape | Shape[]): void {
    const [labels, features] = oneShape(inputShape, this.name).slice(-2);
    const expected = 'input [..., labels, features] with both fixed';
    check(isPositiveInteger(labels) && isPositiveInteger(features), this.name, expected, inputShape);
    this.kernel = this.uniformWeight('kernel', [labels, features], features, 0);
    this.bias = this.uniformWeight('bias', [labels], features, 1);
    super.build(inputShape);
  }

  /** @internal */
  override run([x]: [tf.Tensor]): tf.Tensor {
    check(x.size > 0, this.name, 'at least one slice', x);
    return tf.add(tf.sum(tf.mul(x, this.kernel.read()), -1), this.bias.read());
  }

  /** @internal */
  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return oneShape(inputShape, this.name).slice(0, -1);
  }

  /** `weight` `[labels, features]` and `bias` `[labels]`, as for an `nn.Linear` with one row per label. */
  torchParameters(): TorchParameter[] {
    return [
      { name: 'weight', variable: this.kernel },
      { name: 'bias', variable: this.bias },
    ];
  }
}
tf.serialization.registerClass(LabelLinear);
