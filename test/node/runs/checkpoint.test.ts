import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { CheckpointError, DataError } from '../../../src/base/errors';
import { asymmetricLoss } from '../../../src/losses/asymmetric_loss';
import { buildCtBrainModel } from '../../../src/models/ct_brain_model';
import type { CtBrainModelOptions } from '../../../src/models/options';
import {
  findCheckpoint,
  loadCheckpoint,
  readState,
  restoreOptimizer,
  restoreWeights,
  saveCheckpoint,
} from '../../../src/node/runs/checkpoint';
import { trainStep } from '../../../src/training/steps/train_step';
import { createPreprocessing } from '../../../src/transforms/preprocessing';
import { relativeError } from '../../support/matchers';
import { tinyBackbone } from '../../support/memory_source';
import { temporaryFolder } from '../../support/folder';

const labels = ['a', 'b'];
const preprocessing = createPreprocessing({ imageSize: [16, 16], clahe: { clipLimit: 3 } });
const description = { labels, preprocessing };
const build = ({ backbone = tinyBackbone({ batchNorm: true }), ...options }: CtBrainModelOptions = {}) =>
  buildCtBrainModel({ variant: 'VGG16', backbone, labels, seed: 1, ...options });
/** The arrangement that has every layer: PerSlice, GRU, PerLabel, neck, LRNN features. */
const buildLarge = (options: CtBrainModelOptions = {}) =>
  build({ variant: 'VGG16 + LRNN + SDL(GRU)', labelDecoder: { units: 6 }, maskValue: -1, ...options });

const images = tf.randomUniform([2, 3, 16, 16, 1], 0, 1, 'float32', 4);
const yTrue = tf.cast(tf.greater(tf.randomUniform([2, 3, 2], 0, 1, 'float32', 5), 0.5), 'float32');
const weightsOf = (model: tf.LayersModel) => model.getWeights().map((weight) => [...weight.dataSync()]);
const step = (model: tf.LayersModel, optimizer: tf.Optimizer) =>
  tf.dispose(trainStep(model, images, yTrue, optimizer, { loss: asymmetricLoss(), updateBatchNorm: true }));

async function savedFolder(model = build(), options = {}): Promise<string> {
  const folder = path.join(await temporaryFolder(), 'best');
  await saveCheckpoint(folder, model, { ...description, ...options });
  return folder;
}
const readJsonFile = async (...file: string[]) =>
  JSON.parse(await readFile(path.join(...file), 'utf8')) as Record<string, unknown>;

