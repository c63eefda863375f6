import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { NonFiniteError } from '../../../src/base/errors';
import { CT_LABELS } from '../../../src/data/labels/labels';
import * as layers from '../../../src/layers/index';
import { EMITTERS } from '../../../src/interop/onnx/layers';
import { exportOnnx } from '../../../src/interop/export_onnx';
import { createCheckpointManifest } from '../../../src/saving/checkpoint_format';
import { createPreprocessing } from '../../../src/transforms/preprocessing';
import { prepareWasmBackend } from '../../../src/backends/prepare_wasm_backend';
import '../../support/backends';
import { BACKBONES } from '../../../src/backbones/registry';
import { buildCtBrainModel } from '../../../src/models/ct_brain_model';
import type { CtBrainVariant } from '../../../src/models/options';
import { POSTER_VARIANTS } from '../../../src/models/poster_variants';
import { onnxTexts, runOnnx, RUNTIMES } from '../../support/onnx';
import { expectClose, expectNoLeakAsync } from '../../support/matchers';
import { tinyBackbone } from '../../support/memory_source';

const VARIANTS = [...Object.keys(POSTER_VARIANTS), 'recommended'] as CtBrainVariant[];

const stacks = (slices: number, batch = 1) =>
  tf.randomUniform([batch, slices, 32, 32, 1], 0, 1, 'float32', slices);
type Options = Parameters<typeof buildCtBrainModel>[0];

const built = (options: Options = {}) =>
  buildCtBrainModel({
    variant: 'recommended',
    backbone: tinyBackbone({ size: 32, batchNorm: true }),
    seed: 1,
    ...options,
  });

const logitsOf = (model: tf.LayersModel, images: tf.Tensor) => model.predict(images) as tf.Tensor;

beforeAll(async () => {
  await tf.setBackend('wasm');
  await prepareWasmBackend();
});
afterEach(() => tf.disposeVariables());

