import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { ArgumentError, CheckpointError, NonFiniteError } from '../../src/base/errors';
import { asymmetricLoss, type AsymmetricLossFn } from '../../src/losses/asymmetric_loss';
import { f2Metric } from '../../src/metrics/f2_metric';
import { weightedLogLossMetric } from '../../src/metrics/weighted_log_loss';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { backboneOf } from '../../src/models/model_parts';
import type { CtBrainModelOptions } from '../../src/models/options';
import { adam } from '../../src/optimizers/adam';
import {
  loadCtBrainModel,
  saveCtBrainModel,
  type LoadCtBrainModelOptions,
  type SaveCtBrainModelOptions,
} from '../../src/saving/saved_model';
import { trainStep } from '../../src/training/steps/train_step';
import { createPreprocessing } from '../../src/transforms/preprocessing';
import { expectClose } from '../support/matchers';
import { tinyBackbone } from '../support/memory_source';

const labels = ['a', 'b'];
const description = {
  labels,
  preprocessing: createPreprocessing({ imageSize: [16, 16], clahe: { clipLimit: 3 } }),
  thresholds: [0.25, 0.75],
  calibration: { method: 'platt' as const, scale: [0.5, 1.5], offset: [-0.25, 0] },
  model: { variant: 'tiny' },
  training: { stage: 'patients', epoch: 3, validationF2: 0.5 },
};
const build = (options: CtBrainModelOptions = {}) =>
  buildCtBrainModel({
    variant: 'VGG16 + LRNN + SDL(GRU)',
    backbone: tinyBackbone({ batchNorm: true }),
    labels,
    labelDecoder: { units: 3 },
    sliceDependency: { units: 4 },
    seed: 1,
    ...options,
  });
const images = tf.randomUniform([3, 2, 16, 16, 1], 0, 1, 'float32', 4);
const yTrue = tf.cast(tf.greater(tf.randomUniform([3, 2, 2], 0, 1, 'float32', 5), 0.5), 'float32');
const weightsOf = (model: tf.LayersModel) => model.getWeights().map((weight) => [...weight.dataSync()]);
const fit = (model: tf.LayersModel, epochs: number) =>
  model.fit(images, yTrue, { epochs, batchSize: 3, shuffle: false, verbose: 0 });

