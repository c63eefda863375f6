import * as tf from '@tensorflow/tfjs';
import { check } from '../../base/checks';
import type { Shape } from '../../base/types';
import { oneShape, type LayerCall } from '../layer';
import { LAYER, Wrapper, type WrapperArgs } from './wrapper';

/**
 * Runs a slice layer on each label's features separately, with one set of weights for all labels.
 *
 * Input `[batch, slices, labels, features]`, output `[batch, slices, labels, out]` where the inner layer maps
 * `[n, slices, features]` to `[n, slices, out]`. A mask `[batch, slices]` applies to every label.
 *
 * @throws ArgumentError for an input of another rank or no slices.
 * @example
 * ```ts
 * const layer = new PerLabel({ layer: new SliceDependencyGRU({ units: 64 }) });
 * const y = layer.apply(tf.randomNormal([1, 32, 5, 128])) as tf.Tensor; // [1, 32, 5, 128]
 * ```
 */
export class PerLabel extends Wrapper {
  static className = 'PerLabel';

  constructor(args: WrapperArgs) {
    super(args, { layer: LAYER });
  }

  /** @internal */
  override run([x]: [tf.Tensor], { mask, training }: LayerCall): tf.Tensor {
    check(x.rank === 4 && x.size > 0, this.name, 'input [batch, slices, labels, features] with slices', x);
    const [batch, slices, labels, features] = x.shape as [number, number, number, number];
    const folded = tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch * labels, slices, features]);
    const repeated = mask && tf.tile(tf.expandDims(mask, 1), [1, labels, 1]);
    const foldedMask = repeated && (tf.reshape(repeated, [batch * labels, slices]) as tf.Tensor2D);
    const out = this.runInner(folded, { training, mask: foldedMask });
    return tf.transpose(tf.reshape(out, [batch, labels, slices, out.shape[2]!]), [0, 2, 1, 3]);
  }

  /** @internal */
  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return [...oneShape(inputShape, this.name).slice(0, 3), this.innerOutputShape(inputShape)[2]!];
  }

  protected override innerShape(inputShape: Shape | Shape[]): Shape {
    const [batch, slices, , features] = oneShape(inputShape, this.name) as [
      Shape[0],
      Shape[0],
      Shape[0],
      Shape[0],
    ];
    return [batch, slices, features];
  }
}
tf.serialization.registerClass(PerLabel);
