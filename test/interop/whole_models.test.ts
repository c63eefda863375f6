import { createHash } from 'node:crypto';
import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { BACKBONES, backboneByName } from '../../src/backbones/registry';
import { readSafetensors, writeSafetensors } from '../../src/interop/safetensors';
import { torchStateDict } from '../../src/interop/torch_state_dict';
import { loadTorchWeights } from '../../src/interop/torch_weights';
import { SliceConv1D } from '../../src/layers/slice_conv1d';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import type { CtBrainVariant } from '../../src/models/options';
import { POSTER_VARIANTS } from '../../src/models/poster_variants';
import { expectClose, expectNoLeak } from '../support/matchers';
import { tinyBackbone } from '../support/memory_source';

const VARIANTS = [...Object.keys(POSTER_VARIANTS), 'recommended'] as CtBrainVariant[];

const built = (seed: number, options: Parameters<typeof buildCtBrainModel>[0] = {}) =>
  buildCtBrainModel({ variant: 'recommended', backbone: tinyBackbone({ batchNorm: true, seed }), seed, ...options }); // prettier-ignore

/** Weights that differ from what a model starts with, each by its own number, running statistics and biases too. */
function shaken(model: tf.LayersModel): tf.LayersModel {
  tf.tidy(() => model.setWeights(model.getWeights().map((w, i) => tf.add(w, 0.01 * (i + 1)))));
  return model;
}

const bitsOf = (model: tf.LayersModel) =>
  model.getWeights().map((w) => createHash('sha1').update(w.dataSync()).digest('hex'));

/** Out as safetensors, into `to`, the file's bytes between. */
async function carry(from: tf.LayersModel, to: tf.LayersModel): Promise<string[]> {
  const state = torchStateDict(from);
  const read = readSafetensors(await writeSafetensors(state));
  const { loaded, fresh } = loadTorchWeights(to, read);
  expect(fresh).toEqual([]);
  expect(loaded.sort()).toEqual(Object.keys(state).sort());
  tf.dispose([state, read]);
  return loaded;
}

afterEach(() => tf.disposeVariables());