describe.each(RUNTIMES)('on %s', (runtime) => {
  describe.each(VARIANTS)('%s', (variant) => {
    it.each([
      ['float32', 1e-4],
      ['float16', 1e-2],
    ] as const)('in %s, with 1, 2 and 40 slices', async (precision, tolerance) => {
      const model = built({ variant });
      const bytes = await exportOnnx(model, { precision });
      for (const slices of [1, 2, 40]) {
        const images = stacks(slices);
        const { logits, probabilities, inputNames, outputNames } = await runOnnx(runtime, bytes, images);
        expect([inputNames, outputNames]).toEqual([['images'], ['logits', 'probabilities']]);
        const expected = logitsOf(model, images);
        expect(logits.shape).toEqual([1, slices, 5]);
        expectClose(logits, expected, tolerance);
        expectClose(probabilities, tf.sigmoid(expected), tolerance);
      }
    });
  });

  it.each([
    ['residual GRU layers that are summed', { sliceDependency: { numLayers: 3, units: 6, mergeMode: 'sum', residual: true } }],
    ['one direction and a decoder of GRU', { sliceDependency: { bidirectional: false, units: 3 }, labelDecoder: { cell: 'gru', units: 5, bidirectional: true } }],
    ['a bidirectional LSTM and a wide neck', { labelDecoder: { cell: 'lstm', units: 3, bidirectional: true }, neck: 'concat' }],
    ['an even kernel and an activation', { sliceDependency: { type: 'conv1d', kernelSize: 4, activation: 'elu', filters: 3 } }],
    ['differences and a classifier beside', { sliceDifferences: true, sliceClassifier: true }],
    ['joint labels', { order: 'label-then-slice', labelFeatures: 'joint', labelDecoder: { units: 4 } }],
    ['patients by maximum', { output: 'patient' }],
    ['patients by attention', { output: 'patient', pooling: { type: 'attention', units: 3 } }],
    ['each label weighing slices by itself', { order: 'label-then-slice', output: 'patient', pooling: { type: 'attention', units: 3, gated: true } }],
  ] as [string, Options][])('%s, padded as by a mask', async (_, options) => {
    const model = built(options);
    const plain = stacks(3, 2);
    const { logits } = await runOnnx(runtime, await exportOnnx(model), plain);
    expect(logits.shape).toEqual(logitsOf(model, plain).shape);
    expectClose(logits, logitsOf(model, plain), 1e-4);

    // the same stacks by themselves, and side by side with padding that must not matter
    const lengths = [3, 1, 5];
    const each = lengths.map((slices) => stacks(slices));
    const padded = tf.concat(each.map((stack, i) => tf.pad(stack, [[0, 0], [0, 5 - lengths[i]!], [0, 0], [0, 0], [0, 0]], 7)));
    const bytes = await exportOnnx(model, { lengths: true });
    const together = await runOnnx(runtime, bytes, padded, lengths);
    expect(together.inputNames).toEqual(['images', 'lengths']);
    for (const [i, stack] of each.entries()) {
      const row = tf.slice(together.logits, i, 1);
      const real = row.rank === 3 ? tf.slice(row, [0, 0, 0], [1, lengths[i]!, 5]) : row;
      expectClose(real, logitsOf(model, stack), 1e-4);
    }
  });

  it.each(['VGG16 + SDL(GRU) + LRNN', 'VGG16 + SDL(1Dconv)', 'VGG16 + LRNN + SDL(GRU)'] as const)(
    'padding by a value of its own, wherever it lies: %s',
    async (variant) => {
      const model = built({ variant, maskValue: -1, sliceDifferences: true });
      const real = tf.tensor([[1, 0, 1, 1, 0], [0, 1, 1, 0, 1]], [2, 5, 1, 1, 1]); // prettier-ignore
      const images = tf.where(tf.cast(tf.broadcastTo(real, [2, 5, 32, 32, 1]), 'bool'), stacks(5, 2), -1);
      const expected = logitsOf(model, images);
      expectClose((await runOnnx(runtime, await exportOnnx(model), images)).logits, expected, 1e-4);
      const both = await runOnnx(runtime, await exportOnnx(model, { lengths: true }), images, [5, 9]);
      expectClose(both.logits, expected, 1e-4);
    },
  );

  it.each([[{}], [{ output: 'patient', pooling: { type: 'attention', units: 3 } }], [{ output: 'patient' }]] as [Options][])(
    'NaN for a stack with a pixel that is not finite, and for one without slices: %j',
    async (options) => {
      const model = built(options);
      const good = stacks(4, 2);
      const expected = logitsOf(model, good);
      const withPixel = (value: number, slice: number) => {
        const pixels = tf.buffer([2, 4, 32, 32, 1], 'float32', Float32Array.from(good.dataSync()));
        pixels.set(value, 1, slice, 7, 9, 0);
        return pixels.toTensor();
      };
      const plain = await exportOnnx(model);
      for (const value of [NaN, Infinity, -Infinity]) {
        const { logits, probabilities } = await runOnnx(runtime, plain, withPixel(value, 2));
        for (const found of [logits, probabilities]) {
          expect(Array.from(tf.slice(found, 1, 1).dataSync(), Number.isNaN)).not.toContain(false);
        }
        expectClose(tf.slice(logits, 0, 1), tf.slice(expected, 0, 1), 1e-4);
      }
      const padded = await exportOnnx(model, { lengths: true });
      // in the padding it does not matter
      const { logits } = await runOnnx(runtime, padded, withPixel(NaN, 3), [4, 3]);
      expect(Array.from(logits.dataSync(), Number.isNaN)).not.toContain(true);
      const empty = (await runOnnx(runtime, padded, good, [4, 0])).logits;
      expectClose(tf.slice(empty, 0, 1), tf.slice(expected, 0, 1), 1e-4);
      expect(Array.from(tf.slice(empty, 1, 1).dataSync(), Number.isNaN)).not.toContain(false);
    },
  );

  it("what tfjs's own layers compute", async () => {
    const input = tf.input({ shape: [32, 32, 2] });
    const seed = 3;
    const layers = [
      tf.layers.zeroPadding2d({ padding: [[0, 1], [2, 1]] }),
      tf.layers.conv2d({ filters: 6, kernelSize: [3, 4], strides: 2, padding: 'same', activation: 'relu6' as never }),
      tf.layers.batchNormalization({ scale: false }),
      tf.layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, padding: 'same', activation: 'tanh' }),
      tf.layers.reLU({ maxValue: 0.1 }),
      tf.layers.conv2d({ filters: 5, kernelSize: 3, dilationRate: 2, padding: 'same', useBias: false, activation: 'hardSigmoid' }),
      tf.layers.activation({ activation: 'softmax' }),
      tf.layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
      tf.layers.averagePooling2d({ poolSize: [2, 3], strides: 2, padding: 'same' }),
      tf.layers.dropout({ rate: 0.5 }),
    ];
    const x = layers.reduce((y, layer) => layer.apply(y) as tf.SymbolicTensor, input);
    const apply = (layer: tf.layers.Layer, ...of: tf.SymbolicTensor[]) => layer.apply(of.length === 1 ? of[0]! : of) as tf.SymbolicTensor;
    const gate = apply(tf.layers.reshape({ targetShape: [1, 1, 5] }), apply(tf.layers.globalMaxPooling2d({}), x));
    const weighed = apply(tf.layers.multiply(), x, apply(tf.layers.conv2d({ filters: 5, kernelSize: 1, activation: 'swish' as never }), gate));
    const wide = apply(tf.layers.concatenate({}), x, weighed);
    const mean = apply(tf.layers.globalAveragePooling2d({}), wide);
    const flat = apply(tf.layers.dense({ units: 4, activation: 'softplus' }), apply(tf.layers.flatten(), wide));
    const backbone = tf.model({ inputs: input, outputs: apply(tf.layers.concatenate({}), mean, flat) });
    tf.tidy(() => backbone.setWeights(backbone.getWeights().map((w, i) => tf.randomUniform(w.shape, 0.1, 0.5, 'float32', seed + i))));
    const model = built({ variant: 'VGG16', backbone });
    const images = tf.randomUniform([2, 2, 32, 32, 2], 0, 1, 'float32', 1);
    const { logits } = await runOnnx(runtime, await exportOnnx(model), images);
    expectClose(logits, logitsOf(model, images), 1e-4);
  });

  it('a model within a model, and calibrated probabilities', async () => {
    const inner = tinyBackbone({ size: 32 });
    const input = tf.input({ shape: [32, 32, 1] });
    const backbone = tf.model({ inputs: input, outputs: inner.apply(input) as tf.SymbolicTensor });
    const model = built({ variant: 'VGG16 + LRNN', backbone });
    const calibration = { method: 'platt', scale: [1, 2, 3, 0.5, 1], offset: [0, 1, -1, 0, 2] } as const;
    const copy = structuredClone(calibration) as unknown as NonNullable<Parameters<typeof exportOnnx>[1]>['calibration'];
    const images = stacks(3);
    const { logits, probabilities } = await runOnnx(runtime, await exportOnnx(model, { calibration: copy }), images);
    const expected = logitsOf(model, images);
    expectClose(logits, expected, 1e-4);
    expectClose(probabilities, tf.sigmoid(tf.add(tf.mul(expected, [...calibration.scale]), [...calibration.offset])), 1e-4);
  });
}); // prettier-ignore

