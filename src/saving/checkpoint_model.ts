import * as tf from '@tensorflow/tfjs';
import { describe } from '../base/describe';
import { CheckpointError } from '../base/errors';
import type { Shape } from '../base/types';

/**
 * Builds the model that a file's topology describes. All weights are zero: they are to be loaded.
 *
 * The topology is untrusted, and tfjs would take what it says: a graph that has no order keeps it searching for ever, and a
 * layer of 2^30 units fills the memory before anybody can compare it with the weights there are.
 *
 * @param topology - What tfjs writes as `modelTopology`.
 * @param most - Weights that it may have, and numbers in all of them.
 * @throws CheckpointError for an invalid topology, or one that asks for more; nothing is left behind then.
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
 * Runs `build` while every layer's weights are counted and begin as zeros. The way into tfjs is its layers' one method that
 * makes weights; `build` runs to its end before this returns, so nothing else meets the method in between.
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
    // also false for a size that is no number
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

/** Deeper than models in models, and layers in them, ever are. */
const MOST_DEPTH = 100;

/** Checks every graph of layers in a topology: models may be in models. */
function checkGraphs(value: unknown, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MOST_DEPTH) throw new CheckpointError('the topology is too deep');
  const { layers } = value as { layers?: unknown };
  if (Array.isArray(layers) && layers.some((layer) => inboundNodes(layer) !== undefined)) checkGraph(layers);
  for (const inner of Object.values(value)) checkGraphs(inner, depth + 1);
}

/**
 * Checks that layers can be called one after the other, as tfjs does: each once all of the calls that its inputs come from
 * were made.
 */
function checkGraph(layers: readonly unknown[]): void {
  /** Calls of each layer so far; an input layer begins with one. */
  const calls = new Map<unknown, number>();
  let waiting: { layer: unknown; inputs: [layer: unknown, call: number][] }[] = [];
  for (const layer of layers) {
    const { name, class_name: className, config } = layer as Record<string, unknown>;
    if (typeof name !== 'string' || calls.has(name) || (config as { name?: unknown } | null)?.name !== name) {
      throw new CheckpointError(`expected layers with names of their own, found ${describe(name)}`);
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
      throw new CheckpointError(`layer ${describe(left[0]!.layer)} has inputs that no layer gives`);
    }
    waiting = left;
  }
}

/** Lists of a layer's inputs, one for each call; tfjs takes the key in both spellings. */
function inboundNodes(layer: unknown): unknown {
  const { inbound_nodes: nodes, inboundNodes: other } = (layer ?? {}) as Record<string, unknown>;
  return nodes ?? other;
}