describe('a whole model', () => {
  it.each(VARIANTS)('%s goes out and comes back bit by bit', async (variant) => {
    const [from, to] = [shaken(built(1, { variant })), built(2, { variant })];
    expect(bitsOf(to)).not.toEqual(bitsOf(from));
    const names = await carry(from, to);
    expect(bitsOf(to)).toEqual(bitsOf(from));
    expect(names).toContain('backbone.conv.weight');
    expect(names).toContain('backbone.bn.running_var');
  });

  it.each([
    ['patients by gated attention', { output: 'patient', pooling: { type: 'attention', gated: true } }],
    ['joint labels', { order: 'label-then-slice', labelFeatures: 'joint' }],
    ['all else', { neck: 'concat', sliceDifferences: true, sliceClassifier: true, labelDecoder: { cell: 'gru', bidirectional: true }, sliceDependency: { numLayers: 2, units: 3 } }],
    ['a projecting neck', { sliceDependency: { type: 'conv1d', filters: 3 } }],
  ] as [string, Parameters<typeof buildCtBrainModel>[0]][])('with %s too', async (_, options) => {
    const [from, to] = [shaken(built(1, options)), built(2, options)];
    await carry(from, to);
    expect(bitsOf(to)).toEqual(bitsOf(from));
  }); // prettier-ignore

  it.each(BACKBONES)('backbone %s by itself and in a model', { timeout: 120_000 }, async (name) => {
    const build = (seed: number) => backboneByName(name, { inputShape: [32, 32, 1], seed });
    const [from, to] = [shaken(build(1)), build(2)];
    const names = await carry(from, to);
    expect(bitsOf(to)).toEqual(bitsOf(from));
    const whole = built(3, { variant: 'VGG16', backbone: from });
    const state = torchStateDict(whole);
    const heads = ['classifier.bias', 'classifier.weight'];
    expect(Object.keys(state).sort()).toEqual([...names.map((n) => `backbone.${n}`), ...heads].sort());
    tf.dispose(state);
  });

  it('has the names that the guide lists', () => {
    const names = (options: object) => {
      const state = torchStateDict(built(1, options));
      return Object.keys(state).filter((name) => !name.startsWith('backbone.')).sort(); // prettier-ignore
    };
    expect(names({ variant: 'VGG16 + LRNN + SDL(GRU)', neck: 'none' })).toEqual(
      ['bias_hh_l0', 'bias_hh_l0_reverse', 'bias_ih_l0', 'bias_ih_l0_reverse', 'weight_hh_l0', 'weight_hh_l0_reverse', 'weight_ih_l0', 'weight_ih_l0_reverse']
        .map((name) => `slice_dependency.${name}`)
        .concat('classifier.weight', 'classifier.bias', ...['init.weight', 'init.bias', 'lstm.weight_hh_l0', 'lstm.bias_ih_l0', 'lstm.bias_hh_l0'].map((name) => `label_decoder.${name}`))
        .sort(),
    ); // prettier-ignore
    expect(names({ variant: 'VGG16 + SDL(1Dconv)', sliceClassifier: true })).toEqual(
      ['classifier', 'slice_classifier', 'slice_dependency'].flatMap((part) => [`${part}.bias`, `${part}.weight`]),
    ); // prettier-ignore
  });

  it('half precision is near', async () => {
    const [from, to] = [shaken(built(1)), built(2)];
    const state = torchStateDict(from);
    const [half, full] = [await writeSafetensors(state, { precision: 'float16' }), await writeSafetensors(state)];
    expect(half.length).toBeLessThan(0.6 * full.length);
    loadTorchWeights(to, readSafetensors(half));
    to.getWeights().forEach((w, i) => expectClose(w, from.getWeights()[i]!, 2 ** -11));
  }); // prettier-ignore

  it('says part by part what is missing, left over or of another shape', () => {
    const model = built(1);
    const { 'label_decoder.out.weight': _, ...state } = torchStateDict(model);
    state['neck.weight'] = tf.zeros([2, 2]);
    state['backbone.conv.bias'] = tf.zeros([5]);
    state['backbone.classifier.0.weight'] = tf.zeros([5]); // as torchvision has it
    state['backbone.bn.num_batches_tracked'] = tf.scalar(1, 'int32');
    state['ema.decay'] = tf.scalar(1);
    const before = bitsOf(model);
    expect(() => loadTorchWeights(model, state)).toThrow(
      new RegExp(
        'the weights do not fit ct_brain_model: ' +
          '\\n  backbone, 5 of 6 fit: shape of backbone.conv.bias: expected \\[4\\], received \\[5\\]' +
          '\\n  label_decoder, 6 of 7 fit: missing: label_decoder.out.weight \\[1,\\d+\\]' +
          '\\n  in no part: unexpected: neck.weight; unexpected: ema.decay$',
      ),
    );
    expect(bitsOf(model)).toEqual(before);
  });

  it('refuses the classifier of a linear head where the model has another', () => {
    const state = torchStateDict(built(1));
    state['classifier.weight'] = tf.zeros([5, 4]);
    expect(() => loadTorchWeights(built(2), state)).toThrow(/in no part: unexpected: classifier.weight$/);
  });

  it('says of a backbone alone which prefix it lacks, and takes it with that, the head starting fresh', () => {
    const [from, model] = [shaken(tinyBackbone({ seed: 3 })), built(2, { backbone: tinyBackbone() })];
    const state = torchStateDict(from);
    const load = (options: object) => () => loadTorchWeights(model, state, options);
    expect(load({ partial: true })).toThrow(/2 of the 2 names would fit with the prefix 'backbone\.'/);
    const rename = (name: string) => `backbone.${name}`;
    expect(load({ rename })).toThrow(/\n {2}label_decoder, 0 of 7 fit: missing: .*; … 3 more/);
    const { loaded, fresh } = load({ partial: true, rename })();
    expect(loaded.sort()).toEqual(['backbone.conv.bias', 'backbone.conv.weight']);
    expect(fresh).toContain('slice_dependency.weight_ih_l0');
    expect(fresh).toHaveLength(15);
  });

  it('names a wrapper that is around it, and takes it without', () => {
    const [from, to] = [shaken(built(1)), built(2)];
    const state = Object.fromEntries(
      Object.entries(torchStateDict(from)).map(([name, t]) => [`_orig_mod.module.${name}`, t]),
    );
    expect(() => loadTorchWeights(to, state)).toThrow(/without the prefix '_orig_mod\.module\.'/);
    loadTorchWeights(to, { ...state, step: tf.scalar(9) }, {
      rename: (name) => (name === 'step' ? undefined : name.slice(17)),
    }); // prettier-ignore
    expect(bitsOf(to)).toEqual(bitsOf(from));
    expect(() => loadTorchWeights(to, state, { rename: () => 'neck' })).toThrow(/a second neck: _orig_mod/);
    expect(() => loadTorchWeights(to, state, { rename: () => 3 as never })).toThrow(/expected a name or undefined, received 3/);
  }); // prettier-ignore
});

