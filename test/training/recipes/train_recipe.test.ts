import { readdir } from 'node:fs/promises';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { NonFiniteError } from '../../../src/base/errors';
import { asymmetricLoss } from '../../../src/losses/asymmetric_loss';
import { buildCtBrainModel } from '../../../src/models/ct_brain_model';
import type { CtBrainModelOptions } from '../../../src/models/options';
import { loadCheckpoint, readState } from '../../../src/node/runs/checkpoint';
import { evaluatePatients } from '../../../src/prediction/evaluate';
import { impliedThreshold } from '../../../src/prediction/implied_threshold';
import { memoryRun } from '../../../src/training/recipes/run_store';
import { trainRecipe, type TrainRecipeOptions } from '../../../src/training/recipes/train_recipe';
import { openTrainingRun } from '../../../src/node/runs/training_run';
import type { EpochLog, TrainingProgress } from '../../../src/training/stages/stage_log';
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
  const result = await trainRecipe(model, {
    run,
    train,
    validation,
    seed: 1,
    patience: 9,
    description,
    pretrain: { epochs: 2, learningRate: 1e-2, batchSize: 4 },
    warmUp: { epochs: 2, learningRate: 1e-2, versions: 1 },
    patients: { epochs: 3, learningRate: 3e-3 },
    ...rest,
  });
  const history = withoutSeconds(result.history);
  return { ...result, model, kept: result.model, run, history, weights: weightsOf(result.model) };
}
const runFolder = async () => path.join(await temporaryFolder(), 'run');