describe('saveCheckpoint and loadCheckpoint', () => {
  it.each<CtBrainModelOptions>([
    { pooling: 'max' },
    { pooling: 'attention' },
    { pooling: { units: 3, gated: true }, labelFeatures: 'joint' },
  ])('give back a model of patients, %o, with difference 0, and its optimizer', async (options) => {
    const model = buildLarge({ output: 'patient', ...options });
    const patients = tf.tensor2d([[1, 0], [0, 1]]); // prettier-ignore
    const stepOf = (of: tf.LayersModel, optimizer: tf.Optimizer) =>
      tf.dispose(trainStep(of, images, patients, optimizer, { loss: asymmetricLoss() }));
    const optimizer = tf.train.adam(1e-2);
    stepOf(model, optimizer);
    const { model: loaded } = await loadCheckpoint(await savedFolder(model));
    const padded = tf.concat([images, tf.fill([2, 1, 16, 16, 1], -1)], 1);
    for (const x of [images, padded]) {
      expect(relativeError(loaded.predict(x) as tf.Tensor, model.predict(x) as tf.Tensor)).toBe(0);
    }
    const again = tf.train.adam(1e-2);
    await restoreOptimizerInto(again, optimizer);
    stepOf(model, optimizer);
    stepOf(loaded, again);
    expect(weightsOf(loaded)).toEqual(weightsOf(model));
  });

  it.each<[string, () => tf.LayersModel]>([
    ['VGG16', build],
    ['VGG16 + LRNN + SDL(GRU)', buildLarge],
    ['its joint form', () => buildLarge({ labelFeatures: 'joint', neck: 'concat' })],
    ['VGG16 + SDL(1Dconv) + LRNN', () => buildLarge({ variant: 'VGG16 + SDL(1Dconv) + LRNN' })],
  ])('give back %s with difference 0', async (_, make) => {
    const model = make();
    const optimizer = tf.train.adam(1e-2);
    step(model, optimizer); // away from the initial values, batch statistics too
    const folder = await savedFolder(model);
    const { model: loaded } = await loadCheckpoint(folder);
    expect(relativeError(loaded.predict(images) as tf.Tensor, model.predict(images) as tf.Tensor)).toBe(0);
    expect(weightsOf(loaded)).toEqual(weightsOf(model));
    // padding too
    const padded = tf.concat([images, tf.fill([2, 1, 16, 16, 1], -1)], 1);
    expect(relativeError(loaded.predict(padded) as tf.Tensor, model.predict(padded) as tf.Tensor)).toBe(0);
    // and the loaded one trains on alike
    const again = tf.train.adam(1e-2);
    await restoreOptimizerInto(again, optimizer);
    step(model, optimizer);
    step(loaded, again);
    expect(weightsOf(loaded)).toEqual(weightsOf(model));
  });

  it('give back labels, preprocessing, thresholds, calibration and where it came from', async () => {
    const more = {
      thresholds: [0.3, 0.6],
      calibration: { method: 'platt' as const, scale: [0.5, 1.5], offset: [-0.25, 0] },
      model: { variant: 'VGG16' },
      training: { stage: 'patients', epoch: 7, validationF2: 0.8 },
    };
    const { manifest } = await loadCheckpoint(await savedFolder(build(), more));
    expect(manifest).toMatchObject({ ...description, ...more });
  });

  it('write the format that tf.loadLayersModel reads', async () => {
    const model = build();
    const folder = await savedFolder(model);
    expect((await readdir(folder)).sort()).toEqual(['model.json', 'weights.bin']);
    const { weightsManifest, modelTopology } = (await readJsonFile(
      folder,
      'model.json',
    )) as unknown as tf.io.ModelJSON;
    expect(weightsManifest.map(({ paths }) => paths)).toEqual([['weights.bin']]);
    const weightData = new Uint8Array(await readFile(path.join(folder, 'weights.bin'))).buffer;
    const loaded = await tf.loadLayersModel(
      tf.io.fromMemory({ modelTopology, weightSpecs: weightsManifest[0]!.weights, weightData }),
    );
    expect(weightsOf(loaded)).toEqual(weightsOf(model));
  });

  it('replace the folder whole', async () => {
    const folder = await savedFolder(build(), { state: { epoch: 1 } });
    await writeFile(path.join(folder, '.DS_Store'), 'x'); // a window was opened on it
    const other = build({ seed: 2 });
    await saveCheckpoint(folder, other, description);
    expect((await readdir(folder)).sort()).toEqual(['model.json', 'weights.bin']);
    expect(await readdir(path.dirname(folder))).toEqual(['best']);
    expect(weightsOf((await loadCheckpoint(folder)).model)).toEqual(weightsOf(other));
  });

  it('leave the old checkpoint where writing the new one fails', async () => {
    const model = build();
    const folder = await savedFolder(model);
    const state: Record<string, unknown> = {};
    state['self'] = state; // fails after the weights are written
    await expect(saveCheckpoint(folder, build({ seed: 2 }), { ...description, state })).rejects.toThrow(
      /circular/,
    );
    const broken = { ...description, labels: [] as string[] };
    await expect(saveCheckpoint(folder, build({ seed: 2 }), broken)).rejects.toThrow(CheckpointError);
    expect(await readdir(path.dirname(folder))).toEqual(['best']);
    expect(weightsOf((await loadCheckpoint(folder)).model)).toEqual(weightsOf(model));
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['a study', { 'patients/1/1_0.png': 'x', 'train.csv': 'y' }, /found "(patients|train\.csv)"/],
    ['a training run', { 'config.json': '{}', 'history.csv': 'x' }, /found "config\.json"/],
    ['a file beside a checkpoint', { 'model.json': '{}', 'notes.txt': 'x' }, /found "notes\.txt"/],
    ['the model of another program', { 'model.json': '{"modelTopology":{}}', 'weights.bin': 'x' }, /found other files: model\.json, weights\.bin/],
    ['what cannot be read', { 'model.json': '{"modelTo' }, /found other files: model\.json/],
    ['weights alone', { 'weights.bin': 'x' }, /found other files: weights\.bin/],
  ])('leave %s alone', async (_, files, message) => {
    const folder = await temporaryFolder(files);
    const listed = (await readdir(folder, { recursive: true })).sort();
    const saving = saveCheckpoint(folder, build(), description);
    await expect(saving).rejects.toThrow(DataError);
    await expect(saving).rejects.toThrow(message);
    expect((await readdir(folder, { recursive: true })).sort()).toEqual(listed);
    for (const [name, text] of Object.entries(files)) {
      expect(await readFile(path.join(folder, name), 'utf8')).toBe(text);
    }
  }); // prettier-ignore

  it('fill an empty folder, and replace what an earlier version saved', async () => {
    const empty = await temporaryFolder();
    await saveCheckpoint(empty, build(), description);
    const old = await temporaryFolder({ 'model.json': '{}', 'weights.bin': '', 'checkpoint.json': '{}' });
    await saveCheckpoint(old, build(), description);
    for (const folder of [empty, old]) expect((await loadCheckpoint(folder)).manifest.labels).toEqual(labels);
  });

  it('are read as one epoch while a training replaces them', async () => {
    const models = [1, 2].map((seed) => build({ seed }));
    const folder = await savedFolder(models[0]);
    const known = models.map(weightsOf);
    let writing = true;
    const reader = (async () => {
      let reads = 0;
      for (; writing; reads++) {
        const { model } = await loadCheckpoint(folder);
        expect(known).toContainEqual(weightsOf(model));
        model.dispose();
      }
      return reads;
    })();
    for (let i = 0; i < 12; i++) await saveCheckpoint(folder, models[i % 2]!, description);
    writing = false;
    expect(await reader).toBeGreaterThan(0);
  });

  it('survive a process that was killed while writing', async () => {
    const model = build();
    const folder = await savedFolder(model);
    const parent = path.dirname(folder);
    // killed while filling: half a folder beside the old one
    const half = path.join(parent, '.best.1-0123456789ab.tmp');
    await mkdir(half);
    await writeFile(path.join(half, 'model.json'), '{"modelTopo');
    expect(weightsOf((await loadCheckpoint(folder)).model)).toEqual(weightsOf(model));
    await rm(half, { recursive: true });
    // killed between the two renames, the new one whole
    const other = build({ seed: 2 });
    const next = await savedFolder(other, { state: { epoch: 2 } });
    const old = path.join(parent, '.best.1-0123456789ab.old');
    await rename(folder, old);
    await rename(next, half);
    const names = (await readdir(parent)).sort();
    expect(await findCheckpoint(parent)).toBe(folder);
    expect(weightsOf((await loadCheckpoint(folder)).model)).toEqual(weightsOf(other));
    expect(await readState(folder)).toEqual({ epoch: 2 });
    // reading renames nothing: somebody may be at work there
    expect((await readdir(parent)).sort()).toEqual(names);
    // or the old one only
    await rm(half, { recursive: true });
    expect(weightsOf((await loadCheckpoint(folder)).model)).toEqual(weightsOf(model));
    expect(await readdir(parent)).toEqual([path.basename(old)]);
    // the next writer puts it right
    await saveCheckpoint(folder, other, description);
    expect(await readdir(parent)).toEqual(['best']);
  });

  it('leak nothing', async () => {
    const model = buildLarge();
    const optimizer = tf.train.adam(1e-2);
    step(model, optimizer);
    const before = tf.memory().numTensors;
    const folder = await savedFolder(model, { optimizer, state: { epoch: 1 } });
    expect(tf.memory().numTensors).toBe(before);
    const { model: loaded } = await loadCheckpoint(folder);
    loaded.dispose();
    expect(tf.memory().numTensors).toBe(before);
    await restoreWeights(folder, model);
    await restoreOptimizer(folder, optimizer);
    expect(tf.memory().numTensors).toBe(before);
  });
});

