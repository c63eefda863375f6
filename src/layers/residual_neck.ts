import * as tf from '@tensorflow/tfjs';
import { check, isPositiveInteger } from '../base/checks';
import { oneOf, optional } from '../base/options';
import type { LayerArgs, Shape, TorchLoadable, TorchParameter } from '../base/types';
import { ACTIVATIONS, activate, type Activation } from './activation';
import { CtLayer, SEED, type LayerRules } from './layer';
import { addLinear, applyLinear, type Linear } from './support';

/**
 * Options of {@link ResidualNeck}.
 *
 * @inline
 */
export interface ResidualNeckArgs extends LayerArgs {
  /**
   * Add the slice features to the CNN's, or concatenate them.
   * @defaultValue 'add'
   */
  mode?: 'add' | 'concat';
  /**
   * Applied to the sum or the concatenation.
   * @defaultValue 'relu'
   */
  activation?: Activation;
  /** Seed of the initial weights of the projection; without one they differ each time. */
  seed?: number;
}

const RULES: LayerRules<ResidualNeckArgs> = {
  mode: optional(oneOf(['add', 'concat']), 'add'),
  activation: optional(oneOf(ACTIVATIONS), 'relu'),
  seed: SEED,
};

/**
 * The residual neck: combines the CNN's features with those of the slice layer, so that gradients reach the CNN
 * directly.
 *
 * `add`: `y = activation(cnn + slice P + b)`, with the projection `P, b` only if widths differ; `concat`:
 * `y = activation([cnn, slice])`.
 *
 * Inputs `[cnnFeatures, sliceFeatures]`, `[..., f]` and `[..., g]` with equal leading axes; output `[..., f]` or
 * `[..., f + g]`. Masks are passed on.
 *
 * @throws ArgumentError for options out of range or inputs that are not two of equal leading axes.
 * @example
 * ```ts
 * const y = new ResidualNeck({}).apply([tf.ones([1, 32, 512]), tf.ones([1, 32, 512])]); // [1, 32, 512]
 * ```
 * @see He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
 */
export class ResidualNeck extends CtLayer<ResidualNeckArgs> implements TorchLoadable {
  static className = 'ResidualNeck';
  declare readonly mode: 'add' | 'concat';
  declare readonly activation: Activation;
  private projection: Linear | undefined;

  constructor(args: ResidualNeckArgs = {}) {
    super(args, RULES, 2);
  }

  override build(inputShape: Shape | Shape[]): void {
    const [cnn, slice] = this.widths(inputShape);
    if (this.mode === 'add' && cnn !== slice) {
      this.projection = addLinear(this, { inputs: slice, outputs: cnn });
    }
    super.build(inputShape);
  }

  /** @internal */
  override run([cnn, slice]: [tf.Tensor, tf.Tensor]): tf.Tensor {
    check(cnn.size > 0, this.name, 'at least one slice', cnn);
    const leading = (x: tf.Tensor) => x.shape.slice(0, -1).join();
    const shapes = [cnn.shape, slice.shape];
    check(leading(cnn) === leading(slice), this.name, 'inputs of equal leading axes', shapes);
    if (this.mode === 'concat') return activate(tf.concat([cnn, slice], -1), this.activation);
    const projected = this.projection ? applyLinear(slice, this.projection) : slice;
    return activate(tf.add(cnn, projected), this.activation);
  }

  /** @internal */
  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [cnn, slice] = this.widths(inputShape);
    const leading = (inputShape as Shape[])[0]!.slice(0, -1);
    return [...leading, this.mode === 'concat' ? cnn + slice : cnn];
  }

  /** The projection as an `nn.Linear`: `weight` `[out, in]` and `bias`; none if widths are equal. */
  torchParameters(): TorchParameter[] {
    if (!this.projection) return [];
    return [
      { name: 'weight', variable: this.projection.kernel, permute: [1, 0] },
      { name: 'bias', variable: this.projection.bias },
    ];
  }

  private widths(inputShape: Shape | Shape[]): [number, number] {
    const ok = Array.isArray(inputShape[0]) && inputShape.length === 2;
    check(ok, this.name, 'two inputs, [cnn, slice] features', inputShape);
    const widths = (inputShape as Shape[]).map((shape) => shape.at(-1));
    const fixed = widths.every(isPositiveInteger);
    check(fixed, this.name, 'a fixed number of features in both inputs', inputShape);
    return widths as [number, number];
  }
}
tf.serialization.registerClass(ResidualNeck);
