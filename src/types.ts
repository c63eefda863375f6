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

/** A layer's weight variable, as `addWeight` returns it. */
export type LayerVariable = ReturnType<tf.layers.Layer['addWeight']>;

/** How one parameter of a PyTorch module fills one weight of a layer. */
export interface TorchParameter {
  /** Name in the module's state dict. */
  name: string;
  /** Weight it fills; absent for a parameter that PyTorch has and the layer can do without. */
  variable?: LayerVariable;
  /** Axes of the PyTorch tensor in the order of the layer's weight; none keeps them. */
  permute?: number[];
}

/** A layer whose weights can be read from a PyTorch state dict. */
export interface TorchLoadable {
  /** Every parameter of the PyTorch module this layer stands for. */
  torchParameters(): TorchParameter[];
}

/** The label value of a slice that carries no ground truth (padding): losses and metrics leave it out. */
export const IGNORED_LABEL = -1;
