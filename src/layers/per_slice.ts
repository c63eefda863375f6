import * as tf from '@tensorflow/tfjs';
import { check } from '../base/errors';
import type { Kwargs, Shape } from '../base/types';
import { checkLayerArgs, checkSlices, oneShape, oneTensor, passMask } from './support';
import { Wrapper, type WrapperArgs } from './wrapper';

/** Options of {@link PerSlice}. */
export interface PerSliceArgs extends WrapperArgs {
  /**
   * A slice whose every value equals this is padding: it gets a mask that the layers above respect. None masks nothing.
   * @defaultValue none
   */
  maskValue?: number;
}

/**
 * Runs a layer or a model on every slice of every patient at once, by folding the slices into the batch.
 *
 * Input `[batch, slices, ...rest]`, output `[batch, slices, ...out]` where the inner layer maps `[n, ...rest]` to
 * `[n, ...out]`. (`tf.layers.timeDistributed` runs one slice after the other.)
 *
 * @throws {@link ArgumentError} for an input without slices.
 * @example
 * ```ts
 * const features = new PerSlice({ layer: vgg16({ inputShape: [224, 224, 1] }) });
 * const y = features.apply(tf.zeros([1, 32, 224, 224, 1])) as tf.Tensor; // [1, 32, 512]
 * ```
 */
export class PerSlice extends Wrapper {
  static className = 'PerSlice';
  readonly maskValue: number | undefined;

  constructor(args: PerSliceArgs) {
    super(args);
    checkLayerArgs(args, ['layer', 'maskValue'], 'PerSlice');
    const { maskValue } = args;
    check(
      maskValue == null || Number.isFinite(maskValue),
      'PerSlice: maskValue',
      'a finite number',
      maskValue,
    );
    this.maskValue = maskValue ?? undefined;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Kwargs): tf.Tensor {
    return tf.tidy(() => {
      const x = oneTensor(inputs, this.name);
      check(x.rank >= 3, this.name, 'input [batch, slices, ...]', x);
      checkSlices(x, x.rank, this.name);
      const [batch, slices, ...rest] = x.shape as [number, number, ...number[]];
      // the mask is of slices, not of what the inner layer sees
      const y = this.layer.call(tf.reshape(x, [batch * slices, ...rest]), { training: kwargs?.training });
      const out = oneTensor(y, this.name);
      return tf.reshape(out, [batch, slices, ...out.shape.slice(1)]);
    });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [batch, slices] = oneShape(inputShape, this.name) as [number | null, number | null];
    const out = this.layer.computeOutputShape(this.innerShape(inputShape)) as Shape | Shape[];
    return [batch, slices, ...oneShape(out, this.name).slice(1)];
  }

  override computeMask(inputs: tf.Tensor | tf.Tensor[], mask?: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const { maskValue } = this;
    if (maskValue === undefined) return passMask(mask);
    return tf.tidy(() => {
      const x = oneTensor(inputs, this.name);
      const [batch, slices] = x.shape as [number, number];
      return tf.any(tf.notEqual(tf.reshape(x, [batch, slices, -1]), maskValue), 2);
    });
  }

  /** The inner layer's class and configuration, and the mask value. */
  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...(this.maskValue === undefined ? {} : { maskValue: this.maskValue }) };
  }

  protected override innerShape(inputShape: Shape | Shape[]): Shape {
    const [, , ...rest] = oneShape(inputShape, this.name);
    return [null, ...rest];
  }
}
tf.serialization.registerClass(PerSlice);
