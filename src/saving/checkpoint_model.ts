import * as tf from '@tensorflow/tfjs';
import { describe } from '../base/describe';
import { CheckpointError } from '../base/errors';
import type { Shape } from '../base/types';

/**
 * Builds the model described by a file's topology. All weights are zero, to be loaded later.
 *
 * The topology is untrusted, and tfjs would not check it: a cyclic graph makes it search for ever, and a layer of 2^30
 * units fills the memory before it can be compared with the existing weights.
 *
 * @param topology - `modelTopology` as written by tfjs.
 * @param most - Maximum number of weights, and of values in all of them.
 * @throws CheckpointError for an invalid topology, or one that exceeds the maximum; nothing is leaked then.
 */
export async function modelFromTopology(
  topology: object,
  most: { weights: number; numbers: number },
): Promise<tf.LayersModel> {
  const made: tf.LayerVariable[] = [];
  try {
    checkGraphs(topology, 0);
    const json = { modelTopology: topology } as unknown as Parameters<typeof tf.models.modelFromJSON>[0];
    const model = await withCountedWeights(most, made, () => tf.models.modelFromJSON(json));
    const used = new Set(model.weights);
    if (!made.every((weight) => used.has(weight))) {
      throw new CheckpointError('the topology has layers that its outputs do not depend on');
    }
    return model;
  } catch (cause) {
    for (const weight of made) weight.dispose();
    throw new CheckpointError((cause as Error).message, { cause });
  }
}

type AddWeight = (
  name: string,
  shape: Shape,
  dtype: tf.DataType | undefined,
  initializer: unknown,
  ...rest: unknown[]
) => tf.LayerVariable;

/**
 * Runs `build` while every layer's weights are counted and initialised with zeros. This replaces the one method by
 * which tfjs's layers create weights; `build` runs synchronously, so nothing else calls the method in the meantime.
 */
function withCountedWeights<T>(
  most: { weights: number; numbers: number },
  made: tf.LayerVariable[],
  build: () => T,
): T {
  const layers = tf.layers.Layer.prototype as unknown as { addWeight: AddWeight };
  const { addWeight } = layers;
  let count = 0;
  layers.addWeight = function (name, shape, dtype, _, ...rest) {
    count += shape.reduce<number>((product, size) => product * (size ?? NaN), 1);
    // also false for a size that is not a number
    if (!(count <= most.numbers) || made.length >= most.weights) {
      throw new CheckpointError(
        `the topology has far more weights than the file, with ${name} ${describe(shape)}`,
      );
    }
    const weight = addWeight.call(this, name, shape, dtype, tf.initializers.zeros(), ...rest);
    made.push(weight);
    return weight;
  };
  try {
    return build();
  } finally {
    layers.addWeight = addWeight;
  }
}

/** Deeper than nested models and their layers ever are. */
const MOST_DEPTH = 100;

/** Checks every graph of layers in a topology: models may be nested. */
function checkGraphs(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MOST_DEPTH) throw new CheckpointError('the topology is too deep');
  const { layers } = value as { layers?: unknown };
  if (Array.isArray(layers) && layers.some((layer) => inboundNodes(layer) !== undefined)) checkGraph(layers);
  for (const inner of Object.values(value)) checkGraphs(inner, depth + 1);
}

/**
 * Checks that layers can be called one after the other, as tfjs does: each after all calls that its inputs come from.
 */
function checkGraph(layers: readonly unknown[]): void {
  /** Number of calls of each layer so far; an input layer starts with one. */
  const calls = new Map<unknown, number>();
  let waiting: { layer: unknown; inputs: [layer: unknown, call: number][] }[] = [];
  for (const layer of layers) {
    const { name, class_name: className, config } = layer as Record<string, unknown>;
    if (typeof name !== 'string' || calls.has(name) || (config as { name?: unknown } | null)?.name !== name) {
      throw new CheckpointError(`expected layers with distinct names, found ${describe(name)}`);
    }
    calls.set(name, className === 'InputLayer' ? 1 : 0);
    for (const inputs of inboundNodes(layer) as [unknown, number][][]) waiting.push({ layer: name, inputs });
  }
  while (waiting.length > 0) {
    const left = waiting.filter(({ layer, inputs }) => {
      if (!inputs.every(([from, call]) => call < (calls.get(from) ?? 0))) return true;
      if (inputs.length > 0) calls.set(layer, calls.get(layer)! + 1);
      return false;
    });
    if (left.length === waiting.length) {
      throw new CheckpointError(`layer ${describe(left[0]!.layer)} has inputs that no layer outputs`);
    }
    waiting = left;
  }
}

/** Lists of a layer's inputs, one per call; tfjs accepts the key in both spellings. */
function inboundNodes(layer: unknown): unknown {
  const { inbound_nodes: nodes, inboundNodes: other } = (layer ?? {}) as Record<string, unknown>;
  return nodes ?? other;
}