/** Saves one optimizer and restores it into another. */
async function restoreOptimizerInto(to: tf.Optimizer, from: tf.Optimizer): Promise<void> {
  await restoreOptimizer(await savedFolder(build(), { optimizer: from }), to);
}

describe('loadCheckpoint', () => {
  it('finds the best checkpoint of a training run', async () => {
    const model = build();
    const folder = await savedFolder(model);
    const run = path.dirname(folder);
    expect(await findCheckpoint(run)).toBe(folder);
    expect(await findCheckpoint(folder)).toBe(folder);
    expect(weightsOf((await loadCheckpoint(run)).model)).toEqual(weightsOf(model));
  });

  it('takes the JSON file of a model, also under the names that a browser downloads it by', async () => {
    const model = build();
    const folder = await savedFolder(model);
    const file = path.join(folder, 'model.json');
    expect(await findCheckpoint(file)).toBe(folder);
    const json = await readFile(file, 'utf8');
    await writeFile(path.join(folder, 'ct.json'), json.replaceAll('weights.bin', 'ct.weights.bin'));
    await rename(path.join(folder, 'weights.bin'), path.join(folder, 'ct.weights.bin'));
    await rm(file);
    const loaded = await loadCheckpoint(path.join(folder, 'ct.json'));
    expect(weightsOf(loaded.model)).toEqual(weightsOf(model));
    await expect(loadCheckpoint(path.join(folder, 'none.json'))).rejects.toThrow(
      /none\.json: .*there is no such file or folder/,
    );
    await expect(loadCheckpoint(path.join(folder, 'ct.weights.bin'))).rejects.toThrow(
      /expected a checkpoint.*found neither/,
    );
  });

  /** Changes one of the files of a good checkpoint. */
  const edit =
    (name: string, change: (value: Record<string, unknown>) => unknown) => async (folder: string) =>
      writeFile(path.join(folder, name), JSON.stringify(change(await readJsonFile(folder, name))));
  const editManifest = (change: object) =>
    edit('model.json', ({ userDefinedMetadata, ...model }) => {
      const { ctMultilabel } = userDefinedMetadata as { ctMultilabel: object };
      return { ...model, userDefinedMetadata: { ctMultilabel: { ...ctMultilabel, ...change } } };
    });
  const editWeights = (change: (bytes: Buffer) => Uint8Array) => async (folder: string) => {
    const file = path.join(folder, 'weights.bin');
    await writeFile(file, change(await readFile(file)));
  };
  const editSpecs = (change: (specs: Record<string, unknown>[]) => unknown[]) =>
    edit('model.json', (model) => {
      const [group] = model['weightsManifest'] as [{ weights: Record<string, unknown>[] }];
      return { ...model, weightsManifest: [{ ...group, weights: change(group.weights) }] };
    });
  const topologyOf = (other: () => tf.LayersModel) => async (folder: string) => {
    const { modelTopology } = await readJsonFile(await savedFolder(other()), 'model.json');
    await edit('model.json', (model) => ({ ...model, modelTopology }))(folder);
  };
  const without = (name: string) => (folder: string) => rm(path.join(folder, name));

  const broken: [string, (folder: string) => Promise<unknown>, RegExp][] = [
    ['a weight file that is a Git LFS pointer', async (folder) => writeFile(path.join(folder, 'weights.bin'), 'version https://git-lfs.github.com/spec/v1\noid sha256:12\n'), /best: expected \d+ bytes of weights, found 57: a Git LFS pointer in place of the file/],
    ['a model file that is an HTML page', async (folder) => writeFile(path.join(folder, 'model.json'), '<!doctype html><title>Sign in</title>'), /model\.json is not JSON: found an HTML page in place of the file/],
    ['no manifest', edit('model.json', ({ userDefinedMetadata: _, ...model }) => model), /expected a model that ct-multilabel saved, found none of its records/],
    ['a manifest that is null', edit('model.json', (model) => ({ ...model, userDefinedMetadata: { ctMultilabel: null } })), /manifest: expected an object, received null/],
    ['metadata that are none', edit('model.json', (model) => ({ ...model, userDefinedMetadata: [1] })), /found none of its records/],
    ['no model file', without('model.json'), /expected a checkpoint \(model\.json\), or a training run/],
    ['no weights', without('weights.bin'), /weights\.bin cannot be read: ENOENT/],
    ['weights that are cut off', editWeights((bytes) => bytes.subarray(0, -4)), /best: expected (\d+) bytes of weights, found \d+: truncated or mixed up/],
    ['weights that are too long', editWeights((bytes) => Buffer.concat([bytes, Buffer.alloc(4)])), /expected \d+ bytes of weights, found \d+/],
    ['weights that are empty', editWeights(() => new Uint8Array()), /expected \d+ bytes of weights, found 0/],
    ['a model file that is cut off', (folder) => writeFile(path.join(folder, 'model.json'), '{"modelTopology": {'), /model\.json is not JSON/],
    ['a model file without topology', edit('model.json', ({ modelTopology: _, ...rest }) => rest), /expected a topology and float32 weights/],
    ['a model file that is null', edit('model.json', () => null), /model\.json: expected a model with lists of weights and of their files/],
    ['a topology that is null', edit('model.json', (model) => ({ ...model, modelTopology: null })), /expected a topology and float32 weights/],
    ['no weights in the model file', edit('model.json', (model) => ({ ...model, weightsManifest: [] })), /the weights do not match the model: missing: conv\/kernel/],
    ['a weight that is null', editSpecs(([first, ...rest]) => [null, first, ...rest]), /expected a topology and float32 weights/],
    ['weights of another type', editSpecs((specs) => specs.map((spec) => ({ ...spec, dtype: 'int32' }))), /expected a topology and float32 weights/],
    ['quantized weights', editSpecs((specs) => specs.map((spec) => ({ ...spec, quantization: { dtype: 'uint8' } }))), /expected a topology and float32 weights/],
    ['a negative shape', editSpecs((specs) => specs.map((spec) => ({ ...spec, shape: [-1] }))), /expected a topology and float32 weights/],
    ['a weight under another name', editSpecs(([first, ...rest]) => [{ ...first, name: 'stem/kernel' }, ...rest]), /the weights do not match the model: missing: conv\/kernel \[3,3,1,4\]; unexpected: stem\/kernel/],
    ['the topology of a larger model', topologyOf(buildLarge), /do not match the model: missing: label_decoder\/initial_kernel \[16,6\]; .*; and \d+ more$/],
    ['the topology of a wider model', topologyOf(() => build({ labels: ['a', 'b', 'c'] })), /classifier\/kernel: the model has \[16,3\], the file \[16,2\]; classifier\/bias: the model has \[3\], the file \[2\]$/],
    ['the whole model file of another model', async (folder) => rename(path.join(await savedFolder(buildLarge()), 'model.json'), path.join(folder, 'model.json')), /expected \d+ bytes of weights, found \d+/],
    ['a layer that nobody knows', edit('model.json', (model) => JSON.parse(JSON.stringify(model).replaceAll('"PerSlice"', '"PerPixel"'))), /best: Unknown layer: PerPixel/],
    ['an inner layer that nobody knows', edit('model.json', (model) => JSON.parse(JSON.stringify(model).replaceAll('"MaxPooling2D"', '"MeanPooling2D"'))), /Unknown layer: MeanPooling2D/],
    ['a topology that is none', edit('model.json', (model) => ({ ...model, modelTopology: { a: 1 } })), /Improper config format/],
    ['a manifest of another format', editManifest({ format: 'other' }), /format: expected 'ct-multilabel-checkpoint', received "other"/],
    ['a later version', editManifest({ formatVersion: 4, versions: { 'ct-multilabel': '9.1.0' } }), /formatVersion: expected 1, 2 or 3 \(ct-multilabel \S+ reads these; version "9\.1\.0" wrote it: update to that or later\), received 4/],
    ['weights of the same name', editSpecs(([first, second, ...rest]) => [first, { ...second, name: first!['name'] }, ...rest]), /weights with distinct names/],
    ['a weight file elsewhere', edit('model.json', (model) => ({ ...model, weightsManifest: [{ paths: ['../weights.bin'], weights: [] }] })), /model\.json: expected names of files in its folder, found "\.\.\/weights\.bin"/],
    ['a weight that is frozen and not there', editManifest({ frozen: ['stem/kernel'] }), /frozen: expected names of weights, found "stem\/kernel"/],
    ['more labels than outputs', editManifest({ labels: ['a', 'b', 'c'], thresholds: [0.5, 0.5, 0.5] }), /the model has 2 outputs, the manifest 3 labels/],
    ['thresholds out of range', editManifest({ thresholds: [0.5, 1.5] }), /thresholds: expected numbers in \[0, 1\]/],
    ['no preprocessing', editManifest({ preprocessing: undefined }), /preprocessing: expected an object/],
  ]; // prettier-ignore

  it.each(broken)('refuses %s', async (_, spoil, message) => {
    const folder = await savedFolder();
    await spoil(folder);
    const before = tf.memory().numTensors;
    const failing = loadCheckpoint(folder);
    await expect(failing).rejects.toThrow(CheckpointError);
    await expect(failing).rejects.toThrow(message);
    expect(tf.memory().numTensors).toBe(before); // nothing half-read
  });

  it('names the folder when a manifest or an optimizer is refused', async () => {
    const folder = await savedFolder(build(), { optimizer: tf.train.adam(1e-2) });
    const restoring = restoreOptimizer(folder, tf.train.sgd(1e-2));
    await expect(restoring).rejects.toThrow(CheckpointError);
    await expect(restoring).rejects.toThrow(`${folder}: expected the state of an optimizer of class SGD`);
    await editManifest({ labels: [] })(folder);
    await expect(loadCheckpoint(folder)).rejects.toThrow(`${folder}: checkpoint: labels`);
  });

  it.each(['model.json', 'weights.bin'])('ends at once where %s is a pipe or a device', async (name) => {
    const folder = await savedFolder();
    const file = path.join(folder, name);
    await rm(file);
    execFileSync('mkfifo', [file]);
    await expect(loadCheckpoint(folder)).rejects.toThrow(
      `${name} cannot be read: expected a file, found something else`,
    );
    await rm(file);
    await symlink('/dev/zero', file);
    await expect(loadCheckpoint(folder)).rejects.toThrow(CheckpointError);
  });

  it('refuses a folder that is not there', async () => {
    await expect(loadCheckpoint(path.join(await temporaryFolder(), 'none'))).rejects.toThrow(CheckpointError);
  });
});

