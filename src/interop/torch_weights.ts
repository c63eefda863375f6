import * as tf from '@tensorflow/tfjs';
import { check, isRecord } from '../base/checks';
import { shortened } from '../base/describe';
import { CheckpointError } from '../base/errors';
import { callback, flag, optional, resolveOptions, type Rules } from '../base/options';
import { firstOutside, hostValues } from '../kernels/host_values';
import type { TorchParameter } from '../base/types';
import {
  isFilled,
  namesInFiles,
  partOf,
  torchParametersOf,
  torchShape,
  type NamesInFiles,
} from './torch_names';

/**
 * Options of {@link loadTorchWeights}.
 *
 * @inline
 */
export interface LoadTorchWeightsOptions {
  /**
   * Refuse a state dict with unexpected parameters.
   * @defaultValue true
   */
  strict?: boolean;
  /**
   * Accept a state dict that lacks parameters, such as a ResNet18 without its last layers: those present are loaded,
   * the others keep their values and are listed in `fresh`. A state dict without any of the parameters, and wrong
   * shapes, are always refused.
   * @defaultValue false
   */
  partial?: boolean;
  /**
   * Maps a name in the state dict to a parameter's name, such as `(name) => name.replace('module.', '')`; undefined
   * ignores the tensor.
   * @defaultValue names unchanged
   */
  rename?: (name: string) => string | undefined;
}

const RULES = {
  strict: optional(flag, true),
  partial: optional(flag, false),
  rename: optional(callback),
} satisfies Rules<LoadTorchWeightsOptions>;

/**
 * Which parameters {@link loadTorchWeights} loaded, by PyTorch's names.
 *
 * @inline
 */
export interface LoadedTorchWeights {
  /** Parameters loaded from the state dict. */
  loaded: string[];
  /** Parameters that the state dict lacks, whose values are unchanged; empty without `partial`. */
  fresh: string[];
}

/**
 * Fills a layer, a backbone or a whole model from a PyTorch state dict, by PyTorch's parameter names.
 *
 * Layers of this library use the names of the module they match (`weight_ih_l0` of `nn.GRU`, …). In a model, a layer's
 * name is the prefix: the weight of a convolution named `layer1.0.conv1` is `layer1.0.conv1.weight`, as in torchvision
 * and timm, and in a model of `buildCtBrainModel` it is `backbone.layer1.0.conv1.weight`, besides `slice_dependency.*`,
 * `neck.*`, `label_decoder.*` and `classifier.*`. Parameters that a feature extractor does not use (`classifier.*`,
 * `fc.*`, timm's `head.*` and `pre_logits.*`, `num_batches_tracked`) are ignored; for VGG16 the names of
 * `vgg16().features.state_dict()` (`0.weight`) are accepted too. Unless everything fits, nothing is changed.
 *
 * @param target - A built layer, or a model.
 * @param stateDict - Tensors by name; none is disposed.
 * @returns The names of the parameters that were loaded, and with `partial` of those that were not.
 * @throws CheckpointError listing every parameter that is missing, unexpected, of another shape or not finite (for a
 * whole model by part), and first the prefix that most names have (`module.`, `_orig_mod.`, `backbone.`) or lack, if
 * that is the likely cause.
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
  const { strict, partial, rename } = resolveOptions('loadTorchWeights', options, RULES);
  const parameters = torchParametersOf('loadTorchWeights', target);
  check(isRecord(stateDict), 'loadTorchWeights: stateDict', 'tensors by name', stateDict);
  for (const [name, value] of Object.entries(stateDict)) {
    check(value instanceof tf.Tensor, `loadTorchWeights: stateDict['${shortened(name)}']`, 'a tensor', value);
  }
  const names = namesInFiles(target, parameters);
  const { state, problems } = renamed(stateDict, names, rename);
  const filled = parameters.filter(isFilled);
  const isThere = ({ name }: Pick<TorchParameter, 'name'>) => state.has(name);
  const [loaded, fresh] = [filled.filter(isThere), filled.filter((p) => !isThere(p))];

  for (const { name, variable, permute } of filled) {
    const expected = torchShape(variable.shape, permute);
    const value = state.get(name);
    const report = (text: string) => problems.push({ name, text });
    if (value === undefined) {
      if (!partial || loaded.length === 0) report(`missing: ${name} [${expected}]`);
    } else if (value.shape.join() !== expected.join()) {
      report(`shape of ${name}: expected [${expected}], received [${value.shape}]`);
    } else {
      const values = hostValues(value);
      const place = values === undefined ? -1 : firstOutside(values);
      if (place !== -1) report(`value ${place} of ${name} is ${values![place]}`);
    }
  }
  const known = new Set(parameters.map((p) => p.name));
  const unexpected = [...state.keys()].filter((name) => !known.has(name) && !names.isIgnored(name));
  if (strict) problems.push(...unexpected.map((name) => ({ name, text: `unexpected: ${shortened(name)}` })));
  if (problems.length > 0) {
    const cause = prefixCause([...state.keys()], filled);
    const listed = names.parts ? byPart(problems, filled, names.parts) : shownOf(problems, 12);
    throw new CheckpointError(`loadTorchWeights: the weights do not fit ${target.name}: ${cause}${listed}`);
  }

  tf.tidy(() => {
    for (const { name, variable, permute } of loaded) {
      const tensor = tf.cast(state.get(name)!, 'float32');
      variable.write(permute ? tf.transpose(tensor, permute) : tensor);
    }
  });
  return { loaded: loaded.map(({ name }) => name), fresh: fresh.map(({ name }) => name) };
}

/** A problem with a parameter. */
interface Problem {
  name: string;
  text: string;
}

