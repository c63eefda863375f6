import { readdir } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { NonFiniteError } from '../../../src/base/errors';
import { asymmetricLoss } from '../../../src/losses/asymmetric_loss';
import { buildCtBrainModel } from '../../../src/models/ct_brain_model';
import type { CtBrainModelOptions } from '../../../src/models/options';
import { loadCheckpoint } from '../../../src/node/runs/checkpoint';
import { trainRecipe, type TrainRecipeOptions } from '../../../src/node/runs/train_recipe';
import { openTrainingRun } from '../../../src/node/runs/training_run';
import type { EpochLog, TrainingProgress } from '../../../src/training/fit_stage';
import { backboneOf } from '../../../src/models/model_parts';
import { createPreprocessing } from '../../../src/transforms/preprocessing';
import { memorySource, onlyPatientLabels, tinyBackbone } from '../../support/memory_source';
import { temporaryFolder } from '../../support/folder';

const labels = ['a', 'b'];
const train = memorySource({ patients: ['p1', 'p2', 'p3'], slices: 3 });
const validation = memorySource({ patients: ['v1'], slices: 4 });
const description = {
  labels,
  preprocessing: createPreprocessing({ imageSize: [16, 16] }),
  model: { variant: 'VGG16 + LRNN + SDL(GRU)', made: 'here' },
};
const build = (more: CtBrainModelOptions = {}) =>
  buildCtBrainModel({
    variant: 'VGG16 + LRNN + SDL(GRU)',
    backbone: tinyBackbone({ batchNorm: true }),
    labels,
    labelDecoder: { units: 4 },
    seed: 1,
    ...more,
  });
const weightsOf = (model: tf.LayersModel) => model.getWeights().map((weight) => [...weight.dataSync()]);
const withoutSeconds = (logs: EpochLog[]) => logs.map(({ seconds: _, ...log }) => log);

/** Trains into a folder, as a new process would: with a model built anew. */
async function trainInto(
  folder: string,
  options: Partial<TrainRecipeOptions> & { resume?: boolean } = {},
  modelOptions: CtBrainModelOptions = {},
) {
  const { resume = false, ...rest } = options;
  const model = build(modelOptions);
  const run = await openTrainingRun(folder, { config: { seed: 1 }, resume });
  const history = await trainRecipe(model, {
    run,
    train,
    validation,
    seed: 1,
    patience: 9,
    description,
    pretrain: { epochs: 2, learningRate: 1e-2, batchSize: 4 },
    patients: { epochs: 3, learningRate: 3e-3 },
    ...rest,
  });
  return { model, run, history: withoutSeconds(history), weights: weightsOf(model) };
}
const runFolder = async () => path.join(await temporaryFolder(), 'run');

