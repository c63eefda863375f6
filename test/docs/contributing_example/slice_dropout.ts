import * as tf from '@tensorflow/tfjs';
import { check } from '../../../src/base/errors';
import {
  checkLayerArgs,
  checkSlices,
  nthSeed,
  oneShape,
  oneTensor,
  passMask,
} from '../../../src/layers/support';
import type { Kwargs, LayerArgs, Shape } from '../../../src/base/types';

/** Options of {@link SliceDropout}. */
export interface SliceDropoutArgs extends LayerArgs {
  /** Share of the slices that are dropped while training, in [0, 1). */
  rate: number;
  /** Seed of the draws; none draws new ones each time. */
  seed?: number;
}

/**
 * Drops whole slices while training, so that what is above does not rely on any single one.
 *
 * `y[s] = x[s] / (1 - rate)` for a slice that is kept, 0 for one that is dropped; `y = x` outside training.
 *
 * Input and output `[batch, slices, ...rest]`. A mask passes through: dropped slices are still slices of the patient.
 *
 * @throws {@link ArgumentError} for a rate out of range or an input without slices.
 * @example
 * ```ts
 * const y = new SliceDropout({ rate: 0.1 }).apply(features, { training: true }); // [1, 32, 512]
 * ```
 */
export class SliceDropout extends tf.layers.Layer {
  static className = 'SliceDropout';
  readonly rate: number;
  private readonly seed: number | undefined;
  private calls = 0;

  constructor(args: SliceDropoutArgs) {
    super(args);
    checkLayerArgs(args, ['rate', 'seed'], 'SliceDropout');
    const { rate, seed } = args;
    check(rate >= 0 && rate < 1, 'SliceDropout: rate', 'a number in [0, 1)', rate);
    this.rate = rate;
    this.seed = seed ?? undefined;
    this.supportsMasking = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[], kwargs: Kwargs): tf.Tensor {
    return tf.tidy(() => {
      const x = oneTensor(inputs, this.name);
      checkSlices(x, x.rank, this.name);
      if (!kwargs?.training || this.rate === 0) return x.clone();
      // one number a slice: what is dropped is a slice, not single features
      const shape = [...x.shape.slice(0, 2), ...x.shape.slice(2).map(() => 1)];
      const drawn = tf.randomUniform(shape, 0, 1, 'float32', nthSeed(this.seed, this.calls++));
      const kept = tf.cast(tf.greaterEqual(drawn, this.rate), 'float32');
      return tf.mul(x, tf.div(kept, 1 - this.rate));
    });
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return oneShape(inputShape, this.name);
  }

  override computeMask(_inputs: tf.Tensor | tf.Tensor[], mask?: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return passMask(mask);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { rate, seed } = this;
    return { ...super.getConfig(), rate, ...(seed === undefined ? {} : { seed }) };
  }
}
tf.serialization.registerClass(SliceDropout);