/** The state dict with the parameters' names. */
function renamed(
  stateDict: Record<string, tf.Tensor>,
  { parameterNamed }: NamesInFiles,
  rename: (name: string) => unknown = (name) => name,
): { state: Map<string, tf.Tensor>; problems: Problem[] } {
  const problems: Problem[] = [];
  const state = new Map<string, tf.Tensor>();
  for (const [given, tensor] of Object.entries(stateDict)) {
    const wanted = rename(given);
    const isName = wanted === undefined || typeof wanted === 'string';
    check(isName, `loadTorchWeights: rename('${shortened(given)}')`, 'a name or undefined', wanted);
    if (wanted === undefined) continue;
    const name = parameterNamed(wanted as string);
    if (state.has(name)) problems.push({ name, text: `a second ${shortened(name)}: ${shortened(given)}` });
    state.set(name, tensor);
  }
  return { state, problems };
}

/** The first `most` problems, and the number of others. */
function shownOf(problems: readonly Problem[], most: number): string {
  const more = problems.length > most ? `; … ${problems.length - most} more` : '';
  return problems.slice(0, most).map(({ text }) => text).join('; ') + more; // prettier-ignore
}

/** The problems of a whole model, one line per part, with the number of parameters that fit. */
function byPart(problems: readonly Problem[], filled: readonly TorchParameter[], parts: string[]): string {
  const bad = new Set(problems.map(({ name }) => name));
  const lines = parts.map((part) => {
    const own = filled.filter(({ name }) => partOf(name) === part);
    const fit = own.filter(({ name }) => !bad.has(name)).length;
    const found = problems.filter(({ name }) => partOf(name) === part);
    return found.length > 0 ? `\n  ${part}, ${fit} of ${own.length} fit: ${shownOf(found, 4)}` : '';
  });
  const elsewhere = problems.filter(({ name }) => !parts.includes(partOf(name)));
  return lines.join('') + (elsewhere.length > 0 ? `\n  in no part: ${shownOf(elsewhere, 4)}` : '');
}

/**
 * The likely cause if most names would fit without their prefix (`module.` of DataParallel, `_orig_mod.` of
 * torch.compile, `backbone.` of an enclosing module) or with one; otherwise empty.
 */
function prefixCause(names: readonly string[], wanted: readonly TorchParameter[]): string {
  const known = new Set(wanted.map(({ name }) => name));
  const tooMuch = mostCommon(names, (name) => prefixesOf(name).filter((p) => known.has(name.slice(p.length))));
  if (tooMuch.count > wanted.length / 2) {
    return (
      `${tooMuch.count} of the ${names.length} names would fit without the prefix '${shortened(tooMuch.prefix)}': ` +
      `remove it with rename: (name) => name.slice(${tooMuch.prefix.length}); `
    );
  }
  const given = new Set(names);
  const lacking = mostCommon([...known], (name) => prefixesOf(name).filter((p) => given.has(name.slice(p.length))));
  if (lacking.count === 0 || lacking.count <= names.length / 2) return '';
  return (
    `${lacking.count} of the ${names.length} names would fit with the prefix '${shortened(lacking.prefix)}': ` +
    `add it with the option rename, or load only that part; `
  );
} // prettier-ignore

const prefixesOf = (name: string): string[] =>
  [...name.matchAll(/\./g)].map(({ index }) => name.slice(0, index + 1));

function mostCommon(names: readonly string[], prefixes: (name: string) => string[]): { prefix: string; count: number } {
  const counts = new Map<string, number>();
  for (const prefix of names.flatMap(prefixes)) counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
  const [prefix, count] = [...counts].sort(([, a], [, b]) => b - a)[0] ?? ['', 0];
  return { prefix, count };
} // prettier-ignore
