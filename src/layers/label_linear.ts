import * as tf from '@tensorflow/tfjs';
import { check, isPositiveInteger } from '../base/errors';
import type { LayerArgs, LayerVariable, Shape } from '../base/types';
import { checkLayerArgs, nthSeed, oneShape, oneTensor, passMask, uniformInitializer } from './support';

/** Options of {@link LabelLinear}. */
export interface LabelLinearArgs extends LayerArgs {
  /** Seed of the initial weights; none draws new ones each time. */
  seed?: number;
}

/**
 * One linear head per label: `logit[l] = x[l] . w[l] + b[l]`.
 *
 * Input `[..., labels, features]`, output `[..., labels]`. A mask passes through.
 *
 * @throws {@link ArgumentError} for an input without fixed numbers of labels and features.
 * @example
 * ```ts
 * const logits = new LabelLinear({}).apply(tf.randomNormal([1, 32, 5, 128])); // [1, 32, 5]
 * ```
 */
export class LabelLinear extends tf.layers.Layer {
  static className = 'LabelLinear';
  private readonly seed: number | undefined;
  private kernel!: LayerVariable;
  private bias!: LayerVariable;

  constructor(args: LabelLinearArgs = {}) {
    super(args);
    checkLayerArgs(args, ['seed'], 'LabelLinear');
    this.seed = args.seed ?? undefined;
    this.supportsMasking = true;
  }

  override build(inputShape: Shape | Shape[]): void {
    const [labels, features] = oneShape(inputShape, this.name).slice(-2);
    check(
      isPositiveInteger(labels) && isPositiveInteger(features),
      this.name,
      'input [..., labels, features] with both fixed',
      inputShape,
    );
    const add = (name: string, shape: number[], n: number) =>
      this.addWeight(
        name,
        shape,
        'float32',
        uniformInitializer(features, nthSeed(this.seed, n)),
        undefined,
        true,
      );
    this.kernel = add('kernel', [labels, features], 0);
    this.bias = add('bias', [labels], 1);
    super.build(inputShape);
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = oneTensor(inputs, this.name);
      check(x.size > 0, this.name, 'at least one slice', x);
      return tf.add(tf.sum(tf.mul(x, this.kernel.read()), -1), this.bias.read());
    });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return oneShape(inputShape, this.name).slice(0, -1);
  }

  override computeMask(_inputs: tf.Tensor | tf.Tensor[], mask?: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return passMask(mask);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...(this.seed === undefined ? {} : { seed: this.seed }) };
  }
}
tf.serialization.registerClass(LabelLinear);
