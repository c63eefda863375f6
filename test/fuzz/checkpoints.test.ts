import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ArgumentError, CheckpointError } from '../../src/base/errors';
import { asymmetricLoss } from '../../src/losses/asymmetric_loss';
import { f2Metric } from '../../src/metrics/f2_metric';
import { weightedLogLossMetric } from '../../src/metrics/weighted_log_loss';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { restoreOptimizer } from '../../src/node/runs/checkpoint';
import { fileSystem } from '../../src/node/runs/model_folder';
import { createCheckpointManifest, parseCheckpointManifest } from '../../src/saving/checkpoint_format';
import { loadCtBrainModel, saveCtBrainModel } from '../../src/saving/saved_model';
import { createPreprocessing } from '../../src/transforms/preprocessing';
import { temporaryFolder } from '../support/folder';
import { tinyBackbone } from '../support/memory_source';
import { fuzz, growthOf, itHasReadAll, MUTANTS, watched } from './fuzz';
import { byteChanges, changeBytes, changeJson, jsonChanges, mutantsOf } from './mutations';

watched('checkpoints');

const labels = ['a', 'b'];
const records = {
  plain: createPreprocessing(),
  windows: createPreprocessing({
    windows: ['brain', 'subdural'],
    neighbors: 1,
    clahe: { valueRange: [0, 2] },
  }),
  bare: createPreprocessing({ clahe: false, edge: 'zero' }),
  old: { version: 1, imageSize: [64, 64], clahe: { clipLimit: 3 } } as never,
};
const manifests = Object.fromEntries(
  Object.entries(records).map(([name, preprocessing]) => [
    name,
    createCheckpointManifest({
      labels,
      preprocessing,
      thresholds: [0.5, 0.25],
      model: { variant: 'VGG16' },
      training: { stage: 'patients', epoch: 3, validationF2: 0.5 },
    }),
  ]),
);
const names = Object.keys(records);

describe('what a manifest is parsed by', () => {
  it('createPreprocessing', async () => {
    const { accepted } = await fuzz({
      mutants: mutantsOf(names, jsonChanges()),
      count: MUTANTS.checkpoints * 0.4,
      read: ({ source, changes }) => {
        const record = changeJson(records[source as keyof typeof records], changes);
        const made = createPreprocessing(record as never);
        const text = JSON.stringify(made);
        expect(JSON.stringify(createPreprocessing(JSON.parse(text)))).toBe(text);
      },
      refusal: ArgumentError,
    });
    expect(accepted).toBeGreaterThan(0);
  });

  it('parseCheckpointManifest', async () => {
    const { accepted } = await fuzz({
      mutants: mutantsOf(names, jsonChanges()),
      count: MUTANTS.checkpoints * 0.56,
      read: ({ source, changes }) => {
        const manifest = parseCheckpointManifest(changeJson(manifests[source], changes));
        expect(manifest.thresholds).toHaveLength(manifest.labels.length);
      },
      refusal: CheckpointError,
    });
    expect(accepted).toBeGreaterThan(0);
  });
});

