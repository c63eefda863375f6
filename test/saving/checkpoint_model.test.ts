import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../../src/base/errors';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { modelFromTopology } from '../../src/saving/checkpoint_model';
import { tinyBackbone } from '../support/memory_source';

interface Layer {
  name: string;
  class_name: string;
  config: Record<string, unknown>;
  inbound_nodes: [string, number, number][][];
}

/** What tfjs saves as topology. */
async function topologyOf(model: tf.LayersModel): Promise<{ config: { layers: Layer[] } }> {
  let topology: unknown;
  const artifacts = { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' as const } };
  const keep = tf.io.withSaveHandler(async ({ modelTopology }) => {
    topology = modelTopology;
    return artifacts;
  });
  await model.save(keep);
  return JSON.parse(JSON.stringify(topology)) as { config: { layers: Layer[] } };
}

/** An input and two dense layers, one after the other: 4 x 3 + 3 and 3 x 2 + 2 weights. */
async function twoDense() {
  const input = tf.input({ shape: [4], name: 'in' });
  const first = tf.layers.dense({ units: 3, name: 'first' }).apply(input) as tf.SymbolicTensor;
  const second = tf.layers.dense({ units: 2, name: 'second' }).apply(first) as tf.SymbolicTensor;
  const model = tf.model({ inputs: input, outputs: second });
  const topology = await topologyOf(model);
  model.dispose();
  const [, one, two] = topology.config.layers as [Layer, Layer, Layer];
  return { topology, one, two };
}

async function refuses(topology: object, message: RegExp, mostWeights = 1e3): Promise<void> {
  const before = tf.memory().numTensors;
  const failing = modelFromTopology(topology, { numbers: mostWeights, weights: 100 });
  await expect(failing).rejects.toThrow(CheckpointError);
  await expect(failing).rejects.toThrow(message);
  expect(tf.memory().numTensors).toBe(before);
}

describe('modelFromTopology', () => {
  it('builds every arrangement, with zeros, and leaves layers as they were', async () => {
    for (const variant of ['VGG16', 'VGG16 + LRNN + SDL(GRU)', 'VGG16 + SDL(1Dconv) + LRNN'] as const) {
      const model = buildCtBrainModel({
        variant,
        backbone: tinyBackbone({ batchNorm: true }),
        labels: ['a'],
      });
      const built = await modelFromTopology(await topologyOf(model), {
        numbers: model.countParams(),
        weights: model.weights.length,
      });
      expect(built.weights.map(({ originalName, shape }) => [originalName, shape])).toEqual(
        model.weights.map(({ originalName, shape }) => [originalName, shape]),
      );
      expect(
        tf.tidy(() => built.getWeights().every((weight) => tf.max(tf.abs(weight)).dataSync()[0] === 0)),
      ).toBe(true);
      built.dispose();
      model.dispose();
    }
    const dense = tf.layers.dense({ units: 2, inputShape: [3], kernelInitializer: 'ones' });
    dense.build([null, 3]);
    expect([...dense.getWeights()[0]!.dataSync()]).toEqual([1, 1, 1, 1, 1, 1]);
    tf.dispose(dense.getWeights());
  });

  it('takes as many weights as it may, and not one more', async () => {
    const { topology } = await twoDense();
    (await modelFromTopology(topology, { numbers: 23, weights: 4 })).dispose();
    await refuses(topology, /far more weights than the file, with bias \[2\]/, 22);
  });

  it('refuses a layer of any number of layers at once', async () => {
    const model = buildCtBrainModel({
      variant: 'VGG16 + SDL(GRU)',
      backbone: tinyBackbone(),
      sliceDependency: { units: 1 },
      labels: ['a'],
    });
    const text = JSON.stringify(await topologyOf(model));
    expect(text).toContain('"num_layers":1');
    const topology = JSON.parse(text.replace('"num_layers":1', '"num_layers":1e308')) as object;
    await refuses(topology, /far more weights than the file, with l\d+_/, 1e6);
  });

  it('refuses a layer that would fill the memory, before it does', async () => {
    for (const units of [1e5, 2 ** 31, 2 ** 53, 1e300, 2 ** 1023 * 2]) {
      const { topology, two } = await twoDense();
      two.config['units'] = units;
      await refuses(topology, /./);
    }
  });

  it('refuses a graph in which tfjs would search for ever', async () => {
    const nodes = (change: (one: Layer, two: Layer) => void) => async () => {
      const { topology, one, two } = await twoDense();
      change(one, two);
      return topology;
    };
    const unordered = /layer "\w+" has inputs that no layer outputs/;
    const broken: [() => Promise<object>, RegExp][] = [
      [nodes((_, two) => (two.inbound_nodes = [[['third', 0, 0]]])), unordered],
      [nodes((_, two) => (two.inbound_nodes = [[['first', 1, 0]]])), unordered],
      [nodes((_, two) => (two.inbound_nodes = [[['second', 0, 0]]])), unordered],
      [nodes((one) => (one.inbound_nodes = [[['second', 0, 0]]])), unordered],
      [nodes((one) => (one.inbound_nodes = [])), unordered],
      [nodes((one) => (one.name = 'other')), /distinct names, found "other"/],
      [nodes((one) => (one.config['name'] = 'second')), /distinct names, found "first"/],
      [nodes((one) => (one.name = one.config['name'] = 'second')), /distinct names, found "second"/],
    ];
    for (const [topology, message] of broken) {
      await refuses(await topology(), message);
      // as a model inside another
      const { topology: outer, two } = await twoDense();
      two.config['layer'] = await topology();
      await refuses(outer, message);
    }
  });

  it('refuses a layer that the outputs do not depend on, whose weights nobody would dispose', async () => {
    const { topology, one } = await twoDense();
    const stray = structuredClone(one);
    stray.name = stray.config['name'] = 'stray';
    topology.config.layers.push(stray);
    await refuses(topology, /do not depend on/);
  });

  it('refuses what nests without end', async () => {
    const { topology, two } = await twoDense();
    two.config['deep'] = JSON.parse(`${'['.repeat(3000)}${']'.repeat(3000)}`);
    await refuses(topology, /too deep/);
  });
});
