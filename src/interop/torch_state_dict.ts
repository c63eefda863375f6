import * as tf from '@tensorflow/tfjs';
import { inverseOf, isFilled, torchParametersOf } from './torch_names';

/**
 * The weights of a layer or a model with PyTorch's names and layouts. {@link loadTorchWeights} restores them bit for
 * bit, and {@link writeSafetensors} writes them for Python.
 *
 * In a whole model, names consist of the layer and the parameter: `backbone.features.0.weight`,
 * `slice_dependency.weight_ih_l0`; the guide's page on weights lists them. Parameters of PyTorch that have no effect
 * here are left out: the input weights of the label decoder, whose inputs are zero, the bias beside an attention's `w`,
 * and counts of batches.
 *
 * @param target - A built layer, or a model.
 * @returns New tensors by name; the caller disposes them.
 * @throws ArgumentError for a layer that is not built, or one with weights that have no counterpart in PyTorch.
 * @example
 * ```ts
 * const state = torchStateDict(model);
 * await writeFile('weights.safetensors', await writeSafetensors(state));
 * tf.dispose(state);
 * ```
 */
export function torchStateDict(target: tf.layers.Layer): Record<string, tf.Tensor> {
  const parameters = torchParametersOf('torchStateDict', target).filter(isFilled);
  return tf.tidy(() =>
    Object.fromEntries(
      parameters.map(({ name, variable, permute }) => {
        const value = variable.read();
        return [name, permute ? tf.transpose(value, inverseOf(permute)) : value.clone()];
      }),
    ),
  );
}
