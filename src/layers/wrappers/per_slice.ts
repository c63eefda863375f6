import * as tf from '@tensorflow/tfjs';
import { check } from '../../base/checks';
import { finiteNumber, optional } from '../../base/options';
import type { Shape } from '../../base/types';
import { oneShape, type LayerCall } from '../layer';
import { checkSlices } from '../support';
import { LAYER, Wrapper, type WrapperArgs } from './wrapper';

/**
 * Options of {@link PerSlice}.
 *
 * @inline
 */
export interface PerSliceArgs extends WrapperArgs {
  /**
   * A slice whose values all equal this is padding: it is masked in the layers above.
   * @defaultValue none: no masking
   */
  maskValue?: number;
}

/**
 * Runs a layer or a model on every slice of every patient at once, by folding the slices into the batch.
 *
 * Input `[batch, slices, ...rest]`, output `[batch, slices, ...out]` where the inner layer maps `[n, ...rest]` to
 * `[n, ...out]`. (`tf.layers.timeDistributed` runs one slice after the other.)
 *
 * @throws ArgumentError for an input without slices.
 * @example
 * ```ts
 * const features = new PerSlice({ layer: vgg16({ inputShape: [224, 224, 1] }) });
 * const y = features.apply(tf.zeros([1, 32, 224, 224, 1])) as tf.Tensor; // [1, 32, 512]
 * ```
 */
export class PerSlice extends Wrapper<PerSliceArgs> {
  static className = 'PerSlice';
  declare readonly maskValue: number | undefined;

  constructor(args: PerSliceArgs) {
    super(args, { layer: LAYER, maskValue: optional(finiteNumber) });
  }

  /** @internal */
  override run([x]: [tf.Tensor], { training }: LayerCall): tf.Tensor {
    check(x.rank >= 3, this.name, 'input [batch, slices, ...]', x);
    checkSlices(x, x.rank, this.name);
    const [batch, slices, ...rest] = x.shape as [number, number, ...number[]];
    // the mask is per slice, not for the input of the inner layer
    const out = this.runInner(tf.reshape(x, [batch * slices, ...rest]), { training });
    return tf.reshape(out, [batch, slices, ...out.shape.slice(1)]);
  }

  /** @internal */
  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [batch, slices] = oneShape(inputShape, this.name) as [number | null, number | null];
    return [batch, slices, ...this.innerOutputShape(inputShape).slice(1)];
  }

  /** @internal */
  override computeMask(inputs: tf.Tensor | tf.Tensor[], mask?: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const { maskValue } = this;
    if (maskValue === undefined) return super.computeMask(inputs, mask);
    return tf.tidy(() => {
      const x = Array.isArray(inputs) ? inputs[0]! : inputs;
      const [batch, slices] = x.shape as [number, number];
      return tf.any(tf.notEqual(tf.reshape(x, [batch, slices, -1]), maskValue), 2);
    });
  }

  protected override innerShape(inputShape: Shape | Shape[]): Shape {
    const [, , ...rest] = oneShape(inputShape, this.name);
    return [null, ...rest];
  }
}
tf.serialization.registerClass(PerSlice);
