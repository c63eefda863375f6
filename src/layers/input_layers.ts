import * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import type { LayerArgs, Shape } from '../base/types';
import { CtLayer, oneShape } from './layer';

export const IMAGENET_MEAN = [0.485, 0.456, 0.406];
export const IMAGENET_STD = [0.229, 0.224, 0.225];

/**
 * Repeats a grey image to three equal channels, for weights that were trained on colour.
 *
 * Input `[n, h, w, 1]`, output `[n, h, w, 3]`.
 *
 * @example
 * ```ts
 * const rgb = new GrayToRgb({}).apply(tf.zeros([1, 224, 224, 1])); // [1, 224, 224, 3]
 * ```
 */
export class GrayToRgb extends CtLayer {
  static className = 'GrayToRgb';

  constructor(args: LayerArgs = {}) {
    super(args, {});
  }

  /** @internal */
  override run([x]: [tf.Tensor]): tf.Tensor {
    check(x.shape.at(-1) === 1, `${this.name}: input`, '[n, h, w, 1]', x);
    return tf.mul(x, tf.ones([1, 1, 1, 3]));
  }

  /** @internal */
  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return [...oneShape(inputShape, this.name).slice(0, -1), 3];
  }
}
tf.serialization.registerClass(GrayToRgb);

/**
 * Subtracts ImageNet's mean and divides by its deviation, per channel: what torchvision's weights expect.
 *
 * Input and output `[n, h, w, 3]`, values in 0..1 going in.
 *
 * @example
 * ```ts
 * const x = new ImageNetNormalization({}).apply(tf.zeros([1, 224, 224, 3]));
 * ```
 */
export class ImageNetNormalization extends CtLayer {
  static className = 'ImageNetNormalization';

  constructor(args: LayerArgs = {}) {
    super(args, {});
  }

  /** @internal */
  override run([x]: [tf.Tensor]): tf.Tensor {
    // one channel would be broadcast to three
    check(x.shape.at(-1) === 3, `${this.name}: input`, '[n, h, w, 3]', x);
    return tf.div(tf.sub(x, tf.tensor1d(IMAGENET_MEAN)), tf.tensor1d(IMAGENET_STD));
  }
}
tf.serialization.registerClass(ImageNetNormalization);