describe('a checkpoint folder', () => {
  const files: Record<string, Uint8Array> = {};
  beforeAll(async () => {
    const model = buildCtBrainModel({
      variant: 'VGG16 + LRNN + SDL(GRU)',
      backbone: tinyBackbone({ batchNorm: true }),
      labels,
      labelDecoder: { units: 3 },
      seed: 1,
    });
    const optimizer = tf.train.adam(1e-2);
    const metrics = [f2Metric({ threshold: [0.5, 0.25] }), weightedLogLossMetric({ weights: [1, 2] })];
    model.compile({ optimizer, loss: asymmetricLoss(), metrics });
    await model.fit(tf.zeros([1, 2, 16, 16, 1]), tf.ones([1, 2, 2]), { verbose: 0 });
    const parent = await mkdtemp(path.join(tmpdir(), 'ct-multilabel-'));
    try {
      const folder = path.join(parent, 'best');
      await saveCtBrainModel(model, fileSystem(folder), { labels, preprocessing: records.windows });
      for (const name of await readdir(folder)) {
        files[name] = new Uint8Array(await readFile(path.join(folder, name)));
      }
    } finally {
      await rm(parent, { recursive: true });
    }
    model.dispose();
    optimizer.dispose();
  });

  beforeEach(() => {
    // tfjs warns of some odd models that it takes all the same
    const warnings = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    onTestFinished(() => warnings.mockRestore());
  });

  /** The checkpoint in a folder, and a function that reads it with one file replaced. */
  async function saved(read: (folder: string) => Promise<unknown>) {
    const folder = await temporaryFolder(files);
    const replaced = async (name: string, bytes: Uint8Array) => {
      await writeFile(path.join(folder, name), bytes);
      try {
        await read(folder);
      } finally {
        await writeFile(path.join(folder, name), files[name]!);
      }
    };
    return { folder, replaced };
  }
  const load = async (folder: string) => {
    const { model, optimizer } = await loadCtBrainModel(`file://${folder}`);
    const weights = model.getWeights();
    model.dispose();
    optimizer?.dispose();
    // tfjs keeps those of a layer that is called twice, which a changed topology may say
    for (const weight of weights) if (!weight.isDisposed) weight.dispose();
  };

  it('with changed bytes in a file', async () => {
    const { folder, replaced } = await saved(load);
    await fuzz({
      mutants: mutantsOf(['model.json', 'weights.bin'], byteChanges(['{', '"', '[', ',', '-', '0'])),
      count: MUTANTS.checkpoints * 0.01,
      read: ({ source, changes }) =>
        replaced(source, changeBytes(files[source]!, changes, Object.values(files))),
      refusal: CheckpointError,
      names: folder,
    });
  });

  it('with changed values in its JSON', async () => {
    const { folder, replaced } = await saved(load);
    await fuzz({
      mutants: mutantsOf(['model.json'], jsonChanges()),
      count: MUTANTS.checkpoints * 0.02,
      read: ({ source, changes }) => {
        const value: unknown = JSON.parse(new TextDecoder().decode(files[source]));
        const text = JSON.stringify(changeJson(value, changes)) ?? '';
        return replaced(source, new TextEncoder().encode(text));
      },
      refusal: CheckpointError,
      names: folder,
    });
  });

  it('with a changed manifest', async () => {
    const { replaced } = await saved(load);
    type Model = { userDefinedMetadata: { ctMultilabel: object } };
    const model = JSON.parse(new TextDecoder().decode(files['model.json'])) as Model;
    await fuzz({
      mutants: mutantsOf(['model.json'], jsonChanges()),
      count: MUTANTS.checkpoints * 0.02,
      read: ({ changes }) => {
        const ctMultilabel = changeJson(model.userDefinedMetadata.ctMultilabel, changes);
        const text = JSON.stringify({ ...model, userDefinedMetadata: { ctMultilabel } });
        return replaced('model.json', new TextEncoder().encode(text));
      },
      refusal: CheckpointError,
    });
  });

  it('with a changed optimizer', async () => {
    const { folder, replaced } = await saved(async (saving) => {
      const optimizer = tf.train.adam(1e-2);
      try {
        await restoreOptimizer(saving, optimizer);
      } finally {
        optimizer.dispose();
      }
    });
    await fuzz({
      mutants: mutantsOf(['model.json'], jsonChanges()),
      count: MUTANTS.checkpoints * 0.01,
      read: ({ changes }) => {
        const { weightsManifest, ...model } = JSON.parse(
          new TextDecoder().decode(files['model.json']),
        ) as tf.io.ModelJSON;
        const { paths, weights } = weightsManifest[0]!;
        const first = weights.findIndex(({ group }) => group === 'optimizer');
        const changed = changeJson(weights.slice(first), changes) as tf.io.WeightsManifestEntry[];
        const specs = Array.isArray(changed) ? [...weights.slice(0, first), ...changed] : changed;
        const text = JSON.stringify({ ...model, weightsManifest: [{ paths, weights: specs }] });
        return replaced('model.json', new TextEncoder().encode(text));
      },
      refusal: CheckpointError,
      names: folder,
    });
  });

  it('whose topology asks for more weights than it has allocates none', async () => {
    const { replaced } = await saved(load);
    const text = new TextDecoder().decode(files['model.json']);
    const growth = await growthOf(async () => {
      for (const size of [2 ** 31, 2 ** 26, 10_000, 65_535]) {
        const changed = text.replaceAll(/"(units|filters)":\d+/g, `"$1":${size}`);
        expect(changed).not.toBe(text);
        const reading = replaced('model.json', new TextEncoder().encode(changed));
        await expect(reading).rejects.toThrow(CheckpointError);
      }
    });
    expect(growth).toBeLessThan(256 * 2 ** 20);
  });
});

itHasReadAll('checkpoints');
