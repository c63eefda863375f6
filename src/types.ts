import type * as tf from '@tensorflow/tfjs';

/** Options every layer takes (name, inputShape, trainable, …); tfjs does not export it by name. */
export type LayerArgs = NonNullable<ConstructorParameters<typeof tf.layers.Layer>[0]>;

/** A shape with free axes as `null`. */
export type Shape = (number | null)[];

/** Arguments of a layer's `call`. */
export type Kwargs = { mask?: tf.Tensor | tf.Tensor[]; training?: boolean } & Record<string, unknown>;

/** A loss as `model.compile` takes it. */
export type LossFn = (yTrue: tf.Tensor, yPred: tf.Tensor) => tf.Tensor;

/** Names of the five hemorrhage labels, or any other label set. */
export type Labels = readonly string[];