it.each(BACKBONES)('backbone %s, with what normalises its images', { timeout: 120_000 }, async (backbone) => {
  const model = buildCtBrainModel({
    variant: 'recommended',
    backbone,
    inputShape: [32, 32, 1],
    normalize: true,
    labelDecoder: { units: 4 },
    sliceDependency: { units: 4 },
    seed: 1,
  });
  const images = stacks(2, 2);
  const [bytes, expected] = [await exportOnnx(model), logitsOf(model, images)];
  for (const runtime of RUNTIMES) expectClose((await runOnnx(runtime, bytes, images)).logits, expected, 1e-4);
});

describe('exportOnnx', () => {
  it('keeps labels, thresholds, preprocessing and a card, as a manifest has them', async () => {
    const preprocessing = createPreprocessing({ imageSize: [32, 32] });
    const manifest = createCheckpointManifest({ labels: CT_LABELS, preprocessing, thresholds: [0.1, 0.2, 0.3, 0.4, 0.5], model: { backbone: 'tiny' } });
    const { docString, metadata } = onnxTexts(await exportOnnx(built(), { ...manifest }));
    expect(JSON.parse(metadata['labels']!)).toEqual(CT_LABELS);
    expect(JSON.parse(metadata['thresholds']!)).toEqual([0.1, 0.2, 0.3, 0.4, 0.5]);
    expect(JSON.parse(metadata['preprocessing']!)).toEqual(preprocessing);
    expect(JSON.parse(metadata['model']!)).toEqual({ backbone: 'tiny' });
    expect(Object.keys(metadata).sort()).toEqual(['labels', 'model', 'model_card', 'preprocessing', 'thresholds']);
    expect(metadata['model_card']).toMatch(/Research use only[^]*Labels: \["ich",/);
    expect(docString).toBe(metadata['model_card']);
    const { metadata: least } = onnxTexts(await exportOnnx(built({ labels: ['a', 'b'] })));
    expect(least['labels']).toBe('["a","b"]'); // the model's own
  });

  it('is half as large in half precision, but for weights that halves have no room for', async () => {
    const model = built({ labelDecoder: { units: 64 } });
    const [full, half] = [await exportOnnx(model), await exportOnnx(model, { precision: 'float16' })];
    expect(half.length).toBeLessThan(0.65 * full.length);
    const head = model.getLayer('label_decoder');
    head.setWeights(head.getWeights().map((w) => (w.shape.join() === '64,1' ? tf.fill(w.shape, 1e5) : w)));
    const images = stacks(2);
    const { logits } = await runOnnx('onnxruntime-node', await exportOnnx(model, { precision: 'float16' }), images);
    expectClose(logits, logitsOf(model, images), 1e-2);
  });

  it('has a way for every layer of the library', () => {
    const classes = Object.values(layers).filter((one) => typeof one === 'function' && 'className' in one);
    expect(classes.length).toBeGreaterThan(10);
    for (const { className } of classes as { className: string }[]) expect([...EMITTERS.keys()]).toContain(className);
  });

  it('names what it has no way for', async () => {
    const input = tf.input({ shape: [32, 32, 1] });
    const build = (layer: tf.layers.Layer) => {
      const x = tf.layers.flatten().apply(layer.apply(input)) as tf.SymbolicTensor;
      return built({ variant: 'VGG16', backbone: tf.model({ inputs: input, outputs: x }) });
    };
    const odd = build(tf.layers.upSampling2d({ name: 'up' }));
    await expect(exportOnnx(odd)).rejects.toThrow(/exportOnnx: layer 'backbone\/up': expected one of .*PerSlice.*, received "UpSampling2D"/);
    const first = build(tf.layers.conv2d({ filters: 2, kernelSize: 1, activation: 'mish' as never, name: 'c' }));
    await expect(exportOnnx(first)).rejects.toThrow(/layer 'backbone\/c': activation: expected one of relu/);
    const rows = build(tf.layers.batchNormalization({ axis: 1, name: 'rows' }));
    await expect(exportOnnx(rows)).rejects.toThrow(/layer 'backbone\/rows': axis: expected the last, received 1/);
  });

  it('refuses a weight that is not finite, of which onnxruntime makes a probability', async () => {
    for (const value of [NaN, -Infinity]) {
      const model = built();
      const weights = model.getWeights();
      model.setWeights([tf.fill(weights[0]!.shape, value), ...weights.slice(1)]);
      const found = exportOnnx(model);
      await expect(found).rejects.toThrow(NonFiniteError);
      await expect(found).rejects.toThrow(`exportOnnx: value 0 of conv/kernel is ${value}; nothing is exported`);
    }
  });

  it('refuses a description that does not fit, and what is no model of slices', async () => {
    const model = built();
    await expect(exportOnnx(model, { labels: ['a'] })).rejects.toThrow(/labels: expected one for each of the model's 5 outputs/);
    await expect(exportOnnx(model, { thresholds: [0.5] })).rejects.toThrow(/thresholds: .*5 labels/);
    await expect(exportOnnx(model, { precision: 'int8' } as never)).rejects.toThrow(/precision/);
    await expect(exportOnnx(model, { prescision: 'float16' } as never)).rejects.toThrow(/did you mean 'precision'/);
    await expect(exportOnnx(tinyBackbone())).rejects.toThrow(/starts with PerSlice/);
  });

  it('leaks nothing', async () => {
    const model = built();
    await expectNoLeakAsync(() => exportOnnx(model));
  });
}); // prettier-ignore
