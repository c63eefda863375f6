import * as tf from '@tensorflow/tfjs';
import type { LayerArgs, Shape } from '../base/types';
import { CtLayer, oneShape, type LayerCall } from './layer';
import { checkSlices, featuresOfSlices } from './support';

/**
 * Concatenates each slice's features with their differences from the slice before and the slice after.
 *
 * `y[s] = [x[s], x[s] - x[s - 1], x[s] - x[s + 1]]`; where there is no such slice, at the ends of the stack and next to
 * padding, the difference is zero.
 *
 * Input `[batch, slices, features]`, output `[batch, slices, 3 * features]`. A mask `[batch, slices]` is passed on.
 *
 * @throws ArgumentError for an input of another rank, or no slices.
 * @example
 * ```ts
 * const y = new SliceDifferences({}).apply(tf.randomNormal([1, 32, 512])) as tf.Tensor; // [1, 32, 1536]
 * ```
 * @see D. Hanley and J. Lahiri, second place of the RSNA Intracranial Hemorrhage Detection challenge, 2019, whose
 * sequence model saw a slice's embedding and its differences to its neighbours'.
 */
export class SliceDifferences extends CtLayer {
  static className = 'SliceDifferences';

  constructor(args: LayerArgs = {}) {
    super(args, {});
  }

  override build(inputShape: Shape | Shape[]): void {
    featuresOfSlices(inputShape, this.name);
    super.build(inputShape);
  }

  /** @internal */
  override run([x]: [tf.Tensor3D], { mask }: LayerCall): tf.Tensor {
    checkSlices(x, 3, this.name);
    const before = neighbour(x, mask, -1);
    const after = neighbour(x, mask, 1);
    return tf.concat([x, tf.sub(x, before), tf.sub(x, after)], -1);
  }

  /** @internal */
  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [batch, slices, features] = oneShape(inputShape, this.name);
    return [batch!, slices!, 3 * features!];
  }
}
tf.serialization.registerClass(SliceDifferences);

/**
 * Each slice's neighbour at a distance of `step`; the slice itself if there is none, so that the difference is zero.
 */
function neighbour(x: tf.Tensor3D, mask: tf.Tensor2D | undefined, step: -1 | 1): tf.Tensor3D {
  const moved = shifted(x, step) as tf.Tensor3D;
  if (!mask) return moved;
  const real = tf.expandDims(tf.mul(mask, shifted(mask, step)), 2);
  return tf.add(tf.mul(moved, real), tf.mul(x, tf.sub(1, real)));
}

/** Shifted along axis 1; the slice at the end is repeated. */
function shifted(x: tf.Tensor, step: -1 | 1): tf.Tensor {
  const slices = x.shape[1]!;
  if (slices === 1) return x;
  const part = (first: number, count: number) =>
    tf.slice(x, [0, first, ...x.shape.slice(2).map(() => 0)], [x.shape[0]!, count, ...x.shape.slice(2)]);
  return step === -1
    ? tf.concat([part(0, 1), part(0, slices - 1)], 1)
    : tf.concat([part(1, slices - 1), part(slices - 1, 1)], 1);
}
