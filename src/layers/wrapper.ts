import * as tf from '@tensorflow/tfjs';
import { ArgumentError } from '../base/errors';
import type { LayerArgs, Shape } from '../base/types';

/** Options of a layer that holds another one. */
export interface WrapperArgs extends LayerArgs {
  /** The inner model, or a layer of its own: one that was built elsewhere bears weight names that a saved model cannot find. */
  layer: tf.layers.Layer;
}

/**
 * A layer around another layer or model, whose weights are its own.
 *
 * tfjs has such a base class but does not export it.
 */
export abstract class Wrapper extends tf.layers.Layer {
  readonly layer: tf.layers.Layer;

  constructor(args: WrapperArgs) {
    super(args);
    this.layer = args.layer;
    this.supportsMasking = true;
  }

  /** The shape that the inner layer sees of this layer's input. */
  protected abstract innerShape(inputShape: Shape | Shape[]): Shape;

  override build(inputShape: Shape | Shape[]): void {
    if (!this.layer.built) {
      this.layer.build(this.innerShape(inputShape));
      this.layer.built = true;
    }
    super.build(inputShape);
  }

  // The base constructor uses both accessors before `layer` is there.
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
