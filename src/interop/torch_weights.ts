import * as tf from '@tensorflow/tfjs';
import { CheckpointError, check, isRecord, shortened } from '../base/errors';
import { flag, optional, resolveOptions, type Rules } from '../base/options';
import { firstOutside, hostValues } from '../kernels/host_values';
import type { TorchLoadable, TorchParameter } from '../base/types';

/**
 * Options of {@link loadTorchWeights}.
 *
 * @inline
 */
export interface LoadTorchWeightsOptions {
  /**
   * Refuse a state dict with parameters that nothing takes.
   * @defaultValue `true`
   */
  strict?: boolean;
  /**
   * Takes a state dict that lacks parameters, such as a ResNet18 without its last layers: what is there is loaded, the rest keeps
   * the weights it has and is listed in `fresh`. Refused where nothing at all is there; wrong shapes are always refused.
   * @defaultValue `false`
   */
  partial?: boolean;
}

const RULES = {
  strict: optional(flag, true),
  partial: optional(flag, false),
} satisfies Rules<LoadTorchWeightsOptions>;

/**
 * Which parameters {@link loadTorchWeights} filled, by PyTorch's names.
 *
 * @inline
 */
export interface LoadedTorchWeights {
  /** Parameters that now hold the state dict's values. */
  loaded: string[];
  /** Parameters that the state dict lacks, and that are as they were; none without `partial`. */
  fresh: string[];
}

/**
 * Fills a layer or a backbone from a PyTorch state dict, by PyTorch's parameter names.
 *
 * Layers of this library take the names of the module they match (`weight_ih_l0` of `nn.GRU`, …). In a model, a layer's
 * name is its prefix: a convolution named `layer1.0.conv1` takes `layer1.0.conv1.weight`, as in torchvision. What a
 * feature extractor has no use for (`classifier.*`, `fc.*`, `num_batches_tracked`) may be there; for VGG16 the names of
 * `vgg16().features.state_dict()` (`0.weight`) are taken too. Nothing is changed unless everything fits.
 *
 * @param target - A built layer, or a model.
 * @param stateDict - Tensors by name; none is disposed.
 * @returns The names of the parameters that were loaded, and with `partial` of those that were not.
 * @throws CheckpointError listing every parameter that is missing, unexpected, of another shape or not finite, and before them a prefix that
 * all names have (`module.`, `_orig_mod.`, `backbone.`), where that is the cause.
 * @example
 * ```ts
 * const backbone = resnet18({ inputShape: [224, 224, 1], normalize: true });
 * loadTorchWeights(backbone, readSafetensors(bytes));
 *
 * const { fresh } = loadTorchWeights(backbone, readSafetensors(withoutLayer4), { partial: true });
 * console.log(`start fresh: ${fresh.join(', ')}`); // layer4.0.conv1.weight, …
 * ```
 */
export function loadTorchWeights(
  target: tf.layers.Layer,
  stateDict: Record<string, tf.Tensor>,
  options: LoadTorchWeightsOptions = {},
): LoadedTorchWeights {
  const { strict, partial } = resolveOptions('loadTorchWeights', options, RULES);
  check(target instanceof tf.layers.Layer, 'loadTorchWeights: target', 'a layer or a model', target);
  check(isRecord(stateDict), 'loadTorchWeights: stateDict', 'tensors by name', stateDict);
  for (const [name, value] of Object.entries(stateDict)) {
    check(value instanceof tf.Tensor, `loadTorchWeights: stateDict['${shortened(name)}']`, 'a tensor', value);
  }
  const parameters = parametersOf(target);
  const state = withFeaturePrefix(stateDict, parameters);
  const filled = parameters.filter(isFilled);
  const isThere = ({ name }: Pick<TorchParameter, 'name'>) => Object.hasOwn(state, name);
  const [loaded, fresh] = [filled.filter(isThere), filled.filter((p) => !isThere(p))];
  const problems: string[] = [];

  for (const { name, variable, permute } of filled) {
    const expected = torchShape(variable.shape, permute);
    if (!isThere({ name })) {
      if (!partial || loaded.length === 0) problems.push(`missing: ${name} [${expected}]`);
    } else if (state[name]!.shape.join() !== expected.join()) {
      problems.push(`shape of ${name}: expected [${expected}], received [${state[name]!.shape}]`);
    } else {
      const values = hostValues(state[name]!);
      const place = values === undefined ? -1 : firstOutside(values);
      if (place !== -1) problems.push(`value ${place} of ${name} is ${values![place]}`);
    }
  }
  const known = new Set(parameters.map((p) => p.name));
  const unexpected = Object.keys(state).filter((name) => !known.has(name) && !IGNORED.test(name));
  if (strict) problems.push(...unexpected.map((name) => `unexpected: ${name}`));
  if (problems.length > 0) {
    const shown =
      problems.slice(0, 12).join('; ') + (problems.length > 12 ? `; … ${problems.length - 12} more` : '');
    const cause = prefixCause(Object.keys(state), filled);
    throw new CheckpointError(`loadTorchWeights: the weights do not fit ${target.name}: ${cause}${shown}`);
  }

  tf.tidy(() => {
    for (const { name, variable, permute } of loaded) {
      const tensor = tf.cast(state[name]!, 'float32');
      variable.write(permute ? tf.transpose(tensor, permute) : tensor);
    }
  });
  return { loaded: loaded.map(({ name }) => name), fresh: fresh.map(({ name }) => name) };
}