describe('trainRecipe', () => {
  it('refuses a label that nothing to train on is labelled with, and notes one that nothing has', async () => {
    const withB = (value: number) => ({
      ...train,
      sliceLabels: (patient: string) => train.sliceLabels(patient)!.map(([a]) => [a!, value]),
    });
    const stages = { pretrain: false, warmUp: false, patients: { epochs: 1 } } as const;
    await expect(trainInto(await runFolder(), { ...stages, train: withB(-1) })).rejects.toThrow(
      'no patient to train on is labelled with b',
    );
    const notes: string[] = [];
    const onNote = (note: string) => notes.push(note);
    await trainInto(await runFolder(), { ...stages, train: withB(0), onNote });
    expect(notes).toContainEqual(expect.stringContaining('no patient to train on has b:'));
  });

  it('runs all stages and leaves their checkpoints', async () => {
    const folder = await runFolder();
    const epochs: string[] = [];
    const progress: TrainingProgress[] = [];
    const { run, history, weights } = await trainInto(folder, {
      onEpochEnd: (log) => epochs.push(`${log.stage} ${log.epoch}`),
      onProgress: (step) => progress.push(step),
    });
    expect(epochs).toEqual([
      ...['pretrain 1', 'pretrain 2', 'warm-up 1', 'warm-up 2'],
      ...['patients 1', 'patients 2', 'patients 3'],
    ]);
    expect(history.map(({ stage, epoch }) => `${stage} ${epoch}`)).toEqual(epochs);
    expect(withoutSeconds(run.history)).toEqual(history);
    // the first two stages compare their last epochs only
    expect(history.slice(0, 4).map(({ best }) => best)).toEqual([false, true, false, true]);
    expect(progress.map(({ stage }) => stage)).toEqual([
      ...Array.from({ length: 6 }, () => 'pretrain'), // 9 slices in fours, twice
      ...Array.from({ length: 6 }, () => 'warm-up'),
      ...Array.from({ length: 9 }, () => 'patients'),
    ]);
    expect((await readdir(folder)).sort()).toEqual([
      'best',
      'config.json',
      'history.csv',
      'last',
      'pretrained',
      'trained',
    ]);

    const best = await loadCheckpoint(folder);
    expect(weightsOf(best.model)).toEqual(weights);
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
      warmUp: false,
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
    const { history } = await trainInto(folder, { pretrain: { epochs: 0 }, warmUp: false });
    expect(history.map(({ stage }) => stage)).toEqual(['patients', 'patients', 'patients']);
    expect((await readdir(folder)).sort()).toEqual(['best', 'config.json', 'history.csv', 'last', 'trained']);
  });

  it('gives the same after a kill in any stage, or between two, as without', async () => {
    const whole = await trainInto(await runFolder(), { checkpointSteps: 2 });
    const kills: [string, Partial<TrainRecipeOptions>][] = [
      ['in the first stage', { onProgress: ({ stage, epoch }) => stage === 'pretrain' && epoch === 2 && kill() }],
      ['in the warm-up', { onProgress: ({ stage, step }) => stage === 'warm-up' && step === 2 && kill() }],
      ['in an epoch, after a checkpoint', { onProgress: ({ stage, epoch, step }) => stage === 'patients' && epoch === 2 && step === 3 && kill() }],
      ['in the very first epoch, after a checkpoint', { onProgress: ({ step }) => step === 3 && kill() }],
      ['between two', { onProgress: ({ stage }) => stage === 'patients' && kill() }],
      ['in the second stage', { onProgress: ({ stage, epoch }) => stage === 'patients' && epoch === 3 && kill() }],
      ['after an epoch of the second stage', { onEpochEnd: ({ stage }) => stage === 'patients' && kill() }],
    ]; // prettier-ignore
    for (const [when, options] of kills) {
      const folder = await runFolder();
      await expect(trainInto(folder, { ...options, checkpointSteps: 2 })).rejects.toThrow('killed');
      expect(await readdir(folder), when).not.toContain('run.lock');
      const resumed = await trainInto(folder, { resume: true, checkpointSteps: 2 });
      expect(resumed.history, when).toEqual(whole.history);
      expect(resumed.weights, when).toEqual(whole.weights);
      expect(weightsOf((await loadCheckpoint(folder)).model), when).toEqual(whole.weights);
    }
  });

  it('resumes with the same images only, where the sources have fingerprints', async () => {
    const seen = (print: string) => ({ ...train, fingerprints: async () => ['1', '2', print] });
    const stages = { pretrain: false, warmUp: false, patients: { epochs: 2 } } as const;
    const folder = await runFolder();
    const onEpochEnd = () => kill();
    await expect(trainInto(folder, { ...stages, train: seen('3'), onEpochEnd })).rejects.toThrow('killed');
    const onProgress = () => expect.unreachable('trained on other images');
    const other = trainInto(folder, { ...stages, train: seen('4'), resume: true, onProgress });
    await expect(other).rejects.toThrow(
      /in 3 of 3 patients; first, patient p1 has 1 of 3 images .* p1_2\.png/,
    );
    const { history } = await trainInto(folder, { ...stages, train: seen('3'), resume: true });
    expect(history).toHaveLength(2);
  });

  it('does not train again what is done', async () => {
    const folder = await runFolder();
    const whole = await trainInto(folder);
    let steps = 0;
    const notes: string[] = [];
    const watch = { onProgress: () => steps++, onNote: (note: string) => notes.push(note) };
    const again = await trainInto(folder, { resume: true, ...watch });
    expect(steps).toBe(0);
    expect(notes).toContain(
      'the run was already complete: nothing is trained, only the thresholds are chosen again',
    );
    const patients = { epochs: 4, learningRate: 3e-3 };
    const more = await trainInto(folder, { resume: true, ...watch, patients });
    expect(more.history.slice(0, -1)).toEqual(whole.history);
    expect(notes.filter((note) => note.includes('the run was already complete'))).toHaveLength(1);
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
    const { model, manifest } = await loadCheckpoint(path.join(folder, 'trained'));
    expect(['warm-up', 'patients']).toContain(manifest.training!.stage);
    expect(weightsOf(model).flat().every(Number.isFinite)).toBe(true);
  });

  describe('of a model of patients', () => {
    const ofPatients = { output: 'patient', pooling: 'attention' } as const;
    const stages = (history: { stage: string }[]) => [...new Set(history.map(({ stage }) => stage))];

    it('runs both stages where the slices are labelled', async () => {
      const folder = await runFolder();
      const { history, weights } = await trainInto(folder, {}, ofPatients);
      expect(stages(history)).toEqual(['pretrain', 'warm-up', 'patients']);
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
        expect(stages(history)).toEqual(['warm-up', 'patients']);
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
        /no labels/,
      );
    });
  });

  it('never ends a stage below the one before, on the validation patients', async () => {
    for (const seed of [1, 2, 3, 4]) {
      const notes: string[] = [];
      const {
        history,
        kept,
        model,
        description: made,
      } = await trainInto(
        await runFolder(),
        { seed, onNote: (note) => notes.push(note), patients: { epochs: 2, learningRate: 0.05 } },
        { seed },
      );
      const best = (stage: string) => Math.max(...history.filter((log) => log.stage === stage).map((log) => log.validationF2)); // prettier-ignore
      const [first, later] = [best('pretrain'), Math.max(best('warm-up'), best('patients'))];
      const { f2 } = await evaluatePatients(kept, validation, { threshold: 'best' });
      expect(f2).toBeCloseTo(Math.max(first, later), 6);
      expect(kept === model).toBe(later >= first);
      expect(made.model!['variant']).toBe(kept === model ? 'VGG16 + LRNN + SDL(GRU)' : 'VGG16');
      expect(notes.some((note) => note.includes('linear head'))).toBe(kept !== model);
    }
  });

  it("keeps the first stage's model where the others are worse, and goes on from there", async () => {
    const folder = await runFolder();
    const notes: string[] = [];
    // a head that stays as it was drawn, beside a trained one
    const worse = {
      validation: memorySource({ patients: ['v1', 'v2', 'v3', 'v4', 'v5', 'v6'], slices: 4 }),
      pretrain: { epochs: 8, learningRate: 2e-2, batchSize: 4 },
      warmUp: false as const,
      patients: { epochs: 1, learningRate: 1e-9 },
      onNote: (note: string) => notes.push(note),
    };
    const { kept, model, weights, history } = await trainInto(folder, worse);
    const first = Math.max(
      ...history.filter((log) => log.stage === 'pretrain').map((log) => log.validationF2),
    );
    const later = Math.max(
      ...history.filter((log) => log.stage !== 'pretrain').map((log) => log.validationF2),
    );
    expect(later).toBeLessThan(first);
    expect(kept).not.toBe(model);
    expect(notes.at(-1)).toMatch(/the first stage's model is kept.*F2 0\.\d+ after 0\.\d+/);
    const { model: saved, manifest } = await loadCheckpoint(folder);
    expect(weightsOf(saved)).toEqual(weights);
    expect(manifest.model['variant']).toBe('VGG16');
    expect(manifest.training!.stage).toBe('pretrain');
    const again = await trainInto(folder, { ...worse, resume: true });
    expect(again.weights).toEqual(weights);
  });

  it('stores thresholds and calibration that were fitted on the validation patients, and whose', async () => {
    const folder = await runFolder();
    const { kept, decisions, validation: score, beatsTrivial, trivial } = await trainInto(folder);
    const { manifest } = await loadCheckpoint(folder);
    expect(manifest.thresholds).toEqual(decisions!.thresholds);
    expect(manifest.calibration).toEqual(decisions!.calibration);
    const chance = decisions!.chosen.pooledScore! / 5;
    expect(decisions!.implied).toBe(await impliedThreshold(asymmetricLoss(), chance));
    expect(await readState(path.join(folder, 'best'))).toEqual({ fitted: ['v1'] });
    const { thresholds, calibration } = manifest;
    const { f2 } = await evaluatePatients(kept, validation, { threshold: thresholds, calibration });
    expect(f2).toBe(score.f2);
    expect(beatsTrivial).toBe(trivial.every((other) => f2 > other.f2));

    const fixed = await trainInto(await runFolder(), { threshold: 0.25 });
    expect(fixed.description.thresholds).toEqual([0.25, 0.25]);
    expect(fixed.decisions).toBeUndefined();
    expect(fixed.history.map((log) => log.validationThreshold)).toEqual(fixed.history.map(() => 0.25));
  });

  it('runs in memory as in a folder', async () => {
    const { weights, history } = await trainInto(await runFolder());
    const run = memoryRun();
    const model = build();
    const stages = { pretrain: { epochs: 2, learningRate: 1e-2, batchSize: 4 }, warmUp: { epochs: 2, learningRate: 1e-2, versions: 1 } }; // prettier-ignore
    const result = await trainRecipe(model, {
      ...{ run, train, validation, seed: 1, patience: 9, description, ...stages },
      patients: { epochs: 3, learningRate: 3e-3 },
    });
    expect(withoutSeconds(result.history)).toEqual(history);
    expect(weightsOf(result.model)).toEqual(weights);
    run.dispose();
  });

  it('leaks nothing', async () => {
    const before = tf.memory().numTensors;
    const folder = await runFolder();
    const dispose = ({ model, kept }: { model: tf.LayersModel; kept: tf.LayersModel }) => {
      model.dispose();
      if (kept !== model) kept.getLayer('classifier').dispose();
    };
    dispose(await trainInto(folder));
    expect(tf.memory().numTensors).toBe(before);
    dispose(await trainInto(folder, { resume: true }));
    expect(tf.memory().numTensors).toBe(before);
  });
});

const kill = () => {
  throw new Error('killed');
};

it('hands what varies the sequence of slices, and what is supervised beside it, to the second stage', async () => {
  const patients = { epochs: 1, learningRate: 3e-3 };
  const into = async (more: object) => {
    const options = {
      pretrain: false,
      warmUp: false,
      augment: false,
      patients: { ...patients, ...more },
    } as const;
    return (await trainInto(await runFolder(), options, { sliceClassifier: true })).weights;
  };
  const plain = await into({});
  expect(await into({ augmentSequence: { reverse: 1 } })).not.toEqual(plain);
  expect(await into({ sliceClassifierWeight: 5 })).not.toEqual(plain);
  expect(await into({})).toEqual(plain);
});
