import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BACKBONES } from '../../src/backbones/registry';
import { readSafetensors, writeSafetensors } from '../../src/interop/safetensors';
import { isFilled, inverseOf, torchParametersOf } from '../../src/interop/torch_names';
import { torchStateDict } from '../../src/interop/torch_state_dict';
import { asymmetricLoss } from '../../src/losses/asymmetric_loss';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { POSTER_VARIANTS } from '../../src/models/poster_variants';
import { useBackend } from '../../src/node/backend/backend';
import { saveCheckpoint } from '../../src/node/runs/checkpoint';
import { createPreprocessing } from '../../src/transforms/preprocessing';
import { expectClose } from '../support/matchers';
import { python, runPython } from '../support/torch_twin';

type Options = NonNullable<Parameters<typeof buildCtBrainModel>[0]>;

const SIZE = 32;
const small: Options = { backbone: 'smallCnn', inputShape: [SIZE, SIZE, 1], seed: 1 };

/** A backbone of tfjs's own layers, which no record of options describes. */
function ownBackbone(): tf.LayersModel {
  const kernelInitializer = tf.initializers.heNormal({ seed: 1 });
  const depthwiseInitializer = tf.initializers.glorotUniform({ seed: 2 });
  const same = { padding: 'same' as const, strides: 2, useBias: true };
  const layers = [
    tf.layers.conv2d({ ...same, filters: 6, kernelSize: 4, kernelInitializer, activation: 'relu6' }),
    tf.layers.maxPooling2d({ poolSize: 3, strides: 1 }),
    tf.layers.depthwiseConv2d({ ...same, kernelSize: 3, depthwiseInitializer, activation: 'elu' }),
    tf.layers.batchNormalization(),
    tf.layers.activation({ activation: 'tanh' }),
    tf.layers.averagePooling2d({ poolSize: 2, strides: 2 }),
    tf.layers.flatten(),
    tf.layers.dense({ units: 9, useBias: false, activation: 'sigmoid', kernelInitializer }),
  ];
  const inputs = tf.input({ shape: [SIZE, SIZE, 1] });
  const outputs = layers.reduce((x, layer) => layer.apply(x) as tf.SymbolicTensor, inputs);
  return tf.model({ inputs, outputs });
} // prettier-ignore

const CASES: [name: string, options: Options][] = [
  ...[...Object.keys(POSTER_VARIANTS), 'recommended'].map((variant): [string, Options] => [
    variant,
    { ...small, variant: variant as Options['variant'] & string },
  ]),
  ...BACKBONES.map((backbone): [string, Options] => [
    `backbone ${backbone}`,
    { ...small, variant: 'VGG16', backbone, normalize: true },
  ]),
  ["a backbone of one's own", { ...small, backbone: ownBackbone() }],
  ['nine channels', { ...small, inputShape: [SIZE, SIZE, 9] }],
  ['patients by gated attention', { ...small, output: 'patient', pooling: { type: 'attention', gated: true } }],
  ['patients by attention per label', { ...small, order: 'label-then-slice', output: 'patient', pooling: 'attention' }],
  ['patients by the largest logit', { ...small, output: 'patient' }],
  ['joint labels', { ...small, order: 'label-then-slice', labelFeatures: 'joint', neck: 'none' }],
  ['label features and differences', { ...small, order: 'label-then-slice', sliceDifferences: true }],
  ['other cells', { ...small, neck: 'concat', sliceDifferences: true, sliceClassifier: true, labelDecoder: { cell: 'gru', bidirectional: true }, sliceDependency: { numLayers: 2, units: 6, mergeMode: 'sum', residual: true } }],
  ['a projecting neck', { ...small, labels: ['a', 'b'], labelDecoder: { bidirectional: true, units: 5 }, sliceDependency: { type: 'conv1d', filters: 3, kernelSize: 4, activation: 'elu' } }],
]; // prettier-ignore

/** Every weight moved a little, running statistics and biases too. */
function shaken(model: tf.LayersModel): tf.LayersModel {
  const moved = (w: tf.Tensor, i: number) => tf.add(w, tf.randomUniform(w.shape, -0.02, 0.02, 'float32', i));
  tf.tidy(() => model.setWeights(model.getWeights().map(moved)));
  return model;
}

/** Logits, loss and the loss's gradients, by PyTorch's names and in its layouts. */
function expectedOf(model: tf.LayersModel, images: tf.Tensor, labels: tf.Tensor): Record<string, tf.Tensor> {
  const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const { value, grads } = tf.variableGrads(
    () => asymmetricLoss()(labels, model.apply(images) as tf.Tensor) as tf.Scalar,
    variables,
  );
  const named = torchParametersOf('test', model)
    .filter(isFilled)
    .flatMap(({ name, variable, permute }) => {
      const gradient = grads[(variable.read() as tf.Variable).name];
      if (gradient === undefined) return [];
      return [[`grad.${name}`, permute ? tf.transpose(gradient, inverseOf(permute)) : gradient] as const];
    });
  expect(named).toHaveLength(variables.length);
  return { logits: model.predict(images) as tf.Tensor, loss: value, ...Object.fromEntries(named) };
}

