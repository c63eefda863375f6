import * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import { PerSlice } from '../layers/wrappers/per_slice';

/**
 * The parts of a model that differ in memory use: the backbone, which sees one slice at a time, and the head above it.
 */
export interface ModelParts {
  perSlice: PerSlice;
  /** The model that `perSlice` runs. */
  backbone: tf.layers.Layer;
  backboneVariables: tf.Variable[];
  headVariables: tf.Variable[];
}

/**
 * Finds the backbone and the head of a model that starts with a {@link PerSlice} on its only input.
 *
 * @throws ArgumentError for a model of another form.
 */
export function modelParts(model: tf.LayersModel): ModelParts {
  const perSlice = model.layers.find((layer) => layer instanceof PerSlice);
  const startsThere = perSlice?.input === model.inputs[0] && model.inputs.length === 1;
  const expected =
    'a model of one input and one output that starts with PerSlice, as buildCtBrainModel makes it';
  const classes = model.layers.map((layer) => layer.getClassName());
  check(perSlice !== undefined && startsThere && model.outputs.length === 1, 'model', expected, classes);
  const variables = (layers: tf.layers.Layer[]) =>
    layers.flatMap((layer) => layer.trainableWeights.map((weight) => weight.read() as tf.Variable));
  return {
    perSlice,
    backbone: perSlice.layer,
    backboneVariables: variables([perSlice]),
    headVariables: variables(model.layers.filter((layer) => layer !== perSlice)),
  };
}

/**
 * The backbone of a model, e.g. to load its weights or to freeze it.
 *
 * @throws ArgumentError for a model not made by {@link buildCtBrainModel}.
 * @example
 * ```ts
 * loadTorchWeights(backboneOf(model), readSafetensors(bytes));
 * ```
 */
export function backboneOf(model: tf.LayersModel): tf.LayersModel {
  const { backbone } = modelParts(model);
  const expected = 'a model whose backbone is a model';
  check(backbone instanceof tf.LayersModel, 'backboneOf: model', expected, backbone);
  return backbone;
}
