import * as tf from '@tensorflow/tfjs';
import { rule } from '../../../src/base/options';
import { CtLayer, SEED, type LayerCall } from '../../../src/layers/layer';
import { checkSlices } from '../../../src/layers/support';
import type { LayerArgs } from '../../../src/base/types';

/** Options of {@link SliceDropout}. */
export interface SliceDropoutArgs extends LayerArgs {
  /** Share of the slices that are dropped during training, in [0, 1). */
  rate: number;
  /** Seed of the draws; without one they differ each time. */
  seed?: number;
}

const RATE = rule<number>('a number in [0, 1)', (rate) => typeof rate === 'number' && rate >= 0 && rate < 1);

/**
 * Drops whole slices during training, so that later layers do not rely on any single one.
 *
 * `y[s] = x[s] / (1 - rate)` for a slice that is kept, 0 for a dropped one; `y = x` outside training.
 *
 * Input and output `[batch, slices, ...rest]`. Masks are passed on: dropped slices are still slices of the patient.
 *
 * @throws {@link ArgumentError} for a rate out of range or an input without slices.
 * @example
 * ```ts
 * const y = new SliceDropout({ rate: 0.1 }).apply(features, { training: true }); // [1, 32, 512]
 * ```
 */
export class SliceDropout extends CtLayer<SliceDropoutArgs> {
  static className = 'SliceDropout';
  declare readonly rate: number;
  private calls = 0;

  constructor(args: SliceDropoutArgs) {
    super(args, { rate: RATE, seed: SEED });
  }

  override run([x]: [tf.Tensor], { training }: LayerCall): tf.Tensor {
    checkSlices(x, x.rank, this.name);
    if (!training || this.rate === 0) return x.clone();
    // one number per slice: whole slices are dropped, not single features
    const shape = [...x.shape.slice(0, 2), ...x.shape.slice(2).map(() => 1)];
    const drawn = tf.randomUniform(shape, 0, 1, 'float32', this.nthSeed(this.calls++));
    const kept = tf.cast(tf.greaterEqual(drawn, this.rate), 'float32');
    return tf.mul(x, tf.div(kept, 1 - this.rate));
  }
}
tf.serialization.registerClass(SliceDropout);
