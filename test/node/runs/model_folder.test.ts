import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ArgumentError, CheckpointError, DataError } from '../../../src/base/errors';
import { asymmetricLoss } from '../../../src/losses/asymmetric_loss';
import { f2Metric } from '../../../src/metrics/f2_metric';
import { buildCtBrainModel } from '../../../src/models/ct_brain_model';
import { loadCheckpoint, restoreOptimizer, saveCheckpoint } from '../../../src/node/runs/checkpoint';
import { fileSystem } from '../../../src/node/runs/model_folder';
import { adam } from '../../../src/optimizers/adam';
import { loadCtBrainModel, saveCtBrainModel } from '../../../src/saving/saved_model';
import { createPreprocessing } from '../../../src/transforms/preprocessing';
import { expectClose } from '../../support/matchers';
import { tinyBackbone } from '../../support/memory_source';
import { temporaryFolder } from '../../support/folder';

const labels = ['a', 'b'];
const description = {
  labels,
  preprocessing: createPreprocessing({ imageSize: [16, 16] }),
  thresholds: [0.25, 0.75],
};
const images = tf.randomUniform([2, 2, 16, 16, 1], 0, 1, 'float32', 4);
const yTrue = tf.tensor3d([[[1, 0], [0, 1]], [[0, 0], [1, 1]]]); // prettier-ignore
const weightsOf = (model: tf.LayersModel) => model.getWeights().map((weight) => [...weight.dataSync()]);
const fit = (model: tf.LayersModel) => model.fit(images, yTrue, { shuffle: false, verbose: 0 });

/** A model that was trained for a step. */
async function trained(): Promise<tf.LayersModel> {
  const model = buildCtBrainModel({ backbone: tinyBackbone({ batchNorm: true }), labels, labelDecoder: { units: 3 }, seed: 1 }); // prettier-ignore
  model.compile({ optimizer: adam(1e-2), loss: asymmetricLoss({ gammaNeg: 2 }), metrics: [f2Metric()] });
  await fit(model);
  return model;
}

/** Expects a loaded model to go on like the one that was saved. */
async function expectTwin(loaded: tf.LayersModel, model: tf.LayersModel): Promise<void> {
  expect(weightsOf(loaded)).toEqual(weightsOf(model));
  await fit(model);
  await fit(loaded);
  expect(weightsOf(loaded)).toEqual(weightsOf(model));
}

/** The folder's files over HTTP, and the paths that were asked for. */
async function served(folder: string): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url!);
    readFile(path.join(folder, path.basename(request.url!.split('?')[0]!))).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