describe('trainRecipe', () => {
  it('runs both stages and leaves a checkpoint of each', async () => {
    const folder = await runFolder();
    const epochs: string[] = [];
    const progress: TrainingProgress[] = [];
    const { run, history, weights } = await trainInto(folder, {
      onEpochEnd: (log) => epochs.push(`${log.stage} ${log.epoch}`),
      onProgress: (step) => progress.push(step),
    });
    expect(epochs).toEqual(['pretrain 1', 'pretrain 2', 'patients 1', 'patients 2', 'patients 3']);
    expect(history.map(({ stage, epoch }) => `${stage} ${epoch}`)).toEqual(epochs);
    expect(withoutSeconds(run.history)).toEqual(history);
    expect(progress.map(({ stage }) => stage)).toEqual([
      ...Array.from({ length: 6 }, () => 'pretrain'), // 9 slices in fours, twice
      ...Array.from({ length: 9 }, () => 'patients'),
    ]);
    expect((await readdir(folder)).sort()).toEqual([
      'best',
      'config.json',
      'history.csv',
      'last',
      'pretrained',
    ]);

    const best = await loadCheckpoint(folder);
    expect(weightsOf(best.model)).toEqual(weights);
    expect(best.manifest.model).toEqual(description.model);
    const pretrained = await loadCheckpoint(path.join(folder, 'pretrained'));
    expect(pretrained.manifest.model).toEqual({ variant: 'VGG16', made: 'here' });
    expect(pretrained.manifest.training!.stage).toBe('pretrain');
    expect(pretrained.model.layers.map((layer) => layer.name)).toEqual(['images', 'backbone', 'classifier']);
  });

  it('hands the backbone of the first stage on to the second', async () => {
    const initial = weightsOf(backboneOf(build()));
    const folder = await runFolder();
    let handedOn: number[][] = [];
    const model = build();
    const run = await openTrainingRun(folder, { config: {} });
    await trainRecipe(model, {
      run,
      train,
      validation,
      seed: 1,
      description,
      pretrain: { epochs: 2, learningRate: 1e-2, batchSize: 4 },
      patients: { epochs: 1, learningRate: 1e-9 },
      onEpochEnd: ({ stage }) => {
        if (stage === 'patients') handedOn = weightsOf(backboneOf(model));
      },
    });
    const { model: pretrained } = await loadCheckpoint(path.join(folder, 'pretrained'));
    const learned = weightsOf(backboneOf(pretrained));
    expect(learned).not.toEqual(initial);
    // the second stage, at a rate of next to nothing, starts from there
    handedOn.flat().forEach((value, i) => expect(Math.abs(value - learned.flat()[i]!)).toBeLessThan(1e-6));
  });

  it('leaves the first stage out where it has no epochs', async () => {
    const folder = await runFolder();
    const { history } = await trainInto(folder, { pretrain: { epochs: 0 } });
    expect(history.map(({ stage }) => stage)).toEqual(['patients', 'patients', 'patients']);
    expect((await readdir(folder)).sort()).toEqual(['best', 'config.json', 'history.csv', 'last']);
  });

  it('gives the same after a kill in either stage, or between the two, as without', async () => {
    const whole = await trainInto(await runFolder());
    const kills: [string, Partial<TrainRecipeOptions>][] = [
      ['in the first stage', { onProgress: ({ stage, epoch }) => stage === 'pretrain' && epoch === 2 && kill() }],
      ['between the two', { onProgress: ({ stage }) => stage === 'patients' && kill() }],
      ['in the second stage', { onProgress: ({ stage, epoch }) => stage === 'patients' && epoch === 3 && kill() }],
      ['after an epoch of the second stage', { onEpochEnd: ({ stage }) => stage === 'patients' && kill() }],
    ]; // prettier-ignore
    for (const [when, options] of kills) {
      const folder = await runFolder();
      await expect(trainInto(folder, options)).rejects.toThrow('killed');
      const resumed = await trainInto(folder, { resume: true });
      expect(resumed.history, when).toEqual(whole.history);
      expect(resumed.weights, when).toEqual(whole.weights);
      expect(weightsOf((await loadCheckpoint(folder)).model), when).toEqual(whole.weights);
    }
  });

  it('does not train again what is done', async () => {
    const folder = await runFolder();
    const whole = await trainInto(folder);
    let steps = 0;
    const again = await trainInto(folder, { resume: true, onProgress: () => steps++ });
    expect(steps).toBe(0);
    expect(again.history).toEqual(whole.history);
    expect(again.weights).toEqual(whole.weights);
  });

  it('keeps the files of the last good epoch when the loss stops being finite', async () => {
    const folder = await runFolder();
    let poisoned = false;
    const loss = (yTrue: tf.Tensor, logits: tf.Tensor) => {
      const value = asymmetricLoss()(yTrue, logits);
      return poisoned ? tf.mul(value, NaN) : value;
    };
    const failing = trainInto(folder, {
      loss,
      onEpochEnd: ({ stage, epoch }) => {
        poisoned = stage === 'patients' && epoch === 1;
      },
    });
    await expect(failing).rejects.toThrow(NonFiniteError);
    await expect(failing).rejects.toThrow(/patients: the loss is NaN in epoch 2/);
    const { model, manifest } = await loadCheckpoint(folder);
    expect(manifest.training).toMatchObject({ stage: 'patients', epoch: 1 });
    expect(weightsOf(model).flat().every(Number.isFinite)).toBe(true);
  });

  describe('of a model of patients', () => {
    const ofPatients = { output: 'patient', pooling: 'attention' } as const;
    const stages = (history: { stage: string }[]) => [...new Set(history.map(({ stage }) => stage))];

    it('runs both stages where the slices are labelled', async () => {
      const folder = await runFolder();
      const { history, weights } = await trainInto(folder, {}, ofPatients);
      expect(stages(history)).toEqual(['pretrain', 'patients']);
      expect(weightsOf((await loadCheckpoint(folder)).model)).toEqual(weights);
    });

    it('leaves the first stage out where they are not, on either side', async () => {
      for (const sources of [
        { train: onlyPatientLabels(train), validation: onlyPatientLabels(validation) },
        { train: onlyPatientLabels(train) },
        { validation: onlyPatientLabels(validation) },
      ]) {
        const folder = await runFolder();
        const { history, weights } = await trainInto(folder, sources, ofPatients);
        expect(stages(history)).toEqual(['patients']);
        expect(weightsOf((await loadCheckpoint(folder)).model)).toEqual(weights);
      }
    });

    it('goes on after a kill as without', async () => {
      const sources = { train: onlyPatientLabels(train), validation: onlyPatientLabels(validation) };
      const whole = await trainInto(await runFolder(), sources, ofPatients);
      const folder = await runFolder();
      const killed = { ...sources, onProgress: ({ epoch }: TrainingProgress) => epoch === 2 && kill() };
      await expect(trainInto(folder, killed as Partial<TrainRecipeOptions>, ofPatients)).rejects.toThrow(
        'killed',
      );
      const resumed = await trainInto(folder, { ...sources, resume: true }, ofPatients);
      expect(resumed.history).toEqual(whole.history);
      expect(resumed.weights).toEqual(whole.weights);
    });

    it('still needs labels of slices for a model of slices', async () => {
      await expect(trainInto(await runFolder(), { train: onlyPatientLabels(train) })).rejects.toThrow(
        /no labels to train on/,
      );
    });
  });

  it('leaks nothing', async () => {
    const before = tf.memory().numTensors;
    const folder = await runFolder();
    const { model } = await trainInto(folder);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
    const resumed = await trainInto(folder, { resume: true });
    resumed.model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

const kill = () => {
  throw new Error('killed');
};

it('hands what varies the sequence of slices, and what is supervised beside it, to the second stage', async () => {
  const patients = { epochs: 1, learningRate: 3e-3 };
  const into = async (more: object) => {
    const options = { pretrain: { epochs: 0 }, augment: false, patients: { ...patients, ...more } } as const;
    return (await trainInto(await runFolder(), options, { sliceClassifier: true })).weights;
  };
  const plain = await into({});
  expect(await into({ augmentSequence: { reverse: 1 } })).not.toEqual(plain);
  expect(await into({ sliceClassifierWeight: 5 })).not.toEqual(plain);
  expect(await into({})).toEqual(plain);
});