/** What is said of each pair of a model and weights. */
const REFUSALS = `
import json, sys, torch
from ct_multilabel_torch import load_model
def refusal(model, weights):
    try:
        load_model(model, weights)(torch.zeros(1, 2, 32, 32, 1))
    except ValueError as error:
        return str(error)
    return "none"
print(json.dumps([refusal(*pair) for pair in json.loads(sys.argv[1])]))
`;

describe.skipIf(python === undefined)('the twin in PyTorch (skipped without PyTorch)', () => {
  let folder: string;
  const expected = new Map<string, Record<string, Float32Array>>();

  beforeAll(async () => {
    await useBackend('wasm');
    folder = mkdtempSync(path.join(tmpdir(), 'ct-multilabel-'));
    for (const [i, [name, options]] of CASES.entries()) {
      const place = path.join(folder, String(i));
      const model = shaken(buildCtBrainModel(options));
      const labelNames = [...(options.labels ?? ['ich', 'ivh', 'sah', 'sdh', 'edh'])];
      const preprocessing = createPreprocessing({ imageSize: [SIZE, SIZE] });
      await saveCheckpoint(place, model, { labels: labelNames, preprocessing });
      mkdirSync(place, { recursive: true });
      // of a deep backbone few: a value so near a ReLU's corner that rounding decides its side has another gradient
      const [stacks, slices] = name.startsWith('backbone') ? [1, 3] : [2, 5];
      const images = tf.randomUniform([stacks, slices, ...options.inputShape!], 0, 1, 'float32', 11);
      const shape = (model.outputs[0]!.shape.length === 2 ? [stacks] : [stacks, slices]).concat(
        labelNames.length,
      );
      const labels = tf.sub(tf.floor(tf.randomUniform(shape, 0, 3, 'float32', 8)), 1); // -1, 0, 1
      const state = torchStateDict(model);
      const files = { weights: state, stack: { images, labels } };
      for (const [file, tensors] of Object.entries(files)) {
        writeFileSync(path.join(place, `${file}.safetensors`), await writeSafetensors(tensors));
      }
      const values = expectedOf(model, images, labels);
      expected.set(name, Object.fromEntries(Object.entries(values).map(([key, t]) => [key, t.dataSync().slice() as Float32Array]))); // prettier-ignore
      tf.dispose([state, images, labels, values]);
      model.dispose();
    }
    await runPython(fileURLToPath(new URL('forward.py', import.meta.url)), folder);
  }, 300_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(CASES.map(([name], i) => [name, i] as const))('%s: same logits, loss and gradients', (name, i) => {
    const out = readSafetensors(readFileSync(path.join(folder, String(i), 'out.safetensors')));
    const wanted = expected.get(name)!;
    expect(Object.keys(out).sort()).toEqual(Object.keys(wanted).sort());
    // a weight that no gradient reaches, such as a bias before a softmax, has rounding noise on both sides
    const sizes = Object.entries(wanted).map(([key, values]) => ({
      key,
      values,
      size: values.reduce((most, v) => Math.max(most, Math.abs(v)), 0),
    }));
    const ofGradients = sizes.filter(({ key }) => key.startsWith('grad.'));
    const largest = Math.max(...ofGradients.map(({ size }) => size));
    expect(largest).toBeGreaterThan(1e-3);
    for (const { key, values, size } of sizes) {
      if (key.startsWith('grad.') && size < 1e-5 * largest) continue;
      expectClose(out[key]!, values, 1e-4, key);
    }
  });

  it("refuses by name another model's weights, and layers and options that it does not compute", async () => {
    const place = (name: string, file: string) => path.join(folder, String(CASES.findIndex(([each]) => each === name)), file);
    const [own, weights] = ['model.json', 'weights.safetensors'].map((file) => place("a backbone of one's own", file)) as [string, string];
    const text = readFileSync(own, 'utf8');
    const changed = ([from, to]: readonly [RegExp, string, RegExp], i: number) => {
      expect(text).toMatch(from);
      const file = path.join(folder, `changed-${i}.json`);
      writeFileSync(file, text.replace(from, to));
      return [file, weights];
    };
    const changes = [
      [/"class_name":"MaxPooling2D"/, '"class_name":"UpSampling2D"', /layer max_pool\S+: class_name: expected one of .*Dense.*, received 'UpSampling2D'/],
      [/"activation":"elu"/, '"activation":"selu"', /layer depthwise\S+: activation: expected one of linear, .*, received 'selu'/],
      [/"padding":"valid"/, '"padding":"same"', /layer max_pool\S+: padding: expected one of valid, received 'same'/],
      [/"label_decoder"/g, '"head"', /weights: expected head\.init\.weight, found none/],
    ] as const;
    const cut = path.join(folder, 'cut.safetensors');
    writeFileSync(cut, readFileSync(weights).subarray(0, -4));
    const pairs = [[own, weights], [own, place('recommended', 'weights.safetensors')], [own, cut], ...changes.map(changed)];
    const found = JSON.parse(await runPython('-c', REFUSALS, JSON.stringify(pairs))) as string[];
    const expected = [/^none$/, /expected the \d+ weights of .*, received \d+ of other shapes/, /cut\.safetensors: \S+: expected one of F64, .* within \d+ bytes, received .*shape/, ...changes.map(([, , message]) => message)];
    expect(found).toHaveLength(expected.length);
    expected.forEach((message, i) => expect(found[i]).toMatch(message));
  }, 120_000); // prettier-ignore
});