/** What a handler is given, as a browser's IndexedDB keeps it: a structured clone. */
async function artifactsOf(model: tf.LayersModel, options: Partial<SaveCtBrainModelOptions> = {}) {
  let kept: tf.io.ModelArtifacts = {};
  const info = { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' as const } };
  const handler = tf.io.withSaveHandler(async (artifacts) => {
    kept = structuredClone(artifacts);
    return info;
  });
  expect(await saveCtBrainModel(model, handler, { ...description, ...options })).toBe(info);
  return kept;
}
const load = (artifacts: tf.io.ModelArtifacts, options?: LoadCtBrainModelOptions) =>
  loadCtBrainModel(tf.io.fromMemory(structuredClone(artifacts)), options);
const reloaded = async (model: tf.LayersModel, options: Partial<SaveCtBrainModelOptions> = {}) =>
  load(await artifactsOf(model, options));
const manifestOf = (artifacts: tf.io.ModelArtifacts) =>
  artifacts.userDefinedMetadata!['ctMultilabel'] as Record<string, object>;

/** Float16, cut off; no value here is too small or too large for it. */
function toHalf(values: Float32Array): Uint8Array {
  const halves = Uint16Array.from(new Uint32Array(values.buffer), (bits) => {
    const exponent = ((bits >>> 23) & 255) - 112;
    const sign = (bits >>> 31) << 15;
    return exponent <= 0 ? sign : sign | (exponent << 10) | ((bits & 0x7fffff) >>> 13);
  });
  return new Uint8Array(halves.buffer);
}

describe('saveCtBrainModel and loadCtBrainModel', () => {
  it.each<[string, () => tf.Optimizer | string]>([
    ["the name 'adam'", () => 'adam'],
    ['adam', () => adam(1e-2, 0.8, 0.99, 1e-6)],
    ['tf.train.adam', () => tf.train.adam(1e-2)],
    ['sgd', () => tf.train.sgd(0.1)],
    ['momentum', () => tf.train.momentum(0.1, 0.9, true)],
    ['rmsprop', () => tf.train.rmsprop(0.01, 0.8, 0.5)],
    ['adagrad', () => tf.train.adagrad(0.1, 0.2)],
    ['adadelta', () => tf.train.adadelta(0.1, 0.9)],
  ])('go on with the training as if there had been no break: %s', async (_, optimizer) => {
    const compiled = { loss: asymmetricLoss({ gammaNeg: 2, clip: 0.1 }), metrics: [f2Metric()] };
    const [whole, broken] = [build(), build()];
    whole.compile({ optimizer: optimizer() as tf.Optimizer, ...compiled });
    broken.compile({ optimizer: optimizer() as tf.Optimizer, ...compiled });
    await fit(whole, 4);
    await fit(broken, 2);
    const { model, optimizer: restored } = await reloaded(broken);
    expect(model.optimizer).toBe(restored);
    expect(model.optimizer.getConfig()).toEqual(broken.optimizer.getConfig());
    expect(model.optimizer.iterations).toBe(2);
    const { history } = await fit(model, 2);
    expect(weightsOf(model)).toEqual(weightsOf(whole));
    expect(weightsOf(model)).not.toEqual(weightsOf(broken));
    expect(Object.keys(history)).toEqual(['loss', 'f2']);
    expect(model.optimizer.iterations).toBe(4);
  });

  it('give back a model whose weights a converter made float16 of, for predicting and training on (case 23)', async () => {
    const model = build();
    model.compile({ optimizer: adam(1e-2), loss: asymmetricLoss() });
    await fit(model, 1);
    const artifacts = await artifactsOf(model);
    const bytes = new Uint8Array(tf.io.CompositeArrayBuffer.join(artifacts.weightData));
    const parts: Uint8Array[] = [];
    let at = 0;
    artifacts.weightSpecs = artifacts.weightSpecs!.map((spec) => {
      const end = at + 4 * spec.shape.reduce((product, n) => product * n, 1);
      const values = bytes.slice(at, end);
      at = end;
      parts.push(spec.group === 'optimizer' ? values : toHalf(new Float32Array(values.buffer)));
      return spec.group === 'optimizer' ? spec : { ...spec, quantization: { dtype: 'float16' as const } };
    });
    artifacts.weightData = await new Blob(parts as BlobPart[]).arrayBuffer();
    const { model: half } = await load(artifacts);
    expectClose(half.predict(images) as tf.Tensor, model.predict(images) as tf.Tensor, 2e-3);
    await fit(half, 1);
    expect(half.optimizer.iterations).toBe(2);
    // what describes it is still checked
    manifestOf(artifacts)['thresholds'] = [0.75, 0.25];
    await expect(load(artifacts)).rejects.toThrow(/manifest was damaged/);
  });

  it('notice weights of another epoch, also of the same sizes, and a changed manifest', async () => {
    const model = build();
    model.compile({ optimizer: adam(1e-2), loss: asymmetricLoss() });
    await fit(model, 1);
    const first = await artifactsOf(model);
    await fit(model, 1);
    const second = await artifactsOf(model);
    await expect(load({ ...second, weightData: first.weightData! })).rejects.toThrow(
      /the weights were damaged, or belong to another model or epoch than the manifest/,
    );
    manifestOf(second)['labels'] = ['b', 'a'];
    const before = tf.memory().numTensors;
    await expect(load(second)).rejects.toThrow(CheckpointError);
    await expect(load(second)).rejects.toThrow(/manifest was damaged, or changed by hand/);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('before the first step, too', async () => {
    const [whole, broken] = [build(), build()];
    for (const model of [whole, broken]) model.compile({ optimizer: adam(1e-2), loss: asymmetricLoss() });
    const { model } = await reloaded(broken);
    await fit(whole, 2);
    await fit(model, 2);
    expect(weightsOf(model)).toEqual(weightsOf(whole));
  });

  it('a second time', async () => {
    const model = build();
    model.compile({ optimizer: adam(1e-2), loss: asymmetricLoss() });
    await fit(model, 1);
    const again = (await reloaded((await reloaded(model)).model)).model;
    await fit(model, 1);
    await fit(again, 1);
    expect(weightsOf(again)).toEqual(weightsOf(model));
  });

  it('keep what is frozen', async () => {
    const [whole, broken] = [build(), build()];
    for (const model of [whole, broken]) {
      backboneOf(model).trainable = false;
      model.compile({ optimizer: adam(1e-2), loss: asymmetricLoss() });
      await fit(model, 1);
    }
    const { model } = await reloaded(broken);
    expect(model.trainableWeights).toHaveLength(whole.trainableWeights.length);
    await fit(model, 1);
    await fit(whole, 1);
    expect(weightsOf(model)).toEqual(weightsOf(whole));
    backboneOf(model).trainable = true;
    backboneOf(whole).trainable = true;
    expect(model.trainableWeights).toHaveLength(whole.trainableWeights.length);
  });

  it('give back labels, preprocessing, thresholds, calibration and where it came from', async () => {
    const model = build();
    const { model: loaded, manifest, optimizer } = await reloaded(model);
    expect(manifest).toMatchObject(description);
    expect(manifest.compiled).toBeUndefined();
    expect(optimizer).toBeUndefined();
    expect(loaded.optimizer).toBeUndefined();
    const [before, after] = [model, loaded].map((one) => [...(one.predict(images) as tf.Tensor).dataSync()]);
    expect(after).toEqual(before);
  });

  it('give back loss and metrics, whatever form compile took them in', async () => {
    const loss = asymmetricLoss({ gammaNeg: 3, focusWeightIsConstant: true });
    const metrics = [
      f2Metric({ threshold: [0.2, 0.4] }),
      weightedLogLossMetric({ weights: [1, 2], epsilon: 1e-3 }),
      'binaryAccuracy',
      tf.metrics.meanSquaredError,
    ];
    const [name] = build().outputNames as [string];
    for (const [lossForm, metricForm] of [
      [loss, metrics],
      [[loss], { [name]: metrics }],
      [{ [name]: loss }, metrics],
    ] as [AsymmetricLossFn, typeof metrics][]) {
      const model = build();
      model.compile({ optimizer: 'sgd', loss: lossForm, metrics: metricForm as never });
      const { model: loaded } = await reloaded(model);
      expect((loaded.loss as AsymmetricLossFn).getConfig()).toEqual(loss.getConfig());
      expect(loaded.metricsNames).toEqual(model.metricsNames);
      const scores = [model, loaded].map((one) =>
        (one.evaluate(images, yTrue) as tf.Scalar[]).map((score) => score.dataSync()[0]),
      );
      expect(scores[1]).toEqual(scores[0]);
    }
    for (const other of ['meanSquaredError', tf.losses.sigmoidCrossEntropy] as const) {
      const model = build();
      model.compile({ optimizer: 'sgd', loss: other as string });
      expect((await reloaded(model)).model.loss).toBe(other);
      model.compile({ optimizer: 'sgd', loss: 'meanSquaredError', metrics: 'mse' as never });
      expect((await reloaded(model)).model.metricsNames).toEqual(['loss', 'mse']);
    }
  });

  it('give back the optimizer of a training loop of one’s own', async () => {
    const [whole, broken] = [build(), build()];
    const step = (model: tf.LayersModel, optimizer: tf.Optimizer) =>
      tf.dispose(trainStep(model, images, yTrue, optimizer, { loss: asymmetricLoss() }));
    const [first, second] = [adam(1e-2), adam(1e-2)];
    for (let i = 0; i < 3; i++) step(whole, first);
    step(broken, second);
    const { model, optimizer } = await reloaded(broken, { optimizer: second });
    expect(model.optimizer).toBeUndefined();
    step(model, optimizer!);
    step(model, optimizer!);
    expect(weightsOf(model)).toEqual(weightsOf(whole));
  });

  it('leave training out where that is asked for', async () => {
    const model = build();
    model.compile({ optimizer: 'adam', loss: (y, x) => tf.mean(tf.sub(y, x)) });
    await fit(model, 1);
    const small = await artifactsOf(model, { includeOptimizer: false });
    expect(small.weightSpecs).toHaveLength(model.weights.length);
    expect((await load(small)).optimizer).toBeUndefined();
    model.compile({ optimizer: 'adam', loss: asymmetricLoss() });
    await fit(model, 1);
    const { model: loaded, optimizer } = await load(await artifactsOf(model), { includeOptimizer: false });
    expect(optimizer).toBeUndefined();
    expect(loaded.optimizer).toBeUndefined();
    expect(weightsOf(loaded)).toEqual(weightsOf(model));
  });

  it('are read by tf.loadLayersModel as a plain model', async () => {
    const model = build();
    model.compile({ optimizer: 'adam', loss: asymmetricLoss() });
    await fit(model, 1);
    const loaded = await tf.loadLayersModel(tf.io.fromMemory(await artifactsOf(model)));
    expect(weightsOf(loaded)).toEqual(weightsOf(model));
    expect(loaded.getUserDefinedMetadata()).toMatchObject({ ctMultilabel: description });
  });

  it('keep other metadata of the model', async () => {
    const model = build();
    model.setUserDefinedMetadata({ site: 'B', ctMultilabel: 'old' });
    const { model: loaded } = await reloaded(model);
    expect(loaded.getUserDefinedMetadata()).toEqual({ site: 'B' });
    expect((await reloaded(build())).model.getUserDefinedMetadata()).toBeUndefined();
  });

  it('leave no tensor behind', async () => {
    const model = build();
    const optimizer = adam(1e-2);
    model.compile({ optimizer, loss: asymmetricLoss(), metrics: [f2Metric()] });
    await fit(model, 1);
    const before = tf.memory().numTensors;
    const artifacts = await artifactsOf(model);
    expect(tf.memory().numTensors).toBe(before);
    const loaded = await load(artifacts);
    loaded.model.dispose();
    loaded.optimizer!.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('saveCtBrainModel', () => {
  const compiled = (options: object) => {
    const model = build();
    model.compile({ optimizer: 'adam', loss: asymmetricLoss(), ...options });
    return model;
  };
  class Own extends tf.AdamOptimizer {}

  it.each<[string, () => tf.LayersModel, object, RegExp]>([
    ['labels that the model has not', build, { labels: ['a'], thresholds: [0.5], calibration: undefined }, /saveCtBrainModel: labels: expected one for each of 2 outputs of the model, received \["a"\]/],
    ['a loss of one’s own', () => compiled({ loss: (y: tf.Tensor) => tf.mean(y) }), {}, /loss: expected a name or function of tfjs, or what asymmetricLoss, .* includeOptimizer: false, received function/],
    ['a metric of one’s own', () => compiled({ metrics: [(y: tf.Tensor) => tf.mean(y)] }), {}, /saveCtBrainModel: metric: expected/],
    ['an optimizer whose state tfjs does not tell', () => compiled({ optimizer: 'adamax' }), {}, /optimizer: expected one of Adam, SGD, .*, received a AdamaxOptimizer/],
    ['an optimizer of one’s own', () => compiled({ optimizer: new Own(1, 0.9, 0.9) }), {}, /optimizer: expected one of Adam, .*, received a Own/],
    ['an optimizer that is not to be saved', build, { optimizer: adam(), includeOptimizer: false }, /optimizer: expected none, since includeOptimizer is false/],
    ['an option out of range', build, { includeOptimizer: 1 }, /includeOptimizer: expected a boolean, received 1/],
  ])('refuses %s', async (_, make, options, message) => {
    const saving = artifactsOf(make(), options);
    await expect(saving).rejects.toThrow(ArgumentError);
    await expect(saving).rejects.toThrow(message);
  }); // prettier-ignore

  it('refuses the optimizer of other weights, and takes it as one of a loop of one’s own', async () => {
    const optimizer = adam(1e-2);
    const model = compiled({ optimizer });
    await fit(model, 1);
    backboneOf(model).trainable = false;
    const saving = artifactsOf(model);
    await expect(saving).rejects.toThrow(ArgumentError);
    await expect(saving).rejects.toThrow(
      /has updated other weights than model\.fit would: expected moments, 2 of each of/,
    );
    const { optimizer: restored } = await reloaded(model, { optimizer });
    expect(restored!.iterations).toBe(1);
  });

  it('refuses what is no plain data, and a description that is refused', async () => {
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    await expect(artifactsOf(build(), { model: loop })).rejects.toThrow(CheckpointError);
    await expect(artifactsOf(build(), { thresholds: [2, 0] })).rejects.toThrow(CheckpointError);
  });

  it('takes a manifest as it was loaded, and no misspelt option', async () => {
    const model = build();
    model.compile({ optimizer: 'adam', loss: asymmetricLoss() });
    const { model: loaded, manifest } = await reloaded(model);
    const { optimizer: _, ...again } = await reloaded(loaded, { ...manifest, thresholds: [0, 1] });
    expect(again.manifest).toEqual({
      ...manifest,
      thresholds: [0, 1],
      checksums: { description: expect.any(String), weights: manifest.checksums!.weights },
    });
    expect(again.manifest.checksums!.description).not.toBe(manifest.checksums!.description);
    const misspelt = { includeOptimiser: false } as object;
    await expect(artifactsOf(model, misspelt)).rejects.toThrow(/option 'includeOptimiser'/);
    await expect(load(await artifactsOf(model), misspelt)).rejects.toThrow(/option 'includeOptimiser'/);
    await expect(artifactsOf(model, { labels: undefined as never })).rejects.toThrow(ArgumentError);
  });

  it('refuses a weight that is not finite before anything is written (case 20)', async () => {
    const model = build();
    const [first, ...rest] = model.getWeights();
    const values = first!.dataSync().slice();
    values[2] = NaN;
    model.setWeights([tf.tensor(values, first!.shape), ...rest]);
    let written = false;
    const handler = tf.io.withSaveHandler(async () => {
      written = true;
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    });
    const saving = saveCtBrainModel(model, handler, description);
    await expect(saving).rejects.toThrow(NonFiniteError);
    await expect(saving).rejects.toThrow(/^saveCtBrainModel: value 2 of \S+ is NaN; nothing is saved$/);
    expect(written).toBe(false);
  });

  it('passes on what the handler throws', async () => {
    const handler = { save: () => Promise.reject(new RangeError('quota')) };
    await expect(saveCtBrainModel(build(), handler, description)).rejects.toThrow(RangeError);
  });

  it('refuses a URL that no handler takes', async () => {
    for (const url of ['indexedb://x', 'indexeddb://x', 'brain', '']) {
      const saving = saveCtBrainModel(build(), url, description);
      await expect(saving).rejects.toThrow(ArgumentError);
      await expect(saving).rejects.toThrow(
        `saveCtBrainModel: expected a URL that exactly one handler of tfjs can save, received ${url}`,
      );
    }
    await expect(saveCtBrainModel(build(), {}, description)).rejects.toThrow(
      /an object with a method 'save'/,
    );
    await expect(saveCtBrainModel(build(), undefined as never, description)).rejects.toThrow(ArgumentError);
  });
});

describe('loadCtBrainModel', () => {
  it('refuses weights of which a value is not finite, the optimizer’s too (case 20)', async () => {
    const model = build();
    model.compile({ optimizer: adam(1e-3), loss: asymmetricLoss() });
    await fit(model, 1);
    const artifacts = await artifactsOf(model);
    const tensors = tf.memory().numTensors;
    const total = (artifacts.weightData as ArrayBuffer).byteLength / 4;
    for (const place of [5, total - 5]) {
      const spoilt = structuredClone(artifacts);
      new Float32Array(spoilt.weightData as ArrayBuffer)[place] = Infinity;
      await expect(load(spoilt)).rejects.toThrow(CheckpointError);
      await expect(load(spoilt)).rejects.toThrow(/expected finite weights, but value \d+ of \S+ is Infinity/);
    }
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it('refuses a URL that no handler takes, and says where reading failed', async () => {
    await expect(loadCtBrainModel('indexedb://x')).rejects.toThrow(ArgumentError);
    await expect(loadCtBrainModel(tf.io.withSaveHandler(async () => ({}) as never))).rejects.toThrow(
      /an object with a method 'load'/,
    );
    const failing = loadCtBrainModel({ load: () => Promise.reject(new TypeError('fetch failed')) });
    await expect(failing).rejects.toThrow(CheckpointError);
    await expect(failing).rejects.toThrow('loadCtBrainModel: cannot be read: fetch failed');
    await expect(loadCtBrainModel('http://localhost:1/model.json')).rejects.toThrow(
      'http://localhost:1/model.json: cannot be read',
    );
    await expect(loadCtBrainModel('x', { includeOptimizer: 'no' as never })).rejects.toThrow(ArgumentError);
  });

  type Change = (artifacts: tf.io.ModelArtifacts) => void;
  const inManifest =
    (change: (manifest: Record<string, object>) => void): Change =>
    (artifacts) =>
      change(manifestOf(artifacts));
  const inCompiled = (change: (compiled: Record<string, Record<string, unknown>>) => void): Change =>
    inManifest((manifest) => change(manifest['compiled'] as never));
  const inState =
    (change: (specs: tf.io.WeightsManifestEntry[]) => void): Change =>
    ({ weightSpecs }) =>
      change(weightSpecs!.filter(({ group }) => group === 'optimizer'));

  it.each<[string, Change, RegExp]>([
    ['a model that another saved', (artifacts) => delete artifacts.userDefinedMetadata, /found none of its records; tf\.loadLayersModel reads others/],
    ['a newer version', inManifest((manifest) => (manifest['formatVersion'] = 4 as never)), /formatVersion: expected 1, 2 or 3 .* received 4/],
    ['weights that are cut off', (artifacts) => (artifacts.weightData = (artifacts.weightData as ArrayBuffer).slice(4)), /bytes of weights, found \d+: truncated/],
    ['no weights', (artifacts) => delete artifacts.weightData, /bytes of weights, found 0/],
    ['weights without names', (artifacts) => delete artifacts.weightSpecs, /expected a topology and float32 weights/],
    ['state without its record', inManifest((manifest) => delete manifest['compiled']), /found the state of an optimizer, but no record of the optimizer/],
    ['an unknown loss', inCompiled((compiled) => (compiled['loss'] = { className: 'ownLoss', config: {} })), /compiled\.loss\.className: expected asymmetricLoss, .*, received "ownLoss"/],
    ['a loss that tfjs does not know', inCompiled((compiled) => (compiled['loss'] = 'ownLoss' as never)), /Unknown loss ownLoss/],
    ['a loss that is no loss', inCompiled((compiled) => (compiled['loss'] = 'constructor' as never)), /compiled\.loss: expected a name that tfjs knows/],
    ['a function that tfjs has not', inCompiled((compiled) => (compiled['loss'] = 'tf.losses.constructor' as never)), /compiled\.loss: expected a function of tf\.losses/],
    ['a loss out of range', inCompiled(({ loss }) => ((loss!['config'] as { clip: number }).clip = 2)), /clip: expected a number in \[0, 1\), received 2/],
    ['a metric out of range', inCompiled((compiled) => (compiled['metrics'] = [{ className: 'f2Metric', config: { threshold: 2 } }] as never)), /threshold/],
    ['a metric of other labels', inCompiled((compiled) => (compiled['metrics'] = [{ className: 'f2Metric', config: { threshold: [0.5] } }] as never)), /compiled\.metrics\[0\]\.config: expected one number for each of 2 labels/],
    ['metrics that are no list', inCompiled((compiled) => (compiled['metrics'] = {})), /compiled\.metrics: expected a list/],
    ['a loss without metrics', inCompiled((compiled) => delete compiled['metrics']), /compiled: expected both loss and metrics, or none/],
    ['an unknown optimizer', inCompiled(({ optimizer }) => (optimizer!['className'] = 'Lion')), /compiled\.optimizer\.className: expected one of Adam, .*, received "Lion"/],
    ['an optimizer out of range', inCompiled(({ optimizer }) => ((optimizer!['config'] as { beta1: number }).beta1 = 1.5)), /optimizer\.config: beta1: expected a number in \[0, 1\], received 1\.5/],
    ['an invalid learning rate', inCompiled(({ optimizer }) => ((optimizer!['config'] as { learningRate: unknown }).learningRate = null)), /config: learningRate: expected a number of at least 0, received null/],
    ['another optimizer', inCompiled((compiled) => (compiled['optimizer'] = { className: 'SGD', config: { learningRate: 1 } })), /optimizer: expected moments, 0 of each of \d+ weights, found \d+/],
    ['moments of another shape', inState((specs) => (specs[1]!.shape = [specs[1]!.shape.reduce((a, b) => a * b)])), /optimizer: expected moment 0 as a float32 tensor of shape \[3,3,1,4\], found a float32 tensor of shape \[36\]/],
    ['moments that are counts', inState((specs) => (specs[1]!.dtype = 'int32')), /expected moment 0 as a float32 tensor/],
    ['no step count', inState((specs) => (specs[0]!.name = 'optimizer/steps')), /optimizer: expected a number of steps/],
    ['powers of another shape', inState((specs) => (specs.at(-1)!.shape = [1])), /optimizer: expected powers of beta, found a float32 tensor of shape \[1\]/],
    ['state of another name', inState((specs) => (specs[1]!.name = 'moment')), /the optimizer's at the end/],
    ['state before the weights', ({ weightSpecs }) => weightSpecs!.reverse(), /the optimizer's at the end/],
    ['a weight that would be the prototype of all', ({ weightSpecs }) => (weightSpecs![0]!.name = '__proto__'), /expected a topology and float32 weights/],
    ['weights that count', ({ weightSpecs }) => (weightSpecs![0]!.dtype = 'int32'), /expected a topology and float32 weights/],
  ])('refuses %s', async (_, change, message) => {
    const model = build();
    model.compile({ optimizer: 'adam', loss: asymmetricLoss(), metrics: [f2Metric()] });
    await fit(model, 1);
    const artifacts = await artifactsOf(model);
    change(artifacts);
    const before = tf.memory().numTensors;
    const loading = load(artifacts);
    await expect(loading).rejects.toThrow(CheckpointError);
    await expect(loading).rejects.toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
  }); // prettier-ignore
});