/** False for a parameter that PyTorch has and the layer can do without. */
const isFilled = (
  parameter: TorchParameter,
): parameter is Required<Pick<TorchParameter, 'variable'>> & TorchParameter =>
  parameter.variable !== undefined;

/**
 * The likely cause where most names would fit but for what stands before them: `module.` of DataParallel, `_orig_mod.` of
 * torch.compile, `backbone.` of a module around it. Empty where there is no such thing.
 */
function prefixCause(names: readonly string[], wanted: readonly TorchParameter[]): string {
  const known = new Set(wanted.map(({ name }) => name));
  const counts = new Map<string, number>();
  for (const name of names) {
    for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
      const prefix = name.slice(0, dot + 1);
      if (known.has(name.slice(dot + 1))) counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
    }
  }
  const [prefix, count] = [...counts].sort(([, a], [, b]) => b - a)[0] ?? ['', 0];
  if (count <= wanted.length / 2) return '';
  return (
    `${count} of the ${names.length} names would fit without '${shortened(prefix)}' before them, ` +
    `so take it away: name.slice(${prefix.length}); `
  );
}

/** Parts of a classifier that a feature extractor leaves out. */
const IGNORED = /^(classifier|fc)\.|(^|\.)num_batches_tracked$/;

/** The parameters of a layer, or of all layers of a model with the layer's name as prefix. */
function parametersOf(target: tf.layers.Layer): TorchParameter[] {
  if (target instanceof tf.LayersModel) {
    return target.layers.flatMap((layer) =>
      ownParameters(layer).map((p) => ({ ...p, name: `${layer.name}.${p.name}` })),
    );
  }
  const parameters = ownParameters(target);
  const expected = 'a built layer that has a PyTorch counterpart';
  check(parameters.length > 0, 'loadTorchWeights: target', expected, target);
  return parameters;
}

/** A layer's parameters in PyTorch's terms; tfjs's own layers by their class. */
function ownParameters(layer: tf.layers.Layer): TorchParameter[] {
  if ('torchParameters' in layer) return (layer as unknown as TorchLoadable).torchParameters();
  const map = TFJS_LAYERS[layer.getClassName()];
  if (!map) {
    const expected = 'layers with a PyTorch counterpart';
    check(layer.weights.length === 0, 'loadTorchWeights', expected, layer.getClassName());
    return [];
  }
  return layer.weights.map((variable) => {
    const part = variable.originalName.split('/').at(-1)!;
    const [name, permute] = map[part]!;
    return { name, variable, permute };
  });
}

/** tfjs weight name to PyTorch's, with the order of its axes. */
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
  Dense: { kernel: ['weight', [1, 0]], bias: ['bias'] },
  BatchNormalization: BATCH_NORM,
  FusedBatchNorm: BATCH_NORM,
};

/** The shape a PyTorch tensor must have to give `shape` after `permute`. */
function torchShape(shape: readonly (number | null)[], permute?: number[]): number[] {
  if (!permute) return shape as number[];
  const out: number[] = [];
  permute.forEach((axis, i) => (out[axis] = shape[i]!));
  return out;
}

/** `features.state_dict()` has no `features.` before its names: put it there where the model wants it. */
function withFeaturePrefix(
  state: Record<string, tf.Tensor>,
  parameters: TorchParameter[],
): Record<string, tf.Tensor> {
  const wanted = parameters.some((p) => p.name.startsWith('features.'));
  const bare = Object.keys(state).every((name) => /^\d+\./.test(name));
  if (!wanted || !bare) return state;
  return Object.fromEntries(Object.entries(state).map(([name, tensor]) => [`features.${name}`, tensor]));
}