describe('fileSystem', () => {
  it('keeps a model with everything beside it', async () => {
    const model = await trained();
    const folder = path.join(await temporaryFolder(), 'models', 'brain');
    const { modelArtifactsInfo } = await saveCtBrainModel(model, fileSystem(folder), description);
    expect(modelArtifactsInfo.modelTopologyType).toBe('JSON');
    expect((await readdir(folder)).sort()).toEqual(['model.json', 'weights.bin']);
    const { model: loaded, manifest } = await loadCtBrainModel(fileSystem(folder));
    expect(manifest).toMatchObject(description);
    await expectTwin(loaded, model);
    // the same files as a checkpoint
    const checkpoint = await loadCheckpoint(folder);
    expect(checkpoint.manifest).toEqual(manifest);
    expect(checkpoint.model.optimizer).toBeUndefined();
    const optimizer = adam(1e-2);
    await restoreOptimizer(folder, optimizer);
    expect(optimizer.iterations).toBe(1);
  });

  it('is what file:// stands for, of tfjs too', async () => {
    const model = await trained();
    const folder = path.join(await temporaryFolder(), 'brain');
    await saveCtBrainModel(model, `file://${folder}`, description);
    for (const url of [`file://${folder}`, `file://${folder}/model.json`]) {
      const plain = await tf.loadLayersModel(url);
      expect(weightsOf(plain)).toEqual(weightsOf(model));
      expect((await loadCtBrainModel(url)).manifest).toMatchObject(description);
    }
    const dense = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] });
    dense.compile({ optimizer: 'adam', loss: 'meanSquaredError' });
    await dense.save(`file://${folder}`, { includeOptimizer: true });
    const again = await tf.loadLayersModel(`file://${folder}/model.json`);
    expect(weightsOf(again)).toEqual(weightsOf(dense));
    expect(again.loss).toBe('meanSquaredError');
    await expect(loadCtBrainModel(`file://${folder}`)).rejects.toThrow(/found none of its records/);
  });

  it('leaves file:// to another router', async () => {
    const theirs = fileSystem('elsewhere');
    const router = (url: string | string[]) => (String(url).startsWith('file://theirs') ? theirs : null);
    tf.io.registerLoadRouter(router as never);
    tf.io.registerSaveRouter(router as never);
    expect(tf.io.getLoadHandlers('file://theirs/model.json')).toEqual([theirs]);
    expect(tf.io.getSaveHandlers('file://theirs')).toEqual([theirs]);
    expect(tf.io.getLoadHandlers('file://ours')).toHaveLength(1);
    expect(tf.io.getLoadHandlers('ours/model.json')).toHaveLength(0);
  });

  it('replaces a saved model, and no folder with anything else in it', async () => {
    const folder = await temporaryFolder({ 'model.json': '{}', 'checkpoint.json': '{}' });
    await saveCtBrainModel(await trained(), fileSystem(folder), description);
    expect((await readdir(folder)).sort()).toEqual(['model.json', 'weights.bin']);
    await writeFile(path.join(folder, 'notes.txt'), 'mine');
    const before = await readFile(path.join(folder, 'weights.bin'));
    const saving = saveCtBrainModel(await trained(), fileSystem(folder), description);
    await expect(saving).rejects.toThrow(DataError);
    await expect(saving).rejects.toThrow(/contains only a saved model, found "notes\.txt" \(file /);
    expect(await readFile(path.join(folder, 'weights.bin'))).toEqual(before);
    const file = path.join(folder, 'notes.txt');
    await expect(saveCtBrainModel(await trained(), fileSystem(file), description)).rejects.toThrow(DataError);
    expect(() => fileSystem('')).toThrow(ArgumentError);
  });

  it('reads weights in several files, as converters write them', async () => {
    const model = await trained();
    const folder = path.join(await temporaryFolder(), 'brain');
    await saveCtBrainModel(model, fileSystem(folder), description);
    const json = JSON.parse(await readFile(path.join(folder, 'model.json'), 'utf8')) as tf.io.ModelJSON;
    const bytes = await readFile(path.join(folder, 'weights.bin'));
    const paths = ['./1of2.bin', '2of2.bin'];
    const sharded = { ...json, weightsManifest: [{ ...json.weightsManifest[0], paths }] };
    const files = { 'brain.json': JSON.stringify(sharded), '1of2.bin': bytes.subarray(0, 101), '2of2.bin': bytes.subarray(101) }; // prettier-ignore
    const other = await temporaryFolder(files);
    const { model: loaded } = await loadCtBrainModel(`file://${other}/brain.json`);
    await expectTwin(loaded, model);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['no folder', {}, /model\.json cannot be read: ENOENT/],
    ['no JSON', { 'brain/model.json': '{' }, /model\.json is not JSON/],
    ['no weights', { 'brain/model.json': '{}' }, /expected a model with lists of weights and of their files/],
    ['a file that is missing', { 'brain/model.json': '{"weightsManifest":[{"paths":["a.bin"],"weights":[]}]}' }, /a\.bin cannot be read: ENOENT/],
    ['a file elsewhere', { 'brain/model.json': '{"weightsManifest":[{"paths":["/etc/hosts"],"weights":[]}]}' }, /expected names of files in its folder, found "\/etc\/hosts"/],
    ['a file above', { 'brain/model.json': '{"weightsManifest":[{"paths":["../a.bin"],"weights":[]}]}', 'a.bin': '' }, /expected names of files in its folder, found "\.\.\/a\.bin"/],
  ])('refuses %s', async (_, files, message) => {
    const folder = path.join(await temporaryFolder(files), 'brain');
    const loading = loadCtBrainModel(`file://${folder}`);
    await expect(loading).rejects.toThrow(CheckpointError);
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toThrow(`file://${folder}`);
  }); // prettier-ignore
});