describe('restoreWeights', () => {
  it('brings a model of the same form to the saved weights', async () => {
    const saved = buildLarge({ seed: 2 });
    const model = buildLarge();
    expect(weightsOf(model)).not.toEqual(weightsOf(saved));
    await restoreWeights(await savedFolder(saved), model);
    expect(weightsOf(model)).toEqual(weightsOf(saved));
  });

  it('refuses another model, says what differs and changes nothing', async () => {
    const folder = await savedFolder(build({ backbone: tinyBackbone() }));
    const model = build();
    const before = weightsOf(model);
    const tensors = tf.memory().numTensors;
    const failing = restoreWeights(folder, model);
    await expect(failing).rejects.toThrow(CheckpointError);
    await expect(failing).rejects.toThrow(
      /is of another model: missing: bn\/gamma \[4\]; missing: bn\/beta \[4\]/,
    );
    const wider = build({ backbone: tinyBackbone(), labels: ['a', 'b', 'c'] });
    await expect(restoreWeights(folder, wider)).rejects.toThrow(
      /classifier\/kernel: the model has \[16,3\], the file \[16,2\]/,
    );
    wider.dispose();
    expect(weightsOf(model)).toEqual(before);
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

describe('restoreOptimizer', () => {
  it.each([1, 2, 3, 7, 20])('after %i steps, the next ones are those without interruption', async (steps) => {
    const whole = build();
    const adam = tf.train.adam(1e-2);
    for (let i = 0; i < steps; i++) step(whole, adam);
    const folder = await savedFolder(whole, { optimizer: adam });

    const resumed = build({ seed: 9 });
    const restored = tf.train.adam(1e-2);
    await restoreWeights(folder, resumed);
    await restoreOptimizer(folder, restored);
    expect(restored.iterations).toBe(steps);
    for (let i = 0; i < 3; i++) {
      step(whole, adam);
      step(resumed, restored);
      expect(weightsOf(resumed)).toEqual(weightsOf(whole));
    }
  });

  it('replaces the state of an optimizer that was used', async () => {
    const model = buildLarge(); // more than ten weights, whose order counts
    const adam = tf.train.adam(1e-2);
    step(model, adam);
    const folder = await savedFolder(model, { optimizer: adam });
    step(model, adam);
    const expected = weightsOf(model);
    step(model, adam);
    await restoreWeights(folder, model);
    await restoreOptimizer(folder, adam);
    step(model, adam);
    expect(weightsOf(model)).toEqual(expected);
  });

  it.each([
    ['sgd', () => tf.train.sgd(0.1)],
    ['momentum', () => tf.train.momentum(0.1, 0.9)],
    ['rmsprop', () => tf.train.rmsprop(0.01)],
  ])('takes %s as well', async (_, make) => {
    const whole = build();
    const first = make();
    step(whole, first);
    step(whole, first);
    const folder = await savedFolder(whole, { optimizer: first });
    const resumed = build({ seed: 9 });
    const second = make();
    await restoreWeights(folder, resumed);
    await restoreOptimizer(folder, second);
    step(whole, first);
    step(resumed, second);
    expect(weightsOf(resumed)).toEqual(weightsOf(whole));
  });

  it('refuses the state of another kind, and one that is not there', async () => {
    const model = build();
    const momentum = tf.train.momentum(1e-2, 0.9);
    step(model, momentum);
    const folder = await savedFolder(model, { optimizer: momentum });
    const without = await savedFolder(model);
    const before = tf.memory().numTensors;
    // keeps as many moments, of the same shapes
    const adagrad = tf.train.adagrad(0.1);
    for (const [from, found] of [
      [folder, 'that of Momentum'],
      [without, 'none'],
    ] as const) {
      const restoring = restoreOptimizer(from, adagrad);
      await expect(restoring).rejects.toThrow(CheckpointError);
      await expect(restoring).rejects.toThrow(
        `${from}: expected the state of an optimizer of class Adagrad, found ${found}`,
      );
    }
    adagrad.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses half of one', async () => {
    const model = build();
    const optimizer = tf.train.adam(1e-2);
    step(model, optimizer);
    const folder = await savedFolder(model, { optimizer });
    const file = path.join(folder, 'weights.bin');
    await writeFile(file, (await readFile(file)).subarray(0, -8));
    const before = tf.memory().numTensors;
    await expect(restoreOptimizer(folder, optimizer)).rejects.toThrow(CheckpointError);
    await expect(restoreOptimizer(folder, optimizer)).rejects.toThrow(/bytes of weights/);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('readState', () => {
  it('gives back plain data', async () => {
    const state = { epoch: 3, best: 0.1 + 0.2, list: [1, null] };
    expect(await readState(await savedFolder(build(), { state }))).toEqual(state);
    await expect(readState(await savedFolder())).rejects.toThrow(/state\.json cannot be read/);
  });

  it.each([['{}'], ['null'], ['[1]'], ['7']])('refuses %s, which is none', async (text) => {
    const folder = await savedFolder();
    await writeFile(path.join(folder, 'state.json'), text);
    await expect(readState(folder)).rejects.toThrow(CheckpointError);
    await expect(readState(folder)).rejects.toThrow(
      `state.json: expected an object that is not empty, found ${text}`,
    );
    const saving = saveCheckpoint(folder, build(), { ...description, state: JSON.parse(text) as object });
    await expect(saving).rejects.toThrow(/state: expected an object that is not empty/);
  });
});