describe("timm's names", () => {
  it('above and before what torchvision calls features', () => {
    // built faster than VGG16
    const backbone = backboneByName('squeezenet1_1', { inputShape: [32, 32, 3], seed: 1 });
    const state = torchStateDict(backbone);
    const listed = Object.entries(state).map(([n, t]) => [n.replace('features.', 'features_'), t] as const);
    for (const extra of ['pre_logits.fc1.weight', 'head.fc.bias']) {
      loadTorchWeights(backbone, { ...state, [extra]: tf.zeros([2]) });
    }
    expect(loadTorchWeights(backbone, Object.fromEntries(listed)).fresh).toEqual([]);
    expect(() => loadTorchWeights(backbone, { ...state, '0.bias': tf.zeros([64]) })).toThrow(
      /a second features.0.bias: 0.bias/,
    );
    const whole = built(1, { variant: 'VGG16', backbone });
    const prefixed = listed.map(([n, t]) => [`backbone.${n}`, t] as const);
    const { fresh } = loadTorchWeights(whole, Object.fromEntries(prefixed), { partial: true });
    expect(fresh.sort()).toEqual(['classifier.bias', 'classifier.weight']);
  });
});

describe('torchStateDict', () => {
  it("is a depthwise convolution's too, in PyTorch's layout", () => {
    const layer = tf.layers.depthwiseConv2d({ kernelSize: [2, 3] });
    layer.build([null, 8, 8, 4]);
    const { weight } = torchStateDict(layer);
    expect(weight!.shape).toEqual([4, 1, 2, 3]);
    loadTorchWeights(layer, { weight: tf.range(0, 24).reshape([4, 1, 2, 3]), bias: tf.zeros([4]) });
    // channel 1, row 0, column 2 in [channel][row][column]
    expect(layer.getWeights()[0]!.arraySync()).toHaveProperty([0, 2, 1, 0], 8);
    const two = tf.layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 });
    two.build([null, 8, 8, 4]);
    expect(() => torchStateDict(two)).toThrow(/expected depthMultiplier 1, received 2/);
  });

  it('refuses what is not built or has no counterpart', () => {
    expect(() => torchStateDict(new SliceConv1D({ filters: 2 }))).toThrow(/expected a built layer/);
    const model = tf.sequential({ layers: [tf.layers.embedding({ inputDim: 3, outputDim: 2, inputLength: 4 })] });
    expect(() => torchStateDict(model)).toThrow(/layers with a PyTorch counterpart, received "Embedding"/);
  }); // prettier-ignore

  it('leaks nothing', () => {
    const model = built(1);
    expectNoLeak(() => torchStateDict(model));
  });
});