describe('handlers of tfjs', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    tf.env().set('IS_BROWSER', false);
  });

  it('a checkpoint folder over HTTP, with progress', async () => {
    const model = await trained();
    const folder = path.join(await temporaryFolder(), 'best');
    await saveCheckpoint(folder, model, { ...description, optimizer: model.optimizer });
    const { url, asked } = await served(folder);
    const fractions: number[] = [];
    const onProgress = (fraction: number) => fractions.push(fraction);
    const loaded = await loadCtBrainModel(`${url}/best/model.json?v=1`, { onProgress });
    expect(asked).toEqual(['/best/model.json?v=1', '/best/weights.bin?v=1']);
    expect(fractions.at(-1)).toBe(1);
    expect(loaded.manifest).toMatchObject(description);
    expect(weightsOf(loaded.model)).toEqual(weightsOf(model));
    expect(loaded.optimizer!.iterations).toBe(1);
    const missing = loadCtBrainModel(`${url}/none.json`);
    await expect(missing).rejects.toThrow(CheckpointError);
    await expect(missing).rejects.toThrow(/none\.json: cannot be read: .*404/);
  });

  it('a compiled model over HTTP', async () => {
    const model = await trained();
    const folder = path.join(await temporaryFolder(), 'brain');
    await saveCtBrainModel(model, fileSystem(folder), description);
    const { url } = await served(folder);
    await expectTwin((await loadCtBrainModel(`${url}/model.json`)).model, model);
  });

  it('a model that is sent over HTTP', async () => {
    const model = await trained();
    const sent: Record<string, Uint8Array> = {};
    const fetchFunc = async (_: unknown, init?: RequestInit) => {
      for (const [name, blob] of init!.body as FormData) {
        sent[name] = new Uint8Array(await (blob as Blob).arrayBuffer());
      }
      return new Response();
    };
    await saveCtBrainModel(model, tf.io.http('http://x/upload', { fetchFunc }), description);
    const { url } = await served(await temporaryFolder(sent));
    await expectTwin((await loadCtBrainModel(`${url}/model.json`)).model, model);
  });

  it('local storage', async () => {
    const kept = new Map<string, string>();
    const localStorage = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
      removeItem: (key: string) => kept.delete(key),
    };
    vi.stubGlobal('window', { localStorage });
    tf.env().set('IS_BROWSER', true);
    const model = await trained();
    await saveCtBrainModel(model, 'localstorage://brain', description);
    const { model: loaded, manifest } = await loadCtBrainModel('localstorage://brain');
    expect(manifest).toMatchObject(description);
    await expectTwin(loaded, model);
    await expect(loadCtBrainModel('localstorage://other')).rejects.toThrow(
      /^localstorage:\/\/other: cannot be read: In local storage, there is no model with name 'other'/,
    );
  });

  it('downloads', async () => {
    const model = await trained();
    const blobs: Record<string, Blob> = {};
    const files: Record<string, Uint8Array> = {};
    const URL = { createObjectURL: (blob: Blob) => Object.assign(blobs, { [Object.keys(blobs).length]: blob }) && String(Object.keys(blobs).length - 1) }; // prettier-ignore
    const createElement = () => {
      const anchor = { download: '', href: '', dispatchEvent: () => (clicked.push({ ...anchor }), true) };
      return anchor;
    };
    const clicked: { download: string; href: string }[] = [];
    vi.stubGlobal('window', { URL });
    vi.stubGlobal('document', { createElement });
    vi.stubGlobal('MouseEvent', class {});
    tf.env().set('IS_BROWSER', true);
    await saveCtBrainModel(model, 'downloads://brain', description);
    for (const { download, href } of clicked) {
      files[download] = new Uint8Array(await blobs[href]!.arrayBuffer());
    }
    expect(Object.keys(files).sort()).toEqual(['brain.json', 'brain.weights.bin']);
    const folder = await temporaryFolder(files);
    await expectTwin((await loadCtBrainModel(`file://${folder}/brain.json`)).model, model);
  });
});

describe('models that earlier versions saved', async () => {
  const fixtures = fileURLToPath(new URL('../../fixtures/saved_models/', import.meta.url));
  const versions = (await readdir(fixtures)).filter((name) => /^v\d+$/.test(name));

  it.each(versions)('%s loads and predicts what it did', async (version) => {
    const folder = path.join(fixtures, version);
    const expected = JSON.parse(await readFile(path.join(folder, 'expected.json'), 'utf8')) as {
      shape: number[];
      pixels: number[];
      targets: number[][][];
      logits: number[];
      afterStep?: number[];
    };
    const x = tf.tensor(expected.pixels, expected.shape);
    const loaded = await loadCtBrainModel(fileSystem(folder));
    for (const { model, manifest } of [await loadCheckpoint(folder), loaded]) {
      expectClose(model.predict(x) as tf.Tensor, expected.logits, 1e-5);
      expect(manifest).toMatchObject({
        formatVersion: 3,
        labels: ['a', 'b'],
        preprocessing: createPreprocessing({ imageSize: [16, 16], clahe: { clipLimit: 3 } }),
        thresholds: [0.25, 0.75],
        calibration: { method: 'platt', scale: [0.5, 1.5], offset: [-0.25, 0] },
        training: { stage: 'patients', epoch: 1, validationF2: 0.5 },
      });
    }
    // version 1 kept no loss
    expect(loaded.optimizer !== undefined).toBe(version !== 'v1');
    if (loaded.optimizer) {
      await loaded.model.fit(x, tf.tensor3d(expected.targets), { verbose: 0 });
      expectClose(loaded.model.predict(x) as tf.Tensor, expected.afterStep!, 1e-4);
    }
    const optimizer = adam(1e-2);
    await restoreOptimizer(folder, optimizer);
    expect(optimizer.iterations).toBe(1);
    expect((await optimizer.getWeights()).length).toBeGreaterThan(2);
  });
});
