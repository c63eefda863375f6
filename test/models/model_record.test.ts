import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { cachedSource } from '../../src/data/sources/cached_source';
import { subset, type PatientSource } from '../../src/data/sources/patient_source';
import { buildCtBrainModel } from '../../src/models/ct_brain_model';
import { collectPredictions } from '../../src/prediction/collect_predictions';
import { evaluatePatients } from '../../src/prediction/evaluate';
import { predictPatientLevel, predictPatients } from '../../src/prediction/predict_patients';
import type { CheckpointDescription } from '../../src/saving/checkpoint_format';
import { loadCtBrainModel, saveCtBrainModel } from '../../src/saving/saved_model';
import { memoryRun } from '../../src/training/recipes/run_store';
import { pretrainBackbone, trainPatients } from '../../src/training/stages/train_patients';
import { trainRecipe } from '../../src/training/recipes/train_recipe';
import { warmUpHead } from '../../src/training/stages/warm_up_head';
import { createPreprocessing, type CtPreprocessingOptions } from '../../src/transforms/preprocessing';
import { memorySource, tinyBackbone } from '../support/memory_source';

const labels = ['ich', 'ivh', 'sah'];
const trained = { windows: ['brain'], imageSize: [16, 16] } satisfies CtPreprocessingOptions;

async function loaded(): Promise<tf.LayersModel> {
  let kept: tf.io.ModelArtifacts = {};
  const handler = tf.io.withSaveHandler(async (artifacts) => {
    kept = artifacts;
    return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
  });
  const model = buildCtBrainModel({ variant: 'VGG16', backbone: tinyBackbone(), labels, seed: 1 });
  await saveCtBrainModel(model, handler, { labels, preprocessing: createPreprocessing(trained) });
  return (await loadCtBrainModel(tf.io.fromMemory(kept))).model;
}

function study(names: string[], preprocessing?: CtPreprocessingOptions): PatientSource {
  const source = memorySource({ patients: ['1', '2'], slices: 2, labels: names });
  return preprocessing ? { ...source, preprocessing: createPreprocessing(preprocessing) } : source;
}

/** Everything that scores a study with a model. */
const WAYS: Record<string, (model: tf.LayersModel, source: PatientSource) => Promise<unknown>> = {
  predictPatients: (model, source) => predictPatients(model, source).next(),
  predictPatientLevel: (model, source) => predictPatientLevel(model, source).next(),
  evaluatePatients,
  collectPredictions,
};

