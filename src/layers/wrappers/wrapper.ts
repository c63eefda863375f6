import * as tf from '@tensorflow/tfjs';
import { check } from '../../base/checks';
import { ArgumentError } from '../../base/errors';
import { rule } from '../../base/options';
import type { Kwargs, LayerArgs, Shape } from '../../base/types';
import { CtLayer, oneShape, type LayerCall } from '../layer';

/**
 * Options of a layer that wraps another one.
 *
 * @inline
 */
export interface WrapperArgs extends LayerArgs {
  /**
   * The inner model, or a layer not used elsewhere: the weights of a layer built elsewhere have names that a saved
   * model cannot find.
   */
  layer: tf.layers.Layer;
}

export const LAYER = rule<tf.layers.Layer>(
  'a layer or a model',
  (value) => typeof (value as tf.layers.Layer | undefined)?.getClassName === 'function',
);

/**
 * A layer that wraps another layer or model and owns its weights.
 *
 * tfjs has such a base class but does not export it.
 */
export abstract class Wrapper<Args extends WrapperArgs = WrapperArgs> extends CtLayer<Args> {
  declare readonly layer: tf.layers.Layer;

  /** The inner layer's input shape for an input shape of this layer. */
  protected abstract innerShape(inputShape: Shape | Shape[]): Shape;

  /** The inner layer's single output. */
  protected runInner(x: tf.Tensor, call: LayerCall): tf.Tensor {
    const y = this.layer.call(x, call as Kwargs);
    if (!Array.isArray(y)) return y;
    check(y.length === 1, this.name, 'an inner layer with one output', y);
    return y[0]!;
  }

  protected innerOutputShape(inputShape: Shape | Shape[]): Shape {
    return oneShape(this.layer.computeOutputShape(this.innerShape(inputShape)) as Shape | Shape[], this.name);
  }

  override build(inputShape: Shape | Shape[]): void {
    if (!this.layer.built) {
      this.layer.build(this.innerShape(inputShape));
      this.layer.built = true;
    }
    super.build(inputShape);
  }

  // The base constructor uses both accessors before `layer` is set.
  override get trainable(): boolean {
    return (this.layer as tf.layers.Layer | undefined)?.trainable ?? true;
  }
  override set trainable(trainable: boolean) {
    if (this.layer as tf.layers.Layer | undefined) this.layer.trainable = trainable;
  }
  override get trainableWeights() {
    return this.layer.trainableWeights;
  }
  override get nonTrainableWeights() {
    return this.layer.nonTrainableWeights;
  }
  override getWeights(trainableOnly?: boolean): tf.Tensor[] {
    return this.layer.getWeights(trainableOnly);
  }
  override setWeights(weights: tf.Tensor[]): void {
    this.layer.setWeights(weights);
  }
  override setFastWeightInitDuringBuild(value: boolean): void {
    super.setFastWeightInitDuringBuild(value);
    this.layer.setFastWeightInitDuringBuild(value);
  }

  /** @internal */
  override getConfig(): tf.serialization.ConfigDict {
    const layer = { className: this.layer.getClassName(), config: this.layer.getConfig() };
    return { ...super.getConfig(), layer: layer as unknown as tf.serialization.ConfigDict };
  }

  static override fromConfig<T extends tf.serialization.Serializable>(
    cls: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
  ): T {
    const { className, config: inner } = config.layer as {
      className: string;
      config: tf.serialization.ConfigDict;
    };
    const entry = tf.serialization.SerializationMap.getMap().classNameMap[className];
    if (!entry) {
      throw new ArgumentError(
        `${config.name}: inner layer of unknown class '${className}'; register it first`,
      );
    }
    const [innerClass, fromConfig] = entry;
    return new cls({
      ...config,
      layer: fromConfig(innerClass, inner) as unknown as tf.serialization.ConfigDict,
    });
  }
}
