import type * as tf from '@tensorflow/tfjs';

/** Options every layer takes (name, inputShape, trainable, …); tfjs does not export it by name. */
export type LayerArgs = NonNullable<ConstructorParameters<typeof tf.layers.Layer>[0]>;

/**
 * A shape with free axes as `null`.
 *
 * @inline
 */
export type Shape = (number | null)[];

/**
 * Arguments of a layer's `call`.
 *
 * @inline
 */
export type Kwargs = { mask?: tf.Tensor | tf.Tensor[]; training?: boolean } & Record<string, unknown>;

/**
 * A loss as `model.compile` takes it.
 *
 * @inline
 */
export type LossFn = (yTrue: tf.Tensor, yPred: tf.Tensor) => tf.Tensor;

/**
 * A loss or metric that knows its configuration, as a layer does, so that a saved model can be compiled with it again.
 *
 * @inline
 */
export interface ConfiguredFn extends LossFn {
  /** The function that made it, e.g. `'asymmetricLoss'`. */
  getClassName(): string;
  /** The options it was made with, defaults filled in: plain JSON. */
  getConfig(): object;
}

/** Names of the five hemorrhage labels, or any other label set. */
export type Labels = readonly string[];

/**
 * A value for each label, by its name.
 *
 * @inline
 */
export type ByLabel<L extends Labels, T> = { readonly [Label in L[number]]: T };

/** A layer's weight variable, as `addWeight` returns it. */
export type LayerVariable = ReturnType<tf.layers.Layer['addWeight']>;

/**
 * How one parameter of a PyTorch module fills one weight of a layer.
 *
 * @inline
 */
export interface TorchParameter {
  /** Name in the module's state dict. */
  name: string;
  /** Weight it fills; absent for a parameter of PyTorch that the layer does not need. */
  variable?: LayerVariable;
  /** Axes of the PyTorch tensor in the order of the layer's weight; default: unchanged. */
  permute?: number[];
}

/**
 * A layer whose weights can be read from a PyTorch state dict.
 *
 * @inline
 */
export interface TorchLoadable {
  /** Every parameter of the PyTorch module that this layer corresponds to. */
  torchParameters(): TorchParameter[];
}

/** The label value of a slice without ground truth (padding), which losses and metrics ignore. */
export const IGNORED_LABEL = -1;

/**
 * One draw as plain data: everything that `applyAugmentation` does to a stack.
 *
 * @inline
 */
export interface AugmentationDraw {
  /** Whether left and right are swapped. */
  horizontalFlip: boolean;
  /** Whether top and bottom are swapped. */
  verticalFlip: boolean;
  /** Rotation in degrees, clockwise. */
  angle: number;
  /** Magnification. */
  scale: number;
  /** Brightness factor. */
  brightness: number;
  /** Contrast factor. */
  contrast: number;
  /** Value outside the image. */
  fill: number;
}