describe.each(Object.entries(WAYS))('%s with a model that was loaded', (_, score) => {
  it.each([
    ['in another order', ['sah', 'ivh', 'ich']],
    ['of other names', ['ich', 'ivh', 'edh']],
  ])('refuses a study of labels %s (case 45)', async (_, names) => {
    const expected =
      /source: expected the labels of the checkpoint in their order, ich, ivh, sah \(.*manifest\.labels\), received \["/;
    await expect(score(await loaded(), study(names))).rejects.toThrow(expected);
    await expect(score(await loaded(), study(names, trained))).rejects.toThrow(expected);
  });

  it.each<[string, CtPreprocessingOptions, RegExp]>([
    ['another window', { windows: ['bone'] }, /source: windows: expected \[\{"center":40,"width":80\}\], as the checkpoint was trained \(.*manifest\.preprocessing\), received \[\{"center":\d+,"width":\d+\}\]$/],
    ['images in place of HU', { windows: false }, /source: windows: .*, received false$/],
    ['more channels', { windows: ['brain', 'bone'] }, /source: windows: /],
    ['another size', { imageSize: [32, 32] }, /source: imageSize: expected \[16,16\].*, received \[32,32\]$/],
    ['neighbours', { neighbors: 1 }, /source: neighbors: expected 0.*, received 1$/],
    ['no equalisation', { clahe: false }, /source: clahe: expected \{"clipLimit":2,.*, received false$/],
  ])('refuses a study prepared with %s (case 45)', async (_, change, message) => {
    await expect(score(await loaded(), study(labels, { ...trained, ...change }))).rejects.toThrow(message);
  }); // prettier-ignore

  it('takes one that fits, whether it says how slices are prepared or not', async () => {
    const model = await loaded();
    for (const preprocessing of [undefined, trained, { ...trained, edge: 'zero' as const }]) {
      expect(await score(model, study(labels, preprocessing))).toBeDefined();
    }
  });
});

type Sides = { train: PatientSource; validation: PatientSource };

/** Everything that trains a model on a study. */
const TRAININGS: Record<string, (model: tf.LayersModel, sides: Sides) => Promise<unknown>> = {
  pretrainBackbone: (model, sides) => pretrainBackbone(model, { ...sides, seed: 1, epochs: 1 }),
  warmUpHead: (model, sides) => warmUpHead(model, { ...sides, seed: 1, epochs: 1, versions: 1 }),
  trainPatients: (model, sides) => trainPatients(model, { ...sides, seed: 1, epochs: 1 }),
  trainRecipe: (model, sides) =>
    recipe(model, sides, { labels, preprocessing: createPreprocessing(trained) }),
};

async function recipe(model: tf.LayersModel, sides: Sides, description: CheckpointDescription) {
  const run = memoryRun();
  try {
    const options = {
      pretrain: { epochs: 1 },
      warmUp: { epochs: 1 },
      patients: { epochs: 1 },
      threshold: 0.5,
    };
    return await trainRecipe(model, { run, ...sides, description, seed: 1, ...options });
  } finally {
    run.dispose();
  }
}

/** The two sides of a study, one of them maybe of another. */
const sidesOf = (study: PatientSource, other: Partial<Record<keyof Sides, PatientSource>> = {}): Sides => ({
  train: subset(other.train ?? study, ['1']),
  validation: subset(other.validation ?? study, ['2']),
});

describe.each(Object.entries(TRAININGS))('%s with a model that was loaded', (_, train) => {
  it('refuses a study of other labels (case 45)', async () => {
    const other = study([...labels].reverse(), trained);
    await expect(train(await loaded(), sidesOf(other))).rejects.toThrow(
      /train: expected the labels of the (checkpoint|description) in their order, ich, ivh, sah.*, received \["sah"/,
    );
  });

  it('refuses training or validation patients with another preprocessing before it loads one', async () => {
    for (const side of ['train', 'validation'] as const) {
      const other = { ...study(labels, { ...trained, windows: ['bone'] }), load: () => fail(), loadSlices: () => fail() };
      await expect(train(await loaded(), sidesOf(other, { [side === 'train' ? 'validation' : 'train']: study(labels, trained) }))).rejects.toThrow(
        new RegExp(`${side}: windows: expected \\[\\{"center":40,"width":80\\}\\], as the`),
      );
    } // prettier-ignore
  });

  it('trains on one that fits', async () => {
    expect(await train(await loaded(), sidesOf(study(labels, trained)))).toBeDefined();
  });
});

const fail = (): never => {
  throw new Error('a patient was loaded');
};

it('compares the description of a training with what it trains on, of any model', async () => {
  const model = buildCtBrainModel({ variant: 'VGG16', backbone: tinyBackbone(), labels, seed: 1 });
  const preprocessing = createPreprocessing(trained);
  const fits = sidesOf(study(labels, trained));
  await expect(recipe(model, fits, { labels: [...labels].reverse(), preprocessing })).rejects.toThrow(
    /trainRecipe: train: expected the labels of the description in their order, sah, ivh, ich, received \["ich"/,
  );
  const bone = createPreprocessing({ ...trained, windows: ['bone'] });
  await expect(recipe(model, fits, { labels, preprocessing: bone })).rejects.toThrow(
    /trainRecipe: train: windows: expected .*, as the description says, received \[\{"center":40,"width":80\}\]/,
  );
});

it('is asked of parts of a study and of a cache of it, too', async () => {
  const model = await loaded();
  const other = study(labels, { ...trained, windows: ['bone'] });
  for (const source of [subset(other, ['1']), cachedSource(other)]) {
    await expect(predictPatients(model, source).next()).rejects.toThrow(/source: windows/);
  }
});

describe('a model that was built', () => {
  const build = (named: readonly string[] | undefined) =>
    buildCtBrainModel({ variant: 'VGG16', backbone: tinyBackbone(), labels: named, seed: 1 });

  it('with labels refuses a study of others, or in another order', async () => {
    const other = study([...labels].reverse());
    const message =
      /: expected the labels that the model was built with in their order, ich, ivh, sah, received \["sah"/;
    for (const way of Object.values(WAYS)) {
      await expect(way(build(labels), other)).rejects.toThrow(message);
      expect(await way(build(labels), study(labels, trained))).toBeDefined();
    }
    for (const [name, train] of Object.entries(TRAININGS)) {
      if (name === 'trainRecipe') continue; // compares with its description first, see above
      await expect(train(build(labels), sidesOf(other))).rejects.toThrow(message);
    }
  });

  it('without labels takes any study of as many', async () => {
    const { value } = await predictPatients(build(undefined), study(['a', 'b', 'c', 'd', 'e'])).next();
    expect(value).toHaveLength(2);
  });
});
