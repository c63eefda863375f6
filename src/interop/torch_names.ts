import * as tf from '@tensorflow/tfjs';
import { check } from '../base/checks';
import type { TorchLoadable, TorchParameter } from '../base/types';
import { Wrapper } from '../layers/wrappers/wrapper';

/** A parameter that has a weight here. */
export type FilledParameter = TorchParameter & Required<Pick<TorchParameter, 'variable'>>;

/** False for a parameter that PyTorch has but the layer does not need. */
export const isFilled = (parameter: TorchParameter): parameter is FilledParameter =>
  parameter.variable !== undefined;

/**
 * The parameters of a layer, or of all layers of a model with the layer's name as prefix. The prefix for a wrapped
 * layer is the name of its wrapper, such as that of `PerSlice`.
 *
 * @param what - Name of the caller, for errors.
 * @throws ArgumentError for a layer that is not built, or one with weights but without a counterpart in PyTorch.
 */
export function torchParametersOf(what: string, target: tf.layers.Layer): TorchParameter[] {
  check(target instanceof tf.layers.Layer, `${what}: target`, 'a layer or a model', target);
  const isModel = target instanceof tf.LayersModel;
  const parameters = isModel || target.built ? parametersOf(what, target) : [];
  const expected = 'a built layer that has a PyTorch counterpart';
  check(parameters.length > 0 || isModel, `${what}: target`, expected, target);
  return parameters;
}

function parametersOf(what: string, layer: tf.layers.Layer): TorchParameter[] {
  if (layer instanceof Wrapper) return parametersOf(what, layer.layer);
  if (layer instanceof tf.LayersModel) {
    return layer.layers.flatMap((inner) =>
      parametersOf(what, inner).map((p) => ({ ...p, name: `${inner.name}.${p.name}` })),
    );
  }
  if ('torchParameters' in layer) return (layer as unknown as TorchLoadable).torchParameters();
  const map = TFJS_LAYERS[layer.getClassName()];
  if (!map) {
    const expected = 'layers with a PyTorch counterpart';
    check(layer.weights.length === 0, what, expected, layer.getClassName());
    return [];
  }
  const { depthMultiplier = 1 } = layer as { depthMultiplier?: number };
  check(depthMultiplier === 1, `${what}: ${layer.name}`, 'depthMultiplier 1', depthMultiplier);
  return layer.weights.map((variable) => {
    const part = variable.originalName.split('/').at(-1)!;
    const [name, permute] = map[part]!;
    return { name, variable, permute };
  });
}

/** tfjs's weight names to PyTorch's, with the permutation of axes. */
type WeightNames = Record<string, [string, number[]?]>;

const CONVOLUTION: WeightNames = { kernel: ['weight', [2, 3, 1, 0]], bias: ['bias'] };
const BATCH_NORM: WeightNames = {
  gamma: ['weight'],
  beta: ['bias'],
  moving_mean: ['running_mean'],
  moving_variance: ['running_var'],
};

const TFJS_LAYERS: Record<string, WeightNames> = {
  Conv2D: CONVOLUTION,
  FusedConv2D: CONVOLUTION,
  DepthwiseConv2D: { depthwise_kernel: ['weight', [2, 3, 0, 1]], bias: ['bias'] },
  Dense: { kernel: ['weight', [1, 0]], bias: ['bias'] },
  BatchNormalization: BATCH_NORM,
  FusedBatchNorm: BATCH_NORM,
};

/** Shape of the PyTorch tensor that has `shape` after `permute`. */
export function torchShape(shape: readonly (number | null)[], permute?: readonly number[]): number[] {
  return (permute ? inverseOf(permute).map((axis) => shape[axis]) : shape) as number[];
}

/** The inverse permutation. */
export function inverseOf(permute: readonly number[]): number[] {
  return permute.map((_, axis) => permute.indexOf(axis));
}

/** How names in files correspond to parameters. */
export interface NamesInFiles {
  /** The parameter that a name in a file stands for, or the name itself. */
  parameterNamed: (name: string) => string;
  /**
   * Whether a file may contain this parameter although none matches: classifiers above a backbone, and counts of
   * batches.
   */
  isIgnored: (name: string) => boolean;
  /** For a whole model, the layers that parameters belong to. */
  parts: string[] | undefined;
}

/** Layers above the features in torchvision and timm. */
const CLASSIFIER = /^(classifier|fc|head|pre_logits)\./;
const BATCH_COUNT = /(^|\.)num_batches_tracked$/;

/** Names in files for a target with these parameters. */
export function namesInFiles(target: tf.layers.Layer, parameters: readonly TorchParameter[]): NamesInFiles {
  const known = new Set(parameters.map(({ name }) => name));
  const wrappers = target instanceof tf.LayersModel ? target.layers.filter((l) => l instanceof Wrapper) : [];
  const backbones = wrappers.filter((wrapper) => wrapper.layer instanceof tf.LayersModel);
  // a backbone by itself has no prefix
  const prefixes = wrappers.length === 0 ? [''] : backbones.map(({ name }) => `${name}.`);
  const parts = [...new Set(parameters.map(({ name }) => partOf(name)))];
  return {
    parts: wrappers.length === 0 ? undefined : parts,
    isIgnored: (name) =>
      BATCH_COUNT.test(name) ||
      prefixes.some((prefix) => name.startsWith(prefix) && CLASSIFIER.test(name.slice(prefix.length))),
    parameterNamed: (name) => {
      if (known.has(name)) return name;
      // `vgg16().features.state_dict()` has `0.weight`, timm's `features_only` has `features_0.weight`
      const spelled = prefixes
        .filter((prefix) => name.startsWith(prefix))
        .map((prefix) => prefix + name.slice(prefix.length).replace(/^(features_)?(?=\d+\.)/, 'features.'));
      return spelled.find((one) => known.has(one)) ?? name;
    },
  };
}

/** The layer that a parameter of a whole model belongs to. */
export const partOf = (name: string): string => name.slice(0, name.indexOf('.'));
